//! A client that has no copy of the protos.

use std::process::Command;

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use serde_json::Value;

use crate::wait::deployment;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[Test {
    name: "reflection::python_reads_a_status_without_protos",
    needs: &[Need::Controllers, Need::Python],
    run: Run::Shared(python),
}];

fn python(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 1, "ready", "1s", ""));
    assert_eq!(daemon.cli().run(&format!("wait -n {} deploy/web --timeout 60s", namespace.name)).code, Some(0));
    let python = std::env::var_os("DAYMARK_TEST_PYTHON").expect("the test needs it");
    let script = daymark_tests::workspace().join("tests/python/reflection.py");
    let output = Command::new(python)
        .arg(script)
        .args([&daemon.cli().address, "deployments.apps", &namespace.name, "web"])
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let services: Vec<_> = answer["services"].as_array().expect("services").iter().flat_map(Value::as_str).collect();
    for service in ["daymark.v1.StatusService", "daymark.v1.ServerService", "grpc.health.v1.Health"] {
        assert!(services.contains(&service), "{services:?}");
    }
    assert_eq!(answer["status"]["state"], "STATE_READY");
}
