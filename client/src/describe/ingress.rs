//! Ingresses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{items, list, text};
use super::related::Question;

/// Services of one Ingress that are asked for.
const MOST_SERVICES: usize = 20;

/// What an Ingress has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Ingress");
    section.fact("Class", text(object, "/spec/ingressClassName"));
    section.fact("Address", super::service::ingress(object));
    section.fact("Default backend", object.pointer("/spec/defaultBackend").map(backend).unwrap_or_default());
    section.facts("TLS", items(object, "/spec/tls").map(tls));
    let rows = items(object, "/spec/rules").flat_map(|rule| {
        let host = match text(rule, "/host") {
            host if host.is_empty() => "*".to_owned(),
            host => host,
        };
        items(rule, "/http/paths").map(move |path| {
            let to = path.pointer("/backend").map(backend).unwrap_or_default();
            vec![host.clone(), text(path, "/path"), text(path, "/pathType"), to]
        })
    });
    document.section("Rules").table(&["HOST", "PATH", "TYPE", "BACKEND"], rows);
}

/// The Services that it leads to.
pub fn ask(it: &Described) -> Vec<Question> {
    let paths = items(&it.object, "/spec/rules").flat_map(|rule| items(rule, "/http/paths"));
    let backends =
        it.object.pointer("/spec/defaultBackend").into_iter().chain(paths.filter_map(|it| it.get("backend")));
    let names: BTreeSet<_> = backends.map(|backend| text(backend, "/service/name")).collect();
    let names = names.iter().filter(|name| !name.is_empty()).take(MOST_SERVICES);
    names.map(|name| it.named("service", name)).collect()
}

/// `web:80`
fn backend(backend: &Value) -> String {
    let [service, number, port] =
        ["/service/name", "/service/port/number", "/service/port/name"].map(|path| text(backend, path));
    match service.as_str() {
        "" => format!("{}/{}", text(backend, "/resource/kind"), text(backend, "/resource/name")),
        service => format!("{service}:{number}{port}"),
    }
}

fn tls(tls: &Value) -> String {
    let (hosts, secret) = (list(tls, "/hosts"), text(tls, "/secretName"));
    let hosts = if hosts.is_empty() { "all hosts".to_owned() } else { hosts };
    if secret.is_empty() { hosts } else { format!("{hosts}, by Secret {secret}") }
}
