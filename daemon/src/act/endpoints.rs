//! Which ports of which pods are meant by a port of an object: functions of JSON.

mod read;

use self::read::{Pod, Service, Slice};

/// The port of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The pod's name.
    pub pod: String,
    /// The port's number.
    pub port: u16,
}

/// What a port of an object means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Its number; of a Service its own.
    pub port: u16,
    /// Its name; empty if it has none.
    pub name: String,
    /// The pods' port in the words of the object; empty where it is the same.
    pub target: String,
    /// Those that are ready, in the order of their names, at least one.
    pub endpoints: Vec<Endpoint>,
}

/// A port means nothing that a connection could go to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The object has no such port.
    #[error("it has no port {port:?}{}", others(known))]
    UnknownPort {
        /// The port as it was asked for.
        port: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// What asks for a port by no number and no name.
    #[error("{0:?} is not a port: give a number from 1 to 65535, or a name")]
    NoPort(String),
    /// The port is not of TCP.
    #[error("port {port:?} is {protocol}, and only TCP can be forwarded")]
    NotTcp {
        /// The port as it was asked for.
        port: String,
        /// What it is of.
        protocol: String,
    },
    /// The Service stands for a name elsewhere.
    #[error("it is an alias of {0}, which is not in the cluster")]
    Alias(String),
    /// The Service's endpoints are no pods.
    #[error("it has no selector, and its endpoints are not pods: nothing can be forwarded to them")]
    NoSelector,
    /// Nothing is ready.
    #[error("none of its {0} endpoints is ready")]
    NoneReady(usize),
    /// There is nothing below it.
    #[error("it has no pods")]
    NoPods,
    /// The pod does not run.
    #[error("the pod is not running: its phase is {0}")]
    NotRunning(String),
    /// What was read is not what it should be.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

fn others(known: &[String]) -> String {
    match known {
        [] => "; it names none".to_owned(),
        known => format!("; it has {}", known.join(", ")),
    }
}

/// A port as it is asked for.
enum Asked<'a> {
    Number(u16),
    Name(&'a str),
}

fn asked(port: &str) -> Result<Asked<'_>, NoEndpoint> {
    match port.parse() {
        Ok(0) => Err(NoEndpoint::NoPort(port.to_owned())),
        Ok(number) => Ok(Asked::Number(number)),
        // RFC 6335's names have a letter (`core/v1`, `ContainerPort.name`).
        Err(_) if port.contains(|c: char| c.is_ascii_alphabetic()) => Ok(Asked::Name(port)),
        Err(_) => Err(NoEndpoint::NoPort(port.to_owned())),
    }
}

/// What a port of a Service means: by its EndpointSlices (`discovery.k8s.io/v1`), of which a port
/// goes by the name that it has in the Service.
///
/// # Errors
/// If nothing.
pub fn of_service<'a>(
    service: &[u8],
    slices: impl IntoIterator<Item = &'a [u8]>,
    port: &str,
) -> Result<Meant, NoEndpoint> {
    let service = Service::read(service).map_err(unreadable)?;
    if let Some(alias) = service.alias() {
        return Err(NoEndpoint::Alias(alias.to_owned()));
    }
    let asked_for = asked(port)?;
    let found = service.spec.ports.iter().find(|it| match asked_for {
        Asked::Number(number) => it.port == number,
        Asked::Name(name) => it.name == name,
    });
    let found = found.ok_or_else(|| {
        let known = service.spec.ports.iter().map(read::ServicePort::told).collect();
        NoEndpoint::UnknownPort { port: port.to_owned(), known }
    })?;
    tcp(port, &found.protocol)?;
    let (mut endpoints, mut total, mut foreign) = (Vec::new(), 0, 0);
    for slice in slices {
        let slice = Slice::read(slice).map_err(unreadable)?;
        let Some(number) = slice.number(&found.name) else { continue };
        total += slice.endpoints.len();
        foreign += slice.endpoints.iter().filter(|it| it.pod().is_none()).count();
        let ready = slice.endpoints.iter().filter(|it| it.is_ready()).filter_map(|it| it.pod());
        endpoints.extend(ready.map(|pod| Endpoint { pod: pod.to_owned(), port: number }));
    }
    // A pod of two address families is in two slices.
    endpoints.sort_unstable();
    endpoints.dedup();
    match (endpoints.is_empty(), total) {
        (true, _) if !service.has_selector() && foreign == total => Err(NoEndpoint::NoSelector),
        (true, 0) => Err(NoEndpoint::NoPods),
        (true, total) => Err(NoEndpoint::NoneReady(total)),
        (false, _) => Ok(Meant { port: found.port, name: found.name.clone(), target: found.target(), endpoints }),
    }
}

/// What a port of pods means: of one that is named as long as it runs, of those below a workload if they
/// are ready. A number need not be declared; a name is each pod's own.
///
/// # Errors
/// If nothing.
pub fn of_pods<'a>(
    pods: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    port: &str,
    is_named: bool,
) -> Result<Meant, NoEndpoint> {
    let asked = asked(port)?;
    let (mut endpoints, mut total, mut known) = (Vec::new(), 0, Vec::new());
    let mut refused = None;
    for (name, pod) in pods {
        let pod = Pod::read(pod).map_err(unreadable)?;
        total += 1;
        known.extend(pod.ports().map(read::ContainerPort::told));
        if is_named && !pod.runs() {
            return Err(NoEndpoint::NotRunning(pod.status.phase));
        }
        match number(&pod, &asked) {
            Ok(Some(port)) if is_named || pod.is_ready() => endpoints.push(Endpoint { pod: name.to_owned(), port }),
            Ok(_) => {}
            Err(error) => refused = Some(error),
        }
    }
    endpoints.sort_unstable();
    known.sort_unstable();
    known.dedup();
    let is_known = matches!(asked, Asked::Number(_)) || known.iter().any(|it| it.starts_with(&format!("{port} ")));
    match endpoints.first() {
        Some(first) => {
            let name = if matches!(asked, Asked::Name(_)) { port.to_owned() } else { String::new() };
            Ok(Meant { port: first.port, name, target: String::new(), endpoints })
        }
        None if total == 0 => Err(NoEndpoint::NoPods),
        None => Err(match refused {
            Some(refused) => refused,
            None if is_known => NoEndpoint::NoneReady(total),
            None => NoEndpoint::UnknownPort { port: port.to_owned(), known },
        }),
    }
}

/// The number of a port of a pod, if it has such a port.
fn number(pod: &Pod, asked: &Asked<'_>) -> Result<Option<u16>, NoEndpoint> {
    match asked {
        Asked::Number(number) => Ok(Some(*number)),
        Asked::Name(name) => match pod.number(name) {
            Some((number, protocol)) => tcp(name, protocol).map(|()| Some(number)),
            None => Ok(None),
        },
    }
}

fn tcp(port: &str, protocol: &str) -> Result<(), NoEndpoint> {
    match protocol {
        "" | "TCP" => Ok(()),
        other => Err(NoEndpoint::NotTcp { port: port.to_owned(), protocol: other.to_owned() }),
    }
}

fn unreadable(error: serde_json::Error) -> NoEndpoint {
    NoEndpoint::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests;
