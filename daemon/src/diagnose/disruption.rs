//! Disruption budgets that allow none: nodes cannot be drained.

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{at, counted, is, number, text};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Target, selected};

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes: Vec<_> = target.members(kinds::BUDGET).filter_map(|budget| blocked(observation, budget)).collect();
    // Who drains a cordoned node is stopped by the budgets of its pods.
    for node in target.members(kinds::NODE).filter(|node| is(&node.value, "/spec/unschedulable")) {
        let is_here = |pod: &&Object| text(&pod.value, "/spec/nodeName") == node.name.name;
        let budgets = observation.all(kinds::BUDGET);
        let here = budgets.filter(|budget| selected(observation, budget).iter().any(is_here));
        causes.extend(here.filter_map(|budget| blocked(observation, budget)).map(|cause| cause.is(Certainty::Likely)));
    }
    causes
}

fn blocked(observation: &Observation, budget: &Object) -> Option<Cause> {
    let count = |path: &str| number(&budget.value, path);
    let (allowed, expected) = (count("/status/disruptionsAllowed")?, count("/status/expectedPods")?);
    let (healthy, desired) = (count("/status/currentHealthy")?, count("/status/desiredHealthy")?);
    if allowed > 0 || expected == 0 {
        return None;
    }
    let spec = ["minAvailable", "maxUnavailable"].into_iter().find_map(|field| {
        let value = at(&budget.value, &format!("/spec/{field}"));
        (!value.is_null()).then(|| format!("spec.{field}: {value}"))
    });
    let message = match healthy < desired {
        true => format!(
            "{} allows no disruption: {healthy} pods are healthy, and {desired} have to be",
            budget.name.spoken()
        ),
        false if desired >= expected => format!(
            "{} never allows a disruption: it wants {desired} healthy pods, and there are {} in all",
            budget.name.spoken(),
            expected
        ),
        false => format!(
            "{} allows no disruption now: {healthy} pods are healthy, and {desired} have to be",
            budget.name.spoken()
        ),
    };
    let pods = counted(selected(observation, budget).len(), "pod");
    let sum = format!(
        "{healthy} healthy, {desired} wanted, {expected} expected, {allowed} disruptions allowed; it selects {pods}"
    );
    let short = budget.name.short();
    let cause = Cause::new(Reason::DisruptionBlocked, budget, message)
        .because([Evidence::arithmetic(budget, sum)])
        .because(spec.map(|spec| Evidence::field(budget, spec)))
        .then([budget.name.kubectl(&format!("describe {short}")), budget.name.kubectl(&format!("edit {short}"))]);
    Some(cause)
}
