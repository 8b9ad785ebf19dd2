//! Services: do they select pods, do their ports lead anywhere, is anybody ready?

use serde_json::Value;

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{at, counted, is, list, map, number, text, word};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::selector::spoken_labels;
use super::target::{Target, backends, selected, wanted};

/// Things that are told of.
const SHOWN: usize = 3;
/// The label of an EndpointSlice that names its Service.
const OF_SERVICE: &str = "kubernetes.io/service-name";

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes: Vec<_> =
        target.members(kinds::INGRESS).flat_map(|ingress| no_backend(observation, ingress)).collect();
    for service in target.members(kinds::SERVICE) {
        let Some(labels) = map(&service.value, "/spec/selector") else { continue };
        if text(&service.value, "/spec/type") == "ExternalName" {
            continue;
        }
        let pods = selected(observation, service);
        if pods.is_empty() && observation.is_whole(kinds::POD, service.namespace()) {
            causes.push(nothing(observation, service, labels));
            continue;
        }
        let ports = ports(service, &pods);
        let is_mismatch = !ports.is_empty();
        causes.extend(ports);
        if !is_mismatch && ready_endpoints(observation, service) == Some(0) {
            causes.push(none_ready(service, &pods));
        }
    }
    causes
}

/// How many endpoints of a Service are ready; `None` if that is not known.
pub(super) fn ready_endpoints(observation: &Observation, service: &Object) -> Option<usize> {
    if !observation.is_whole(kinds::ENDPOINT_SLICE, service.namespace())
        || text(&service.value, "/spec/type") == "ExternalName"
    {
        return None;
    }
    let slices = observation.within(kinds::ENDPOINT_SLICE, service.namespace());
    let slices = slices.filter(|slice| slice.label(OF_SERVICE) == service.name.name);
    let endpoints = slices.flat_map(|slice| list(&slice.value, "/endpoints"));
    // Unset means ready (discovery/v1 `EndpointConditions`).
    Some(endpoints.filter(|endpoint| at(endpoint, "/conditions/ready").as_bool() != Some(false)).count())
}

fn no_backend(observation: &Observation, ingress: &Object) -> Vec<Cause> {
    let missing =
        backends(ingress).into_iter().filter(|name| observation.lacks(kinds::SERVICE, ingress.namespace(), name));
    let cause = |name: String| {
        let culprit = Name::of(kinds::SERVICE, ingress.namespace(), &name);
        let message = format!("there is no Service {name:?}, which {} leads to", ingress.name.spoken());
        let services = culprit.kubectl("get services");
        Cause::new(Reason::DependencyMissing, ingress, message)
            .by(culprit)
            .because([Evidence::field(ingress, format!("a backend is Service {name:?}"))])
            .then([services])
    };
    missing.map(cause).collect()
}

/// It selects no pods: whom it may have meant.
fn nothing(observation: &Observation, service: &Object, labels: &serde_json::Map<String, Value>) -> Cause {
    let spoken = spoken_labels(labels);
    let namespace = service.namespace();
    let selector = Evidence::field(service, format!("spec.selector: {spoken}"));
    let workloads = [kinds::DEPLOYMENT, kinds::STATEFUL_SET, kinds::DAEMON_SET, kinds::REPLICA_SET];
    let all = workloads.into_iter().flat_map(|id| observation.within(id, namespace)).filter(|it| !it.is_managed());
    let templates = all.filter(|workload| {
        let template = at(&workload.value, "/spec/template/metadata/labels");
        labels.iter().all(|(key, value)| template.get(key) == Some(value))
    });
    if let Some(workload) = templates.into_iter().next() {
        let wants = counted(usize::try_from(wanted(workload)).unwrap_or_default(), "pod");
        let message = format!("no endpoint is ready: {} has no pods, and wants {wants}", workload.name.spoken());
        let diagnose = format!("daymark diagnose -n {} {}", word(namespace), workload.name.short());
        let replicas = Evidence::field(workload, format!("spec.replicas: {}", wanted(workload)));
        return Cause::new(Reason::NoReadyEndpoint, service, message).because([selector, replicas]).then([diagnose]);
    }
    let near = observation.within(kinds::POD, namespace).filter(|pod| {
        labels.iter().any(|(key, value)| at(&pod.value, "/metadata/labels").get(key).is_some_and(|it| it != value))
            || labels
                .values()
                .any(|value| map(&pod.value, "/metadata/labels").is_some_and(|own| own.values().any(|it| it == value)))
    });
    let mut near: Vec<_> = near.collect();
    near.sort_by_key(|pod| (std::cmp::Reverse(likeness(pod, labels)), &pod.name));
    near.dedup_by_key(|pod| map(&pod.value, "/metadata/labels"));
    let has = near.iter().take(SHOWN).map(|pod| {
        let own = map(&pod.value, "/metadata/labels").map(spoken_labels).unwrap_or_default();
        Evidence::field(pod, format!("its labels: {own}"))
    });
    let count = observation.within(kinds::POD, namespace).count();
    let message = match count {
        0 => format!("the selector {spoken:?} matches nothing: there are no pods in its namespace"),
        count => format!("the selector {spoken:?} matches none of the {} in its namespace", counted(count, "pod")),
    };
    Cause::new(Reason::SelectorMatchesNothing, service, message).because([selector]).because(has).then([
        service.name.kubectl("get pods --show-labels"),
        service.name.kubectl(&format!("edit {}", service.name.short())),
    ])
}

