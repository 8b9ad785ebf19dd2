//! Init containers that wait: most often for a Service that is not there.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::cause::{Cause, Certainty, Evidence};
use super::containers::{ContainerOfPod, containers};
use super::crash::command;
use super::fields::{list, text, word};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::service::ready_endpoints;
use super::target::{Pod, Target};

/// How long an init container may run before it is said to wait, if nothing else tells so.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
/// Words before the name of a host, in commands that wait for it.
const BEFORE_HOSTS: &[&str] =
    &["nslookup", "getent", "host", "dig", "ping", "nc", "curl", "wget", "telnet", "wait-for", "wait-for-it", "lookup"];
/// What resolvers say before or behind the name that they do not find.
const NOT_RESOLVED: &[&str] = &[
    "can't resolve",
    "bad address",
    "could not resolve host",
    "couldn't resolve host",
    "can't find",
    "no such host",
    "name or service not known",
    "nxdomain",
    "unknown host",
    "not known",
];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        let waiting = containers(pod.object).into_iter().find(|container| container.is_init && container.runs());
        causes.extend(waiting.and_then(|container| cause(observation, pod, &container)));
    }
    causes
}

fn cause(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Option<Cause> {
    let seconds = observation.now.duration_since(container.runs_since()?);
    let awaited = awaited(observation, pod.object, container);
    if awaited.is_empty() && seconds < PATIENCE {
        return None;
    }
    let log = observation.log(pod.object, container.name());
    let status =
        format!("{}: running for {}s, and has to end before others start", container.spoken(), seconds.as_secs());
    let message = match awaited.first() {
        None => format!("{} has run for {}s and does not end", container.spoken(), seconds.as_secs()),
        Some(awaited) => format!("{} waits for {}", container.spoken(), awaited.spoken()),
    };
    let certainty = if awaited.is_empty() { Certainty::Likely } else { Certainty::Certain };
    let name = word(&pod.object.name.name);
    let services = awaited.iter().map(|awaited| match awaited.is_missing {
        true => pod.object.name.kubectl("get services"),
        false => format!("daymark diagnose -n {} service/{}", word(pod.object.namespace()), word(&awaited.name.name)),
    });
    let cause = Cause::new(Reason::InitContainerWaiting, pod.object, message)
        .is(certainty)
        .keyed(pod.key(container.name()))
        .because([Evidence::container(pod.object, status)])
        .because(awaited.iter().map(Awaited::evidence))
        .because([Evidence::field(pod.object, format!("command of {}: {}", container.spoken(), command(container)))])
        .because(Evidence::log(pod.object, container.name(), log))
        .then(services)
        .then([pod.object.name.kubectl(&format!("logs {name} -c {}", word(container.name())))]);
    Some(Cause { is_old: pod.is_old, ..cause })
}

/// A Service that a container waits for.
struct Awaited {
    name: Name,
    is_missing: bool,
}

impl Awaited {
    fn spoken(&self) -> String {
        let Name { namespace, name, .. } = &self.name;
        match self.is_missing {
            true => format!("Service {name:?}, which is not there (namespace {namespace:?})"),
            false => format!("Service {name:?}, which has no endpoint that is ready"),
        }
    }

    fn evidence(&self) -> Evidence {
        let text = if self.is_missing { "there is no such Service" } else { "no endpoint is ready" };
        Evidence { kind: super::EvidenceKind::Field, object: self.name.clone(), text: text.to_owned() }
    }
}

/// The Services that its command, environment or log name, and that do not answer: those that
/// are not there first.
fn awaited(observation: &Observation, pod: &Object, container: &ContainerOfPod<'_>) -> Vec<Awaited> {
    let log = observation.log(pod, container.name());
    let environment = list(container.spec, "/env").iter().map(|variable| text(variable, "/value").to_owned());
    let spoken: Vec<_> = [command_of(container)].into_iter().chain(environment).collect();
    let unresolved = log.iter().filter(|line| {
        let line = line.to_lowercase();
        NOT_RESOLVED.iter().any(|words| line.contains(words))
    });
    let hosts: BTreeSet<_> =
        spoken.iter().flat_map(|text| hosts(text)).chain(unresolved.flat_map(|line| quoted(line))).collect();
    let named: BTreeSet<_> =
        spoken.iter().chain(log).flat_map(|text| words(text)).chain(hosts.iter().cloned()).collect();
    let mut found = Vec::new();
    for host in named {
        let Some((name, namespace)) = service_of(&host, pod.namespace()) else { continue };
        let service = observation.find(kinds::SERVICE, &namespace, &name);
        let is_missing = hosts.contains(&host) && observation.lacks(kinds::SERVICE, &namespace, &name);
        let is_dead = service.is_some_and(|service| ready_endpoints(observation, service) == Some(0));
        if is_missing || is_dead {
            found.push(Awaited { name: Name::of(kinds::SERVICE, &namespace, &name), is_missing });
        }
    }
    found.sort_by_key(|awaited| !awaited.is_missing);
    found.dedup_by(|one, other| one.name == other.name);
    found
}

fn command_of(container: &ContainerOfPod<'_>) -> String {
    let words = ["/command", "/args"].into_iter().flat_map(|path| list(container.spec, path));
    words.filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(" ")
}

/// Everything in a text that could be a host's name.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '.';
    text.split(move |char| !is_part(char))
        .map(|word| word.trim_matches(['.', '-']).to_owned())
        .filter(|word| is_host(word))
}

