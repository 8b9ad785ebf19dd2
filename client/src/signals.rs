//! The signals that end the process.

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::exit::{Exit, Failure};

/// SIGINT and SIGTERM, as they arrive.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

/// One that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Interrupted,
    Terminated,
}

impl Signals {
    /// From here on they no longer end the process by themselves.
    pub fn listen() -> Result<Self, Failure> {
        let fault = |error| Failure::new(Exit::Fault, format!("cannot listen for signals: {error}"));
        let interrupt = unix::signal(SignalKind::interrupt()).map_err(fault)?;
        let terminate = unix::signal(SignalKind::terminate()).map_err(fault)?;
        Ok(Self { interrupt, terminate })
    }

    /// The next one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Ending {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Terminated,
        }
    }

    /// What `command` comes to, if none ends it.
    pub async fn or<T>(&mut self, command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            ending = self.next() => Err(ending.into()),
            outcome = command => outcome,
        }
    }
}

impl Ending {
    /// The signal itself.
    pub fn signal(self) -> Signal {
        match self {
            Self::Interrupted => Signal::INT,
            Self::Terminated => Signal::TERM,
        }
    }
}

impl From<Ending> for Failure {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Interrupted => Self::new(Exit::Interrupted, "interrupted"),
            Ending::Terminated => Self::new(Exit::Terminated, "terminated"),
        }
    }
}
