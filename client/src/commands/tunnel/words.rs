//! What the words of `daymark tunnel` mean.

use crate::exit::Failure;
use crate::targets::Target;

/// A target, and its ports.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    pub target: Target,
    pub ports: Vec<Port>,
}

/// A port that is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Port {
    /// Where it is to be had: `None` for the target's own number, 0 for any that is free.
    pub local: Option<u16>,
    /// The target's, by number or name.
    pub remote: String,
}

/// Reads `TARGET PORT...`, once or several times: a word with a slash begins another target.
pub fn parse(words: &[String]) -> Result<Vec<Wanted>, Failure> {
    let mut all: Vec<Wanted> = Vec::new();
    for word in words {
        match all.last_mut() {
            Some(last) if !word.contains('/') => last.ports.push(port(word)?),
            _ => all.push(Wanted { target: target(word)?, ports: Vec::new() }),
        }
    }
    match all.iter().find(|wanted| wanted.ports.is_empty()) {
        Some(wanted) => Err(Failure::usage(format!("{}: name a port of it, such as 80 or 8080:80", wanted.target))),
        None => Ok(all),
    }
}

/// As to `kubectl port-forward`, a word alone is a pod.
fn target(word: &str) -> Result<Target, Failure> {
    let (kind, name) = word.split_once('/').unwrap_or(("pods", word));
    if kind.is_empty() || name.is_empty() || name.contains('/') {
        return Err(Failure::usage(format!("{word:?} is not an object: expected KIND/NAME, such as svc/web")));
    }
    Ok(Target { kind: kind.to_owned(), name: name.to_owned() })
}

fn port(word: &str) -> Result<Port, Failure> {
    let usage =
        || Failure::usage(format!("{word:?} is not a port: expected PORT, LOCAL:PORT or :PORT, such as 8080:80"));
    let (local, remote) = match word.split_once(':') {
        None => (None, word),
        Some(("", remote)) => (Some(0), remote),
        Some((local, remote)) => (Some(local.parse().map_err(|_| usage())?), remote),
    };
    let is_name = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && text.contains(|c: char| c.is_ascii_alphabetic())
    };
    match remote.parse::<u16>() {
        Ok(0) => Err(usage()),
        Ok(_) => Ok(Port { local, remote: remote.to_owned() }),
        Err(_) if is_name(remote) => Ok(Port { local, remote: remote.to_owned() }),
        Err(_) => Err(usage()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let shown = |wanted: Wanted| {
            let ports = wanted.ports.into_iter().map(|port| format!("{:?}>{}", port.local, port.remote));
            format!("{} {}", wanted.target, ports.collect::<Vec<_>>().join(" "))
        };
        Some(parse(&words).ok()?.into_iter().map(shown).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn targets_have_ports() {
        for (line, meaning) in [
            ("svc/web 80", "svc/web None>80"),
            ("web 8080:80 :http", "pods/web Some(8080)>80 Some(0)>http"),
            ("svc/a 80 deploy/b 0:90 http", "svc/a None>80, deploy/b Some(0)>90 None>http"),
        ] {
            assert_eq!(read(line).as_deref(), Some(meaning), "{line}");
        }
    }

    #[test]
    fn what_is_no_target_and_no_port_is_refused() {
        for line in [
            "svc/web",
            "80",
            "svc/a svc/b 80",
            "/web 80",
            "svc/ 80",
            "svc/a/b 80",
            "svc/a 0",
            "svc/a 65536",
            "svc/a -1",
            "svc/a 80:",
            "svc/a x:80",
            "svc/a 70000:80",
            "svc/a 80:81:82",
            "svc/a a_b",
            "svc/a :",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
