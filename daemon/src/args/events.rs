//! For how long events are kept, and how many.

use std::time::Duration;

use clap::Args;

use crate::event_store::Bounds;

/// Flags of events that are kept.
#[derive(Debug, Args)]
pub struct EventArgs {
    /// How long to keep events in memory, beyond the hour of the API server; 0 to keep none
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    events_kept: Duration,

    /// Maximum number of events to keep; the namespace that has the most loses its oldest first
    #[arg(long, value_name = "NUMBER", default_value_t = Bounds::default().events, value_parser = super::some)]
    events_max: usize,

    /// Memory limit for the events
    #[arg(long, value_name = "MIB", default_value_t = Bounds::default().bytes >> 20, value_parser = super::some)]
    events_mib: usize,
}

impl From<EventArgs> for Bounds {
    fn from(args: EventArgs) -> Self {
        Self { events: args.events_max, bytes: args.events_mib << 20, age: args.events_kept }
    }
}

/// Such as `90s`, `30m`, `24h` or `7d`, or `0`.
fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    /// A year.
    const LONGEST: u64 = 365 * 86_400;
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit = UNITS.into_iter().find_map(|(name, seconds)| Some((text.strip_suffix(name)?, seconds)));
    let seconds = unit.and_then(|(number, seconds)| number.parse::<u32>().ok().map(|it| u64::from(it) * seconds));
    match seconds {
        Some(seconds) if seconds <= LONGEST => Ok(Duration::from_secs(seconds)),
        _ => Err("not a duration of at most a year, such as 90s, 30m, 24h or 7d".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        for (text, seconds) in [("0", 0), ("0s", 0), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "h", "-1h", "1.5h", "366d", "99999999999h", "1h30m", "é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
