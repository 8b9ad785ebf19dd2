//! Running a command for a transition.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, kill_process, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::transition::Transition;
use crate::exit::{Exit, Failure};
use crate::signals::{Ending, Signals};

/// A command has ended.
pub struct Ended {
    status: ExitStatus,
    /// The first signal that came while it ran; it was handed on.
    pub ending: Option<Ending>,
}

impl Ended {
    pub fn is_success(&self) -> bool {
        self.status.success()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => write!(f, "ended with exit code {code}"),
            (None, Some(signal)) => write!(f, "was ended by signal {signal}"),
            (None, None) => write!(f, "ended: {}", self.status),
        }
    }
}

/// Runs a command to its end. No shell has a hand in it.
///
/// # Errors
/// If it cannot be started.
pub async fn run(words: &[OsString], transition: &Transition, signals: &mut Signals) -> Result<Ended, Failure> {
    let fault = |error| Failure::new(Exit::Fault, format!("cannot pass a transition to the command: {error}"));
    let document = transition.document().map_err(fault)?;
    let mut child = start(words, transition)?;
    let stdin = child.stdin.take();
    // A command need not read, and may end before it has; its end does not wait
    // for that, as something that it left behind may hold the pipe.
    let mut hand_over = pin!(async move {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(&document).await;
        }
    });
    let (mut handed_over, mut ending) = (false, None);
    loop {
        tokio::select! {
            biased;
            () = &mut hand_over, if !handed_over => handed_over = true,
            signal = signals.next() => {
                hand_on(&child, signal);
                ending.get_or_insert(signal);
            }
            status = child.wait() => {
                let fault = |error| Failure::new(Exit::Fault, format!("cannot wait for a command: {error}"));
                return Ok(Ended { status: status.map_err(fault)?, ending });
            }
        }
    }
}

fn start(words: &[OsString], transition: &Transition) -> Result<Child, Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| Failure::usage("name a command to run"))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(transition.environment()).stdin(Stdio::piped());
    // A terminal's signals would reach it beside those that are handed on.
    command.process_group(0);
    command.spawn().map_err(|error| Failure::usage(format!("cannot run {}: {error}", program.display())))
}

/// An interrupt goes to all that it has started, too, as a terminal sends it. One that has ended by now needs no signal.
fn hand_on(child: &Child, ending: Ending) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(id) = id {
        let _ = match ending {
            Ending::Interrupted => kill_process_group(id, ending.signal()),
            Ending::Terminated => kill_process(id, ending.signal()),
        };
    }
}