/// How much a pod's labels are like those that are wanted: characters that begin the same.
fn likeness(pod: &Object, labels: &serde_json::Map<String, Value>) -> usize {
    let same = |(key, value): (&String, &Value)| {
        let wanted = value.as_str().unwrap_or_default();
        pod.label(key).bytes().zip(wanted.bytes()).take_while(|(own, wanted)| own == wanted).count()
    };
    labels.iter().map(same).sum()
}

/// Ports that lead to none of the pods' ports.
fn ports(service: &Object, pods: &[&Object]) -> Vec<Cause> {
    let wrong = list(&service.value, "/spec/ports").iter().filter_map(|port| wrong_port(port, pods));
    let cause = |(said, certainty): (String, Certainty)| {
        let declared = pods.iter().take(1).map(|pod| {
            let ports = declared(pod).into_iter().map(|(name, number)| format!("{name} {number}").trim().to_owned());
            let ports = ports.collect::<Vec<_>>().join(", ");
            Evidence::field(pod, format!("its ports: {}", if ports.is_empty() { "none" } else { &ports }))
        });
        let mut cause = Cause::new(Reason::PortMismatch, service, said.clone())
            .is(certainty)
            .because([Evidence::field(service, format!("spec.ports: {}", at(&service.value, "/spec/ports")))])
            .because(declared)
            .then([service.name.kubectl(&format!("edit {}", service.name.short()))]);
        cause.key += &said;
        cause
    };
    wrong.map(cause).collect()
}

/// What is wrong with a port, if it is, and how sure that is: pods may listen on ports that they
/// do not name.
fn wrong_port(port: &Value, pods: &[&Object]) -> Option<(String, Certainty)> {
    let target = at(port, "/targetPort");
    let all: Vec<_> = pods.iter().flat_map(|pod| declared(pod)).collect();
    match target.as_str() {
        Some(name) if !name.is_empty() => {
            let is_named = all.iter().any(|(known, _)| *known == name);
            (!is_named)
                .then(|| (format!("targetPort {name:?} is the name of none of its pods' ports"), Certainty::Certain))
        }
        _ => {
            let wanted = target.as_i64().or_else(|| number(port, "/port"))?;
            let is_there = all.is_empty() || all.iter().any(|(_, number)| *number == wanted);
            (!is_there).then(|| (format!("targetPort {wanted} is none of its pods' ports"), Certainty::Likely))
        }
    }
}

/// The ports that a pod's containers name, with their names.
fn declared(pod: &Object) -> Vec<(&str, i64)> {
    let containers = super::containers::containers(pod);
    let ports = containers.iter().flat_map(|container| list(container.spec, "/ports"));
    ports.filter_map(|port| Some((text(port, "/name"), number(port, "/containerPort")?))).collect()
}

fn none_ready(service: &Object, pods: &[&Object]) -> Cause {
    let ready = pods.iter().filter(|pod| super::containers::is_ready(pod)).count();
    let message = format!("no endpoint is ready: {ready} of its {} are", counted(pods.len(), "pod"));
    let unready = pods.iter().filter(|pod| !super::containers::is_ready(pod)).take(SHOWN);
    let evidence = unready.map(|pod| {
        let condition = super::fields::condition(&pod.value, "Ready");
        condition.map_or_else(|| Evidence::field(pod, "it has no condition Ready"), |it| Evidence::condition(pod, it))
    });
    let headless = is(&service.value, "/spec/publishNotReadyAddresses");
    let certainty = if headless { Certainty::Possible } else { Certainty::Certain };
    let slices = format!("get endpointslices -l {OF_SERVICE}={}", word(&service.name.name));
    Cause::new(Reason::NoReadyEndpoint, service, message)
        .is(certainty)
        .because(evidence)
        .then([service.name.kubectl(&slices)])
}