fn is_host(word: &str) -> bool {
    word.starts_with(|char: char| char.is_ascii_alphabetic()) && word.len() < 254
}

/// What in a command is a host's name, by what stands around it: `nslookup HOST`, `HOST:PORT`,
/// `http://HOST`, `nc -z HOST PORT`, `HOST.NAMESPACE.svc`.
fn hosts(text: &str) -> Vec<String> {
    let blank = |char: char| char.is_whitespace() || "\"'`;()&|<>{}$=,".contains(char);
    let tokens: Vec<_> = text.split(blank).filter(|token| !token.is_empty()).collect();
    let mut hosts = Vec::new();
    let mut is_expected = false;
    for token in tokens {
        let of_url = token.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
        let place = of_url.unwrap_or(token);
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, port) = place.split_once(':').unwrap_or((place, ""));
        let has_port = port.split('/').next().is_some_and(|port| port.parse::<u16>().is_ok());
        let is_name = words(host).next().is_some_and(|word| word == host);
        if is_name && (of_url.is_some() || has_port || host.contains(".svc") || is_expected) {
            hosts.push(host.to_owned());
        }
        // Flags, and their values, may stand between.
        let is_flag = token.starts_with('-') || token.parse::<f64>().is_ok();
        let program = token.rsplit('/').next().unwrap_or_default().trim_end_matches(".sh");
        is_expected = BEFORE_HOSTS.contains(&program) || (is_expected && (is_flag || token == "hosts"));
    }
    hosts
}

/// The names in a line of a resolver's, which stand in quotes, or behind its words.
fn quoted(line: &str) -> Vec<String> {
    let in_quotes = line.split(['\'', '"', '`']).skip(1).step_by(2).flat_map(words);
    let lower = line.to_lowercase();
    let behind = NOT_RESOLVED.iter().filter_map(|it| lower.split_once(it)).filter_map(|(_, rest)| {
        let rest = rest.trim_start_matches([':', ' ', '\'', '"']);
        words(rest).next().filter(|word| rest.starts_with(word.as_str()))
    });
    let looked_up = lower.split_once("lookup ").and_then(|(_, rest)| words(rest).next());
    in_quotes.chain(behind.collect::<Vec<_>>()).chain(looked_up).collect()
}

/// The Service, and its namespace, that a name means within a cluster; `None` if it means none.
fn service_of(host: &str, namespace: &str) -> Option<(String, String)> {
    let mut labels = host.split('.');
    let name = labels.next()?.to_owned();
    match (labels.next(), labels.next()) {
        (None, _) => Some((name, namespace.to_owned())),
        (Some(namespace), None | Some("svc")) => Some((name, namespace.to_owned())),
        _ => None,
    }
    .filter(|(name, namespace)| !name.is_empty() && !namespace.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_commands() {
        for (command, expected) in [
            ("sh -c until nslookup backend; do echo waiting; sleep 2; done", vec!["backend"]),
            ("sh -c until nc -z -w 2 db 5432; do sleep 1; done", vec!["db"]),
            ("wget -q -O - http://api.shop.svc.cluster.local:8080/health", vec!["api.shop.svc.cluster.local"]),
            ("/wait-for-it.sh redis:6379 -t 60", vec!["redis"]),
            ("until pg_isready -h db.shop.svc; do sleep 1; done", vec!["db.shop.svc"]),
            ("until getent hosts cache; do true; done", vec!["cache"]),
            ("sleep 3600", vec![]),
            ("cp -r /src /dst", vec![]),
        ] {
            assert_eq!(hosts(command), expected, "{command}");
        }
    }

    #[test]
    fn names_are_found_in_what_resolvers_say() {
        for line in [
            "nslookup: can't resolve 'backend'",
            "** server can't find backend: NXDOMAIN",
            "wget: bad address 'backend:80'",
            "curl: (6) Could not resolve host: backend",
            "dial tcp: lookup backend on 10.96.0.10:53: no such host",
        ] {
            assert!(quoted(line).contains(&"backend".to_owned()), "{line}: {:?}", quoted(line));
        }
    }

    #[test]
    fn names_of_services_have_their_namespace() {
        let of = |host| service_of(host, "shop").map(|(name, namespace)| format!("{namespace}/{name}"));
        assert_eq!(of("db").as_deref(), Some("shop/db"));
        assert_eq!(of("db.data").as_deref(), Some("data/db"));
        assert_eq!(of("db.data.svc.cluster.local").as_deref(), Some("data/db"));
        assert_eq!(of("www.example.com"), None);
    }
}
