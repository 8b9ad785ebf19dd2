//! Services.

use daymark::api::Filter;
use serde_json::Value;

use super::Described;
use super::document::{Document, Section};
use super::endpoints::{ADDRESSES, addresses, slice_rows};
use super::read::{is_true, items, list, number, pairs, text};
use super::related::{Question, Role, told};

/// The kind of EndpointSlices.
const SLICES: &str = "endpointslices.discovery.k8s.io";

/// What a Service has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Service");
    section.fact("Type", text(object, "/spec/type"));
    section.fact("Selector", pairs(object, "/spec/selector").join(","));
    section.fact("IP", ips(object));
    section.fact("External name", text(object, "/spec/externalName"));
    section.fact("External IPs", list(object, "/spec/externalIPs"));
    section.fact("Ingress", ingress(object));
    section.fact("Session affinity", text(object, "/spec/sessionAffinity"));
    section.fact("External traffic", text(object, "/spec/externalTrafficPolicy"));
    section.fact("Internal traffic", text(object, "/spec/internalTrafficPolicy"));
    if is_true(object, "/spec/publishNotReadyAddresses") {
        section.fact("Publishes", "pods that are not ready, too");
    }
    let ports = items(object, "/spec/ports").map(port);
    document.section("Ports").table(&["NAME", "PORT", "TARGET", "NODE PORT", "PROTOCOL"], ports);
    add_endpoints(it, document.section("Endpoints"));
}

/// Its EndpointSlices, and the pods that it selects.
pub fn ask(it: &Described) -> Vec<Question> {
    let name = text(&it.object, "/metadata/name");
    let filter = Filter { label_selector: format!("kubernetes.io/service-name={name}"), ..it.all(SLICES) };
    let slices = Question::matching("EndpointSlices", filter).read_as(Role::Endpoints);
    let selector = pairs(&it.object, "/spec/selector").join(",");
    let pods = (!selector.is_empty()).then(|| it.pods_of(selector));
    std::iter::once(slices).chain(pods).collect()
}

fn add_endpoints(it: &Described, section: &mut Section) {
    let slices: Vec<Value> = it
        .answers(Role::Endpoints)
        .flat_map(|answer| &answer.statuses)
        // One whose JSON is broken has no addresses to show.
        .filter_map(|slice| serde_json::from_slice(&slice.object).ok())
        .collect();
    let rows: Vec<_> = slices.iter().flat_map(slice_rows).collect();
    let answered = it.answers(Role::Endpoints).next().is_some_and(|answer| answer.problem.is_none());
    if rows.is_empty() && answered {
        section.line("none");
    }
    addresses(section, ADDRESSES, rows);
    for answer in it.answers(Role::Endpoints) {
        section.lines(told(answer, usize::MAX));
    }
}

/// `web: 80 to http`
fn port(port: &Value) -> Vec<String> {
    let node_port = match number(port, "/nodePort") {
        0 => String::new(),
        port => port.to_string(),
    };
    let [name, number, target, protocol] = ["/name", "/port", "/targetPort", "/protocol"].map(|path| text(port, path));
    vec![name, number, target, node_port, protocol]
}

fn ips(object: &Value) -> String {
    match list(object, "/spec/clusterIPs") {
        ips if ips.is_empty() => text(object, "/spec/clusterIP"),
        ips => ips,
    }
}

/// The addresses of a load balancer, of a Service as of an Ingress.
pub fn ingress(object: &Value) -> String {
    let address = |ingress: &Value| match text(ingress, "/ip") {
        ip if ip.is_empty() => text(ingress, "/hostname"),
        ip => ip,
    };
    items(object, "/status/loadBalancer/ingress").map(address).collect::<Vec<_>>().join(", ")
}
