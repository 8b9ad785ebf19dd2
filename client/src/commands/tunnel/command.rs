//! Running a command through a tunnel.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::exit::{Exit, Failure};
use crate::signals::{Ending, Signals};

/// A command that runs.
pub struct Running {
    child: Child,
    /// Whether it is in a group of its own, with what it starts.
    own_group: bool,
}

/// Starts a command that finds the local ends of the tunnel in its environment. No shell has a hand in it; it
/// has this process' input and outputs.
///
/// # Errors
/// If it cannot be started.
pub fn start(words: &[OsString], addresses: &[SocketAddr]) -> Result<Running, Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| Failure::usage("name a command to run"))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(environment(addresses)).kill_on_drop(true);
    // What reads a terminal has to be in its foreground, where the terminal's signals reach it by themselves.
    let own_group = !std::io::stdin().is_terminal();
    if own_group {
        command.process_group(0);
    }
    let child = command.spawn();
    let child = child.map_err(|error| Failure::usage(format!("cannot run {}: {error}", program.display())))?;
    Ok(Running { child, own_group })
}

/// The first goes by the plain names, and each by its number.
fn environment(addresses: &[SocketAddr]) -> Vec<(String, String)> {
    let named = |end: &str, address: &SocketAddr| {
        [
            (format!("DAYMARK_TUNNEL_ADDRESS{end}"), address.ip().to_string()),
            (format!("DAYMARK_TUNNEL_PORT{end}"), address.port().to_string()),
        ]
    };
    let first = addresses.first().map(|address| named("", address));
    let each = addresses.iter().enumerate().map(|(place, address)| named(&format!("_{}", place + 1), address));
    first.into_iter().chain(each).flatten().collect()
}

impl Running {
    /// Waits for its end, and ends as it does. Signals are handed on to it, and at that time it is told to end.
    pub async fn end(mut self, signals: &mut Signals, until: Instant) -> Result<Exit, Failure> {
        let mut is_late = false;
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => {
                    let lost = |error| Failure::new(Exit::Fault, format!("cannot wait for the command to end: {error}"));
                    return Err(ended(status.map_err(lost)?));
                }
                ending = signals.next() => self.hand_on(ending),
                () = tokio::time::sleep_until(until), if !is_late => {
                    is_late = true;
                    self.send(Signal::TERM);
                }
            }
        }
    }

    /// A terminal sends an interrupt to both.
    fn hand_on(&self, ending: Ending) {
        if ending == Ending::Terminated || self.own_group {
            self.send(ending.signal());
        }
    }

    /// One that has ended by now needs no signal.
    fn send(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // As a terminal sends it, an interrupt goes to all that it has started, too.
            let is_for_all = self.own_group && signal == Signal::INT;
            let _ended = if is_for_all { kill_process_group(id, signal) } else { kill_process(id, signal) };
        }
    }
}

/// As shells say it: 128 and the signal, for one that a signal has ended.
fn ended(status: ExitStatus) -> Failure {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Failure::Ended(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Fault as u8))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_command_finds_the_tunnel() {
        let addresses = ["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()];
        let told: Vec<_> = environment(&addresses).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "DAYMARK_TUNNEL_ADDRESS=127.0.0.1",
            "DAYMARK_TUNNEL_PORT=1",
            "DAYMARK_TUNNEL_ADDRESS_1=127.0.0.1",
            "DAYMARK_TUNNEL_PORT_1=1",
            "DAYMARK_TUNNEL_ADDRESS_2=::1",
            "DAYMARK_TUNNEL_PORT_2=2",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_code_of_a_command_is_that_of_the_tunnel() {
        let code = |wait: i32| match ended(ExitStatus::from_raw(wait)) {
            Failure::Ended(code) => code,
            _ => 0,
        };
        assert_eq!((code(7 << 8), code(15), code(0)), (7, 143, 0));
    }
}
