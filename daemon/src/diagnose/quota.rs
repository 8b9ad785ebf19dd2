//! ResourceQuotas and LimitRanges: what they forbid. The words are the API server's
//! (k8s.io/apiserver `resourcequota`, k8s.io/kubernetes `plugin/pkg/admission/limitranger`).

use super::cause::{Cause, Evidence};
use super::fields::{brief, map, word};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::refusal::{Refusal, refusals};
use super::target::Target;
use crate::quantity::Quantity;

/// What a LimitRange says.
const LIMITS: &[&str] = &["minimum ", "maximum ", " usage per ", "max limit to request ratio"];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    refusals(observation, target).iter().filter_map(|refusal| cause(observation, refusal)).collect()
}

/// Whether it is a quota or a limit that forbids.
pub(super) fn is_it(message: &str) -> bool {
    is_quota(message) || is_limit(message)
}

fn is_quota(message: &str) -> bool {
    message.contains("exceeded quota: ") || message.contains("failed quota: ")
}

fn is_limit(message: &str) -> bool {
    let says = |word: &&str| message.contains(*word);
    message.contains(" usage per ") && LIMITS.iter().any(says) || message.contains("limit to request ratio per ")
}

fn cause(observation: &Observation, refusal: &Refusal<'_>) -> Option<Cause> {
    let Refusal { workload, message, evidence } = refusal;
    let namespace = workload.namespace();
    if is_quota(message) {
        let name = quota(message)?;
        let quota = observation.find(kinds::QUOTA, namespace, name);
        let said = message.split_once("quota: ").map_or("", |(_, rest)| rest);
        let detail = said.strip_prefix(name).unwrap_or(said).trim_start_matches([',', ':', ' ']);
        let text = format!("quota {name:?} leaves no room for another pod: {}", brief(detail));
        let used = quota.into_iter().flat_map(|quota| exhausted(quota, 0));
        let culprit = Name::of(kinds::QUOTA, namespace, name);
        let next = [
            culprit.kubectl(&format!("describe resourcequota {}", word(name))),
            culprit.kubectl(&format!("edit {}", culprit.short())),
        ];
        return Some(
            Cause::new(Reason::QuotaExceeded, workload, text)
                .by(culprit)
                .because([evidence.clone()])
                .because(used)
                .then(next),
        );
    }
    is_limit(message).then(|| {
        let text = format!("a LimitRange forbids the pod: {}", brief(forbidden(message)));
        let ranges = observation.within(kinds::LIMIT_RANGE, namespace);
        let fields = ranges.map(|range| {
            Evidence::field(range, format!("spec.limits: {}", super::fields::at(&range.value, "/spec/limits")))
        });
        Cause::new(Reason::LimitRangeViolated, workload, text)
            .because([evidence.clone()])
            .because(fields)
            .then([workload.name.kubectl("describe limitrange")])
    })
}

/// The quota's name in `exceeded quota: NAME, requested: ...`, `failed quota: NAME: must specify ...`.
fn quota(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("quota: ")?;
    rest.split([',', ':']).next().filter(|name| !name.is_empty())
}

/// What the API server says behind `is forbidden: `.
pub(super) fn forbidden(message: &str) -> &str {
    message.split_once("is forbidden: ").map_or(message, |(_, why)| why)
}

/// The resources of a quota of which no more than so many percent are left.
pub(super) fn exhausted(quota: &Object, percent: i64) -> Vec<Evidence> {
    let hard = map(&quota.value, "/status/hard").into_iter().flatten();
    let is_full = |(resource, hard): &(&String, &serde_json::Value)| {
        let used = super::fields::at(&quota.value, "/status/used").get(*resource).and_then(Quantity::read);
        let (used, hard) = (used.unwrap_or_default(), Quantity::read(hard).unwrap_or_default());
        hard.without(used) <= hard.percent(percent)
    };
    let said = |(resource, hard): (&String, &serde_json::Value)| {
        let used = super::fields::at(&quota.value, "/status/used").get(resource).unwrap_or(&serde_json::Value::Null);
        let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Evidence::arithmetic(quota, format!("{resource}: {} of {} used", plain(used), plain(hard)))
    };
    hard.filter(is_full).map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_servers_words_are_understood() {
        let exceeded =
            "pods \"w-1\" is forbidden: exceeded quota: q-1, requested: pods=1, used: pods=2, limited: pods=2";
        assert_eq!((is_quota(exceeded), quota(exceeded)), (true, Some("q-1")));
        let failed = "pods \"w-1\" is forbidden: failed quota: q: must specify limits.cpu for: c";
        assert_eq!((is_quota(failed), quota(failed)), (true, Some("q")));
        for limit in [
            "pods \"w\" is forbidden: maximum cpu usage per Container is 1, but limit is 2",
            "pods \"w\" is forbidden: [minimum memory usage per Pod is 1Gi, but request is 1Mi]",
            "pods \"w\" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        ] {
            assert!(is_limit(limit) && !is_quota(limit), "{limit}");
        }
        assert!(!is_it("pods \"w\" is forbidden: error looking up service account"));
    }
}
