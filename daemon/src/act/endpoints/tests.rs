use serde_json::{Value, json};

use super::*;

fn service(spec: Value) -> Vec<u8> {
    json!({"spec": spec}).to_string().into_bytes()
}

fn web() -> Vec<u8> {
    service(json!({"selector": {"app": "web"}, "ports": [
        {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"},
        {"name": "admin", "port": 8080},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]}))
}

/// A slice whose endpoints are pods, each ready or not, or not said.
fn slice(http: u16, endpoints: &[(&str, Option<bool>)]) -> Vec<u8> {
    let endpoint = |(pod, ready): &(&str, Option<bool>)| json!({"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}});
    let endpoints: Vec<_> = endpoints.iter().map(endpoint).collect();
    let ports = json!([{"name": "http", "port": http}, {"name": "admin", "port": 8080}]);
    json!({"ports": ports, "endpoints": endpoints}).to_string().into_bytes()
}

fn of(service: &[u8], slices: &[Vec<u8>], port: &str) -> Result<Meant, NoEndpoint> {
    of_service(service, slices.iter().map(|slice| &**slice), port)
}

fn endpoints(meant: &Meant) -> Vec<(&str, u16)> {
    meant.endpoints.iter().map(|it| (&*it.pod, it.port)).collect()
}

#[test]
fn a_services_port_means_the_ready_pods_and_each_slices_own_number() {
    let slices = [
        slice(3000, &[("c", Some(true)), ("a", None), ("b", Some(false))]),
        slice(4000, &[("d", Some(true))]),
        slice(3000, &[("a", Some(true))]),
    ];
    for port in ["80", "http"] {
        let meant = of(&web(), &slices, port).unwrap();
        assert_eq!(endpoints(&meant), [("a", 3000), ("c", 3000), ("d", 4000)]);
        assert_eq!((meant.port, &*meant.name, &*meant.target), (80, "http", "web"));
    }
    let meant = of(&web(), &slices, "admin").unwrap();
    assert_eq!((meant.port, &*meant.target), (8080, ""));
}

#[test]
fn a_port_without_a_name_is_one_without_a_name_in_slices() {
    let service = service(json!({"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": 8080}]}));
    let slice = json!({"ports": [{"port": 8080}], "endpoints": [{"targetRef": {"kind": "Pod", "name": "a"}}]});
    let meant = of(&service, &[slice.to_string().into_bytes()], "80").unwrap();
    assert_eq!((endpoints(&meant), &*meant.target), (vec![("a", 8080)], "8080"));
}

#[test]
fn what_a_service_cannot_be_asked_for_is_said() {
    let ready = [slice(3000, &[("a", Some(true))])];
    let said = |service: &[u8], slices: &[Vec<u8>], port: &str| of(service, slices, port).unwrap_err().to_string();
    assert_eq!(said(&web(), &ready, "81"), r#"it has no port "81"; it has 80 (http), 8080 (admin), 53 (dns)"#);
    assert_eq!(said(&web(), &ready, "grpc").split(';').next(), Some(r#"it has no port "grpc""#));
    assert!(matches!(of(&web(), &ready, "dns"), Err(NoEndpoint::NotTcp { .. })));
    for none in ["", "0", "65536", "-1", "8 0"] {
        assert_eq!(of(&web(), &ready, none), Err(NoEndpoint::NoPort(none.to_owned())), "{none:?}");
    }
    assert_eq!(of(&web(), &[], "80"), Err(NoEndpoint::NoPods));
    assert_eq!(of(&web(), &[slice(1, &[("a", Some(false))])], "80"), Err(NoEndpoint::NoneReady(1)));
    let alias = service(json!({"type": "ExternalName", "externalName": "example.com"}));
    assert_eq!(of(&alias, &ready, "80"), Err(NoEndpoint::Alias("example.com".to_owned())));
    assert!(matches!(of(b"[", &ready, "80"), Err(NoEndpoint::Unreadable(_))));
}

#[test]
fn a_service_without_a_selector_has_pods_only_if_its_slices_name_some() {
    let service = service(json!({"selector": null, "ports": [{"name": "http", "port": 80}]}));
    let foreign = json!({"ports": [{"name": "http", "port": 1}], "endpoints": [{"addresses": ["10.0.0.1"]}]});
    assert_eq!(of(&service, &[foreign.to_string().into_bytes()], "80"), Err(NoEndpoint::NoSelector));
    assert_eq!(of(&service, &[], "80"), Err(NoEndpoint::NoSelector));
    assert!(of(&service, &[slice(3000, &[("a", Some(true))])], "80").is_ok());
}

fn pod(phase: &str, ready: &str, port: u16) -> Vec<u8> {
    let ports = json!([{"name": "http", "containerPort": port}, {"containerPort": 9}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]);
    json!({
        "spec": {"containers": [{"ports": ports}, {}], "initContainers": [{"ports": [{"name": "side", "containerPort": 7}]}]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
    })
    .to_string()
    .into_bytes()
}

fn of_all(pods: &[(&str, Vec<u8>)], port: &str, is_named: bool) -> Result<Meant, NoEndpoint> {
    of_pods(pods.iter().map(|(name, pod)| (*name, &**pod)), port, is_named)
}

#[test]
fn a_pods_port_is_a_number_or_its_own_name_for_one() {
    let one = [("a", pod("Running", "False", 8080))];
    for (port, number) in [("8080", 8080), ("http", 8080), ("1234", 1234), ("side", 7)] {
        assert_eq!(endpoints(&of_all(&one, port, true).unwrap()), [("a", number)]);
    }
    let said = of_all(&one, "grpc", true).unwrap_err().to_string();
    assert_eq!(said, r#"it has no port "grpc"; it has 9, dns (53), http (8080), side (7)"#);
    assert!(matches!(of_all(&one, "dns", true), Err(NoEndpoint::NotTcp { .. })));
    let pending = [("a", pod("Pending", "False", 8080))];
    assert_eq!(of_all(&pending, "8080", true), Err(NoEndpoint::NotRunning("Pending".to_owned())));
}

#[test]
fn below_a_workload_those_count_that_are_ready() {
    let mut leaving: Value = serde_json::from_slice(&pod("Running", "True", 1)).unwrap();
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let pods = [
        ("c", pod("Running", "True", 8081)),
        ("a", pod("Running", "True", 8080)),
        ("b", pod("Running", "False", 8080)),
        ("d", pod("Succeeded", "True", 8080)),
        ("e", leaving.to_string().into_bytes()),
    ];
    assert_eq!(endpoints(&of_all(&pods, "http", false).unwrap()), [("a", 8080), ("c", 8081)]);
    assert_eq!(of_all(&pods[2..], "http", false), Err(NoEndpoint::NoneReady(3)));
    assert!(matches!(of_all(&pods, "grpc", false), Err(NoEndpoint::UnknownPort { .. })));
    assert_eq!(of_all(&[], "80", false), Err(NoEndpoint::NoPods));
}
