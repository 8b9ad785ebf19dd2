//! The lease by which a kubelet says that it is there.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Known;
use super::part::{Part, PartName};
use crate::diagnose::fields::{list, number, text, time};

/// How long a lease lasts that does not say (k8s.io/kubernetes `nodeLeaseDurationSeconds`).
const LASTS: i64 = 40;
/// A lease that was renewed so long after it was made has been renewed indeed: it is made with a
/// time of renewal, and its own time is of whole seconds.
const MOVED: SignedDuration = SignedDuration::from_secs(2);

/// What is known of a kubelet's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Nothing: why, in a sentence.
    NotVisible(String),
    /// There is none.
    Absent,
    /// There is one.
    Held {
        /// When it was made.
        made: Option<Timestamp>,
        /// When it was renewed last.
        renewed: Option<Timestamp>,
        /// For how many seconds it lasts then.
        seconds: i64,
        /// The UIDs of its owners: the node, if its kubelet knew it when it made the lease.
        owners: Vec<String>,
        /// Until when nothing was missed of what became of it.
        heard: Timestamp,
    },
}

impl Lease {
    /// What a Lease's JSON says, of which nothing was missed until that time.
    #[must_use]
    pub fn read(lease: &Value, heard: Timestamp) -> Self {
        let owners = list(lease, "/metadata/ownerReferences").iter().map(|owner| text(owner, "/uid").to_owned());
        Self::Held {
            made: time(lease, "/metadata/creationTimestamp"),
            renewed: time(lease, "/spec/renewTime"),
            seconds: number(lease, "/spec/leaseDurationSeconds").unwrap_or(LASTS),
            owners: owners.collect(),
            heard,
        }
    }

    /// When it was renewed last, if that is known.
    #[must_use]
    pub fn renewed(&self) -> Option<Timestamp> {
        match self {
            Self::Held { renewed, .. } => *renewed,
            Self::NotVisible(_) | Self::Absent => None,
        }
    }
}

pub(super) fn judge(known: &Known<'_>) -> Part {
    let name = PartName::Lease;
    let (made, renewed, seconds, owners, heard) = match known.lease {
        Lease::NotVisible(why) => return Part::not_visible(name, why.clone()),
        Lease::Absent => return Part::missing(name, "its kubelet has not created a lease in kube-node-lease"),
        Lease::Held { made, renewed, seconds, owners, heard } => (made, renewed, *seconds, owners, *heard),
    };
    if !owners.is_empty() && !owners.contains(&known.node.uid) {
        return Part::missing(name, "the lease is that of an earlier node by that name");
    }
    let Some(renewed) = *renewed else { return Part::missing(name, "its kubelet has not renewed its lease yet") };
    let ends = renewed.checked_add(SignedDuration::from_secs(seconds.max(0))).unwrap_or(Timestamp::MAX);
    if known.now >= ends {
        let since = second(renewed);
        return Part::missing(
            name,
            match heard >= ends {
                true => format!("its kubelet has not renewed its lease since {since}"),
                // That may be for want of news; but it does not say that it is there, either.
                false => {
                    format!("no renewal of its lease was heard of since {since}, nor of any since {}", second(heard))
                }
            },
        );
    }
    let has_moved = made.is_none_or(|made| renewed.duration_since(made) >= MOVED);
    Part::ok(
        name,
        match has_moved {
            true => format!("its kubelet renews it: within {seconds} s"),
            false => format!("its kubelet has made it within {seconds} s"),
        },
    )
}

/// A time to the second.
fn second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
