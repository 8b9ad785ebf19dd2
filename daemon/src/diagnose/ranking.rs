//! Putting causes together, and in order.

use std::collections::BTreeMap;

use super::cause::Cause;

/// Pieces of evidence of one cause: what there is of the same in hundreds of pods says no more.
const EVIDENCE: usize = 8;
/// Commands of one cause.
const NEXT: usize = 5;

/// One cause of those that are the same, and the likeliest root first: what is only possible
/// behind all else, then the newest revision before older ones, the deeper before the
/// shallower, the surer before the less sure, and what more objects have before what fewer have.
pub(super) fn ranked(found: Vec<Cause>) -> Vec<Cause> {
    let mut merged: BTreeMap<_, Cause> = BTreeMap::new();
    for cause in found {
        let same = (cause.reason, cause.key.clone());
        match merged.get_mut(&same) {
            Some(first) => merge(first, cause),
            None => {
                merged.insert(same, cause);
            }
        }
    }
    let mut causes: Vec<_> = merged.into_values().collect();
    for cause in &mut causes {
        cause.evidence.truncate(EVIDENCE);
        cause.next.truncate(NEXT);
    }
    causes.sort_by_key(|cause| {
        let is_guess = cause.certainty == super::Certainty::Possible;
        let most = std::cmp::Reverse(cause.affected.len());
        (is_guess, cause.is_old, cause.reason.depth(), cause.certainty, most, cause.reason)
    });
    causes
}

/// The surer one tells why; both have what has it.
fn merge(first: &mut Cause, mut other: Cause) {
    if (other.is_old, other.certainty) < (first.is_old, first.certainty) {
        std::mem::swap(first, &mut other);
    }
    first.affected.append(&mut other.affected);
}
