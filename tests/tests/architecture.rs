//! Holds what ARCHITECTURE.md says of the daemon's modules: which of them may
//! know of what.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use daymark_tests::workspace;

/// Some words, and the only modules of the daemon that may say them.
struct Rule {
    words: &'static [&'static str],
    modules: &'static [&'static str],
    because: &'static str,
}

const RULES: &[Rule] = &[
    Rule { words: &["tonic"], modules: &["rpc"], because: "only rpc speaks gRPC" },
    Rule { words: &["daymark_proto"], modules: &["rpc"], because: "only rpc knows the wire messages" },
    Rule {
        words: &["kube::"],
        modules: &["source", "act"],
        because: "only source (and access and act, where they need it) talks to a cluster",
    },
    Rule {
        words: &["http::"],
        modules: &["source", "act", "access::oidc::discovery", "rpc::auth", "rpc::parting"],
        because: "only source and act talk to a cluster, and discovery to issuers; authentication reads headers, and \
            what ends the streams of others writes trailers",
    },
    Rule {
        words: &["Method::POST", "Method::PATCH", "Method::PUT", "Method::DELETE"],
        modules: &["act"],
        because: "only act changes a cluster",
    },
    Rule { words: &["tungstenite"], modules: &["act"], because: "only act opens ways into a cluster" },
    Rule { words: &["jsonwebtoken::"], modules: &["access::oidc"], because: "tokens are verified in one place" },
    Rule {
        words: &["rustls::"],
        modules: &["rpc::tls", "rpc::accept", "rpc::connection", "access::oidc::discovery", "source"],
        because: "whose certificates are taken is decided in one place for each side",
    },
    Rule {
        words: &["cel::"],
        modules: &["expression"],
        because: "expressions are compiled and evaluated in one place",
    },
    Rule {
        words: &["prometheus_client"],
        modules: &["metrics"],
        because: "nothing is counted for metrics while objects change: they read what there is",
    },
    Rule {
        words: &["hyper::server"],
        modules: &["metrics::endpoint"],
        because: "plain HTTP is served in one place, which bounds it",
    },
    Rule { words: &["redb::"], modules: &["gate::store::file"], because: "what is kept is written in one place" },
    Rule {
        words: &["crate::expression"],
        modules: &["predicate::worker", "rulebook", "access::oidc"],
        because: "callers' expressions are evaluated in processes of their own, operators' by their rules",
    },
    Rule {
        words: &["log.append("],
        modules: &["cache"],
        because: "only a cache's writer changes objects, and each change is logged where it is made",
    },
    Rule {
        words: &["Timestamp::now(", "SystemTime::now("],
        modules: &["clock"],
        because: "time is an input: it comes from the one clock",
    },
    Rule {
        words: &["tokio::spawn", "JoinSet", "spawn_blocking", "thread::spawn", "thread::Builder"],
        // A predicate's worker is a process of its own; rules and issuers are read, and dictionaries made, on
        // threads that are waited for in place; handshakes end with the listener's stream.
        modules: &[
            "app",
            "main",
            "recording",
            "predicate::worker",
            "rulebook",
            "cache::writer",
            "access::oidc::configuration",
            "rpc::accept",
        ],
        because: "a task's handle is owned by app, which joins it",
    },
    Rule {
        words: &["std::fs", "File::", "OpenOptions"],
        modules: &[
            "access",
            "rpc::listener",
            "recording",
            "source::replay",
            "source::connect",
            "rulebook::files",
            "assess::documents",
            "gate::store::file",
        ],
        because: "the data's way touches no files",
    },
];

/// What the pure modules may not say at all.
const IMPURE: &[&str] =
    &["tokio", "std::fs", "std::net", "std::io", "std::env", "std::time", "crate::clock", "crate::cache", "async "];

#[test]
fn modules_know_only_what_they_may() {
    let mut broken = Vec::new();
    for (module, path, text) in sources("daemon/src") {
        for rule in RULES {
            let may = rule.modules.iter().any(|m| module == *m || module.starts_with(&format!("{m}::")));
            for word in rule.words.iter().filter(|word| !may && says(&text, word)) {
                broken.push(format!("{}: {word}: {}", path.display(), rule.because));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn rules_do_no_io_and_read_no_clock() {
    for (module, path, text) in sources("daemon/src") {
        let is_pure = |pure: &str| module == pure || module.starts_with(&format!("{pure}::"));
        if is_pure("rule") || is_pure("diagnose") || is_pure("node") {
            for word in IMPURE {
                assert!(!says(&text, word), "{}: {word}: rules are pure", path.display());
            }
        }
    }
}

#[test]
fn the_client_knows_nothing_of_kubernetes_clients() {
    let manifest = fs::read_to_string(workspace().join("client/Cargo.toml")).unwrap();
    for dependency in ["kube", "k8s-openapi", "daymarkd"] {
        let line =
            |line: &str| line.starts_with(&format!("{dependency}.")) || line.starts_with(&format!("{dependency} "));
        assert!(!manifest.lines().any(line), "client/Cargo.toml depends on {dependency}");
    }
}

#[test]
fn no_module_is_called_mod() {
    for folder in ["proto", "daemon", "client", "tests"] {
        for (_, path, _) in sources(folder) {
            assert!(!path.ends_with("mod.rs"), "{}: name the file after its module", path.display());
        }
    }
}

#[test]
fn every_fuzz_target_is_built_begins_with_something_and_is_told_of() {
    let folder = workspace().join("tests/fuzz");
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (manifest, page) = (text("Cargo.toml"), text("README.md"));
    for (name, _, _) in sources("tests/fuzz/fuzz_targets") {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is no program");
        assert!(folder.join("seeds").join(&name).read_dir().is_ok_and(|mut seeds| seeds.next().is_some()), "{name}");
        assert!(page.contains(&format!("\n| `{name}` |")), "README.md has no row for {name}");
    }
}

#[test]
fn the_rules_see_what_breaks_them() {
    assert!(says("use tonic::Status;", "tonic"));
    assert!(!says("// as tonic does", "tonic"));
    assert!(!says("//! Only `rpc` may import tonic.", "tonic"));
}

/// Whether code, not a comment, has `word`.
fn says(text: &str, word: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| !line.starts_with("//") && line.contains(word))
}

/// The Rust files below `folder`: module, path, text up to the unit tests.
fn sources(folder: &str) -> Vec<(String, PathBuf, String)> {
    let root = workspace().join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.push((module(&root, &path), path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no Rust files in {folder}");
    found
}

fn module(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap().with_extension("");
    relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("::")
}
