//! Leases by which one of several is elected.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Who leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leader {
    /// Who holds the lease; empty if nobody does.
    pub holder: String,
    /// Since when.
    pub acquired: Option<Timestamp>,
    /// When it was renewed last.
    pub renewed: Option<Timestamp>,
    /// For how long it lasts from then.
    pub lasts: Option<SignedDuration>,
    /// How often it has changed hands.
    pub transitions: i64,
}

/// `coordination.k8s.io/v1` `Lease`.
#[derive(Deserialize)]
struct Lease {
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    acquire_time: Option<Timestamp>,
    renew_time: Option<Timestamp>,
    lease_duration_seconds: Option<i32>,
    lease_transitions: Option<i64>,
}

impl Leader {
    /// What the JSON of a Lease says.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let Lease { spec } = serde_json::from_slice(json)?;
        Ok(Self {
            holder: spec.holder_identity.unwrap_or_default(),
            acquired: spec.acquire_time,
            renewed: spec.renew_time,
            lasts: spec.lease_duration_seconds.map(|seconds| SignedDuration::from_secs(seconds.into())),
            transitions: spec.lease_transitions.unwrap_or_default(),
        })
    }

    /// Whether it has run out: from then on another may take it.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        let ends = self.renewed.zip(self.lasts).and_then(|(renewed, lasts)| renewed.checked_add(lasts).ok());
        ends.is_some_and(|ends| ends < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_good_for_as_long_as_it_says() {
        let json = br#"{"spec": {"holderIdentity": "a_1", "leaseDurationSeconds": 15, "leaseTransitions": 2,
            "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-02T00:00:00.000000Z"}}"#;
        let leader = Leader::read(json).unwrap();
        assert_eq!((leader.holder.as_str(), leader.transitions), ("a_1", 2));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!leader.has_expired(at("2026-01-02T00:00:15Z")));
        assert!(leader.has_expired(at("2026-01-02T00:00:16Z")));
    }

    #[test]
    fn what_is_missing_is_no_end() {
        let now = Timestamp::from_second(9_000_000_000).unwrap();
        let free = Leader::read(br#"{"spec": {"holderIdentity": null}}"#).unwrap();
        assert!(free.holder.is_empty() && !free.has_expired(now));
        assert!(!Leader::read(br#"{"spec": {"holderIdentity": "a"}}"#).unwrap().has_expired(now));
        assert_eq!(Leader::read(b"{}").unwrap(), Leader::default());
        let far = br#"{"spec": {"holderIdentity": "a", "renewTime": "9999-12-30T00:00:00Z", "leaseDurationSeconds": 2147483647}}"#;
        assert!(!Leader::read(far).unwrap().has_expired(now));
        assert!(Leader::read(b"[").is_err());
    }
}
