//! Durations as people write them: `90s`, `1h30m`, `500ms`, `0`.

use std::time::Duration;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
const LONGEST: f64 = 100.0 * 365.0 * 86400.0;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 60s, 2m, 1h30m or 500ms: {0}")]
pub struct DurationError(&'static str);

/// Reads a duration.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = 0.0;
    let mut largest = f64::INFINITY;
    while !rest.is_empty() {
        let (number, behind) = split(rest, |byte| byte.is_ascii_digit() || byte == b'.');
        let (unit, behind) = split(behind, |byte| byte.is_ascii_alphabetic());
        let number: f64 = number.parse().map_err(|_| DurationError("a number is missing"))?;
        let (_, factor) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or(DurationError("each number needs a unit: ms, s, m or h"))?;
        if factor >= largest {
            return Err(DurationError("each unit may be used once, larger units first"));
        }
        largest = factor;
        total += number * factor;
        rest = behind;
    }
    match total {
        _ if text.is_empty() => Err(DurationError("it is empty")),
        total if total > LONGEST => Err(DurationError("it is too long")),
        total => Ok(Duration::from_micros((total * 1e6).round() as u64)),
    }
}

/// No limit, as far as anybody will notice, and far from overflow.
pub const FOREVER: Duration = Duration::from_secs(100 * 365 * 86400);

/// The same, or `none` for [`FOREVER`], as which kubectl's negative durations count, too.
///
/// # Errors
/// If it is neither.
pub fn parse_or_none(text: &str) -> Result<Duration, DurationError> {
    match (text, text.strip_prefix('-')) {
        ("none", _) => Ok(FOREVER),
        (_, Some(behind)) => parse(behind).map(|_| FOREVER),
        _ => parse(text),
    }
}

/// Whole seconds, as kubectl's plain number or as a duration.
///
/// # Errors
/// If it is neither.
pub fn parse_seconds(text: &str) -> Result<i32, DurationError> {
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => u64::from(seconds),
        Err(_) => match parse(text)? {
            whole if whole.subsec_nanos() == 0 => whole.as_secs(),
            _ => return Err(DurationError("only whole seconds are possible here")),
        },
    };
    i32::try_from(seconds).map_err(|_| DurationError("it is too long"))
}

/// A duration as it is shown: `1h30m`, `10m`, `4.2s`, `500ms`.
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_nanos() != 0 && seconds < 60 {
        return match duration.as_millis() {
            millis @ ..1000 => format!("{millis}ms"),
            _ => format!("{:.1}s", duration.as_secs_f64()),
        };
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("60s", 60_000),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("1m0.1s", 60_100),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "s", "-1s", "1d", "1s1m", "1s1s", "1 s", "1e3s", "..s", "é", "9999999h", "1sm"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_negative_deadline_is_none_as_kubectl_has_it() {
        for (text, read) in [("-1s", Ok(FOREVER)), ("none", Ok(FOREVER)), ("1s", Ok(Duration::from_secs(1)))] {
            assert_eq!(parse_or_none(text), read, "{text}");
        }
        assert!(parse_or_none("-").is_err() && parse_or_none("--1s").is_err());
    }

    #[test]
    fn seconds_need_no_unit() {
        for (text, seconds) in [("0", 0), ("30", 30), ("30s", 30), ("1m", 60)] {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
        for text in ["", "-1", "1.5s", "500ms", "3000000000", "5000000000s", "x"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown() {
        for (millis, shown) in
            [(0, "0s"), (500, "500ms"), (4234, "4.2s"), (60_000, "1m"), (5_400_000, "1h30m"), (61_500, "1m1s")]
        {
            assert_eq!(show(Duration::from_millis(millis)), shown);
        }
    }
}
