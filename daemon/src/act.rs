//! What changes a cluster, or opens a way into it: the only modules that do.

pub mod actor;
pub mod carrying;
pub mod controller;
pub mod cordon;
pub mod drain;
pub mod endpoints;
pub mod eyes;
pub mod impersonation;
pub mod manifest;
pub mod operation;
pub mod passing;
pub mod port_forward;
pub mod quarantine;
mod read;
pub mod tunnels;

use std::fmt;
use std::str::FromStr;

/// The annotation by which a kubelet's own pods are told (core/v1, `MirrorPodAnnotationKey`).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Something that is done to a cluster, as operators let callers do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Nodes are cordoned and uncordoned.
    Cordon,
    /// Nodes are drained.
    Drain,
    /// Pods are taken out of services, and put back.
    Quarantine,
    /// Connections are carried to pods and services.
    Tunnel,
    /// The API is read through the daemon.
    Proxy,
    /// The API server is asked whether it would take manifests.
    DryRun,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Cordon, Self::Drain, Self::Quarantine, Self::Tunnel, Self::Proxy, Self::DryRun];

    /// How it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cordon => "cordon",
            Self::Drain => "drain",
            Self::Quarantine => "quarantine",
            Self::Tunnel => "tunnel",
            Self::Proxy => "proxy",
            Self::DryRun => "dry-run",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is none of the acts.
#[derive(Debug, thiserror::Error)]
#[error("not an act: there are {}, and all", Act::ALL.map(Act::name).join(", "))]
pub struct UnknownAct;

/// Acts that others than the daemon's owner may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acts(u8);

impl Acts {
    /// Whether that one is among them.
    #[must_use]
    pub fn has(self, act: Act) -> bool {
        self.0 & 1 << act as u8 != 0
    }
}

impl From<Act> for Acts {
    fn from(act: Act) -> Self {
        Self(1 << act as u8)
    }
}

/// One, by its name, or `all`.
impl FromStr for Acts {
    type Err = UnknownAct;

    fn from_str(text: &str) -> Result<Self, UnknownAct> {
        match text {
            "all" => Ok(Act::ALL.into_iter().map(Self::from).collect()),
            name => Act::ALL.into_iter().find(|act| act.name() == name).map(Self::from).ok_or(UnknownAct),
        }
    }
}

impl FromIterator<Self> for Acts {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |acts, other| acts | other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_told_apart() {
        let some: Acts = ["drain", "tunnel"].into_iter().map(|name| name.parse::<Acts>().unwrap()).collect();
        let has: Vec<_> = Act::ALL.into_iter().filter(|act| some.has(*act)).map(Act::name).collect();
        assert_eq!(has, ["drain", "tunnel"]);
        let all: Acts = "all".parse().unwrap();
        assert!(Act::ALL.into_iter().all(|act| all.has(act)));
        assert!("delete".parse::<Acts>().is_err());
        assert!(Act::ALL.into_iter().all(|act| !Acts::default().has(act)));
    }
}
