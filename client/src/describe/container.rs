//! A pod's containers: how they are, and how they are to be.

use daymark::api::State;
use prost_types::Timestamp;
use serde_json::Value;

use super::document::Section;
use super::read::{ago, amounts, cut, fields, is_true, items, number, text, took};
use crate::words;

/// Commands, and values of variables, may be scripts.
const LONGEST_TEXT: usize = 120;

/// A container: its status may not be known yet.
pub fn add(section: &mut Section, container: &Value, status: Option<&Value>, now: Option<&Timestamp>) {
    section.group(&text(container, "/name"), |group| {
        if let Some(status) = status {
            add_status(group, status, now);
        }
        add_spec(group, container);
    });
}

fn add_status(group: &mut Section, status: &Value, now: Option<&Timestamp>) {
    let ready = is_true(status, "/ready");
    let state = run(status.pointer("/state"), now);
    let style = match status.pointer("/state/running") {
        Some(_) if ready => words::state_style(State::Ready),
        _ => words::state_style(State::InProgress),
    };
    group.painted("State", (style, state));
    group.fact("Last state", run(status.pointer("/lastState"), now));
    group.fact("Ready", ready.to_string());
    group.fact("Restarts", number(status, "/restartCount").to_string());
}

/// `Terminated Error, exit code 1, 12s ago, after 3s: message`
fn run(state: Option<&Value>, now: Option<&Timestamp>) -> String {
    let Some((name, it)) = state.and_then(|state| fields(state, "").next()) else { return String::new() };
    let mut parts = Vec::new();
    match name {
        "running" => parts.push(format!("Running, started {}", ago(it, "/startedAt", now))),
        "waiting" => parts.push(format!("Waiting {}", text(it, "/reason"))),
        "terminated" => {
            parts.push(format!("Terminated {}", text(it, "/reason")));
            parts.push(format!("exit code {}", number(it, "/exitCode")));
            parts.push(signal(it));
            parts.push(ago(it, "/finishedAt", now));
            parts.push(after(it));
        }
        other => parts.push(other.to_owned()),
    }
    let words = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    match text(it, "/message") {
        message if message.is_empty() => words,
        message => format!("{words}: {message}"),
    }
}

/// How long it has run.
fn after(terminated: &Value) -> String {
    match took(terminated, ("/startedAt", "/finishedAt")) {
        time if time.is_empty() => time,
        time => format!("after {time}"),
    }
}

fn signal(terminated: &Value) -> String {
    match number(terminated, "/signal") {
        0 => String::new(),
        signal => format!("signal {signal}"),
    }
}

/// How a container is to be.
pub fn add_spec(group: &mut Section, container: &Value) {
    group.fact("Image", text(container, "/image"));
    group.fact("Restart policy", text(container, "/restartPolicy"));
    group.fact("Command", command(container, "/command"));
    group.fact("Arguments", command(container, "/args"));
    group.fact("Ports", items(container, "/ports").map(port).collect::<Vec<_>>().join(", "));
    group.fact("Requests", amounts(container, "/resources/requests"));
    group.fact("Limits", amounts(container, "/resources/limits"));
    for (name, path) in [("Startup", "/startupProbe"), ("Liveness", "/livenessProbe"), ("Readiness", "/readinessProbe")]
    {
        group.fact(name, container.pointer(path).map(probe).unwrap_or_default());
    }
    let from = items(container, "/envFrom").map(source);
    group.facts("Environment", from.chain(items(container, "/env").map(variable)));
    group.facts("Mounts", items(container, "/volumeMounts").map(mount));
}

/// The words of a command, as far as anybody reads.
fn command(container: &Value, path: &str) -> String {
    let words: Vec<_> = items(container, path).filter_map(Value::as_str).map(quoted).collect();
    cut(&words.join(" "), LONGEST_TEXT)
}

/// Words with blanks are in quotation marks, so that it shows where they begin and end.
fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains(char::is_whitespace) { format!("{word:?}") } else { word.to_owned() }
}

/// `80/TCP (http)`
pub fn port(port: &Value) -> String {
    let number = match number(port, "/containerPort") {
        0 => text(port, "/port"),
        number => number.to_string(),
    };
    let protocol = Some(text(port, "/protocol")).filter(|it| !it.is_empty()).unwrap_or_else(|| "TCP".to_owned());
    match text(port, "/name") {
        name if name.is_empty() => format!("{number}/{protocol}"),
        name => format!("{number}/{protocol} ({name})"),
    }
}

/// `GET http://:8080/healthz, every 10s, timeout 1s, fails after 3`, with the API's defaults filled in.
fn probe(probe: &Value) -> String {
    let what = if let Some(http) = probe.pointer("/httpGet") {
        let scheme = Some(text(http, "/scheme").to_lowercase()).filter(|it| !it.is_empty());
        let [host, port, path] = ["/host", "/port", "/path"].map(|place| text(http, place));
        format!("GET {}://{host}:{port}{path}", scheme.as_deref().unwrap_or("http"))
    } else if let Some(socket) = probe.pointer("/tcpSocket") {
        format!("connect {}:{}", text(socket, "/host"), text(socket, "/port"))
    } else if let Some(grpc) = probe.pointer("/grpc") {
        format!("gRPC :{} {}", text(grpc, "/port"), text(grpc, "/service"))
    } else {
        format!("run {}", command(probe, "/exec/command"))
    };
    let or = |path: &str, default: i64| Some(number(probe, path)).filter(|it| *it != 0).unwrap_or(default);
    let (every, limit) = (or("/periodSeconds", 10), or("/timeoutSeconds", 1));
    let delay = match number(probe, "/initialDelaySeconds") {
        0 => String::new(),
        delay => format!(", from {delay}s on"),
    };
    format!("{}{delay}, every {every}s, timeout {limit}s, fails after {}", what.trim(), or("/failureThreshold", 3))
}

fn source(from: &Value) -> String {
    let name = |path: &str| Some(text(from, path)).filter(|name| !name.is_empty());
    let config = name("/configMapRef/name").map(|name| format!("all of ConfigMap {name}"));
    config.or_else(|| name("/secretRef/name").map(|name| format!("all of Secret {name}"))).unwrap_or_default()
}

fn variable(variable: &Value) -> String {
    let name = text(variable, "/name");
    let Some((kind, from)) = fields(variable, "/valueFrom").next() else {
        return format!("{name}={}", cut(&text(variable, "/value"), LONGEST_TEXT));
    };
    let key = |what: &str| format!("{name} from key {} of {what} {}", text(from, "/key"), text(from, "/name"));
    match kind {
        "secretKeyRef" => key("Secret"),
        "configMapKeyRef" => key("ConfigMap"),
        "fieldRef" => format!("{name} from {}", text(from, "/fieldPath")),
        "resourceFieldRef" => format!("{name} from {}", text(from, "/resource")),
        other => format!("{name} from {other}"),
    }
}

fn mount(mount: &Value) -> String {
    let read_only = if is_true(mount, "/readOnly") { ", read-only" } else { "" };
    let below = text(mount, "/subPath");
    let below = if below.is_empty() { below } else { format!("/{below}") };
    format!("{} from {}{below}{read_only}", text(mount, "/mountPath"), text(mount, "/name"))
}
