//! The words of `daymark tunnel` and `daymark proxy`.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use clap::ValueEnum;

use crate::duration;

/// `daymark tunnel`
#[derive(Debug, clap::Args)]
pub struct Tunnel {
    /// Target and its ports, then the next target, if any
    ///
    /// A target is svc/NAME, pod/NAME, deploy/NAME or another object with pods. A port is PORT,
    /// LOCAL:PORT, or :PORT for any free local port.
    #[arg(required = true, value_name = "TARGET|[LOCAL:]PORT")]
    pub words: Vec<String>,
    /// How to reach the target
    #[arg(long, value_enum, default_value_t = Via::Forward, value_name = "METHOD")]
    pub via: Via,
    /// Loopback address to listen on: 127.0.0.1, ::1, or localhost for both
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = loopback)]
    pub listen: Loopback,
    /// Close the tunnel after this long; at most 24h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = lasts)]
    pub max_duration: Duration,
    /// Command to run through the tunnel, which closes when the command exits
    ///
    /// Its environment has DAYMARK_TUNNEL_ADDRESS and DAYMARK_TUNNEL_PORT, and
    /// DAYMARK_TUNNEL_ADDRESS_2, DAYMARK_TUNNEL_PORT_2 and so on for further ports.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// How a tunnel reaches its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// The API server's port forwarding
    Forward,
    /// The API server's service proxy; HTTP only, GET and HEAD
    Proxy,
}

/// `daymark proxy`
#[derive(Debug, clap::Args)]
pub struct Proxy {
    /// Port to listen on; 0 for any free port
    #[arg(short, long, default_value_t = 8001)]
    pub port: u16,
    /// Loopback address to listen on: 127.0.0.1, ::1, or localhost for both
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = loopback)]
    pub listen: Loopback,
}

/// Addresses of this machine, that no other reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loopback(pub Vec<IpAddr>);

fn loopback(text: &str) -> Result<Loopback, String> {
    if text == "localhost" {
        return Ok(Loopback(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
    }
    match text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => Ok(Loopback(vec![address])),
        Ok(_) => Err("it is not a loopback address, and others could use your access: expected 127.0.0.1, ::1 or \
                      localhost"
            .to_owned()),
        Err(_) => Err("expected 127.0.0.1, ::1 or localhost".to_owned()),
    }
}

/// What a daemon carries a connection for, at most.
const LONGEST: Duration = Duration::from_hours(24);

fn lasts(text: &str) -> Result<Duration, String> {
    match duration::parse(text).map_err(|error| error.to_string())? {
        Duration::ZERO => Err("it must be greater than 0".to_owned()),
        lasts if lasts > LONGEST => Err("it must be at most 24h".to_owned()),
        lasts => Ok(lasts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_listened_on() {
        for (text, addresses) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.8.0.1", "127.8.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("localhost", "127.0.0.1 ::1"),
        ] {
            let found = loopback(text).map(|it| it.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), Ok(addresses), "{text}");
        }
        for text in ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "::ffff:10.0.0.1"] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tunnel_has_an_end() {
        assert_eq!(lasts("24h"), Ok(LONGEST));
        for text in ["0", "24h1s", "x"] {
            assert!(lasts(text).is_err(), "{text}");
        }
    }
}
