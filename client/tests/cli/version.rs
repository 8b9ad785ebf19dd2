//! `daymark version`

use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::objects::info;
use crate::process::{against, command, finish};

const CLIENT: &str = env!("CARGO_PKG_VERSION");

/// `version.text` `version.replayed`
#[test]
fn both_sides_are_named() {
    for (replayed, mark) in [(false, ""), (true, " (replayed)")] {
        let mut info = info();
        info.clusters[0].replayed = replayed;
        let fake = Fake::new(Script { info: Some(info), ..Script::default() });
        let expected = format!(
            "client: {CLIENT}\nserver: 9.8.7 at {}, incarnation run-1\ncluster default: Kubernetes v1.37.1{mark}\n",
            fake.address()
        );
        finish(&mut against(&fake, &["version"])).expect(0, &expected, "");
    }
}

/// `version.client`
#[test]
fn the_client_alone_asks_nobody() {
    finish(&mut command(&["version", "--client"])).expect(0, &format!("client: {CLIENT}\n"), "");
}

/// `version.json`
#[test]
fn both_sides_are_a_document() {
    let fake = Fake::new(Script { info: Some(info()), ..Script::default() });
    let run = finish(&mut against(&fake, &["version", "-o", "json"]));
    let expected = json!({
        "client": {"version": CLIENT},
        "server": {
            "address": fake.address(),
            "version": "9.8.7",
            "incarnation": "run-1",
            "clusters": [{"name": "default", "kubernetesVersion": "v1.37.1", "defaultNamespace": "shop",
                "replayed": false}],
        },
    });
    assert_eq!((run.code, serde_json::from_str::<Value>(&run.out).unwrap()), (0, expected));
}

/// `version.no-daemon`
#[test]
fn the_client_is_named_without_a_daemon() {
    let run = finish(&mut command(&["version"]));
    run.expect_problem(4, &["no daemon answers at unix:/nowhere/daymark.sock"]);
    assert_eq!(run.out, format!("client: {CLIENT}\n"));
    let run = finish(&mut command(&["version", "-o", "json"]));
    run.expect_problem(4, &[]);
    assert_eq!(serde_json::from_str::<Value>(&run.out).unwrap(), json!({"client": {"version": CLIENT}}));
}
