//! `daymark tunnel`

use std::collections::BTreeSet;
use std::time::Duration;

use daymark::Client;
use daymark::api::{ObjectRef, ResolveRequest, TunnelPort};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::doors::{Door, Said};
use self::words::Wanted;
use super::session;
use crate::args::{Global, Tunnel, Via};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::signals::{Ending, Signals};
use crate::{duration, sanitize};

mod carrying;
mod command;
mod doors;
pub mod listening;
mod service;
mod words;

/// What is told at a time.
const WAITING: usize = 100;
/// What was said is not said again; behind so much some may be.
const SAID: usize = 1000;

/// Listens on this machine and carries what connects, until the time is over or what it runs has ended.
pub async fn run(
    global: &Global,
    args: &Tunnel,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let wanted = words::parse(&args.words)?;
    let until = Instant::now() + args.max_duration;
    let (said, sayings) = mpsc::channel(WAITING);
    let opening = async {
        let client = session::connect(global).await?;
        open(global, args, &client, &wanted, printer).await
    };
    let doors = tokio::select! {
        biased;
        ending = signals.next() => return Err(ending.into()),
        doors = opening => doors?,
    };
    let addresses: Vec<_> = doors.iter().map(|door| door.address).collect();
    // They end with it.
    let mut serving = JoinSet::new();
    for door in doors {
        door.serve(&mut serving, until, &said);
    }
    let mut open = Open { printer, sayings, said: BTreeSet::new() };
    if args.command.is_empty() {
        return open.stay(signals, until, args.max_duration).await;
    }
    let running = command::start(&args.command, &addresses)?;
    tokio::select! {
        ended = running.end(signals, until) => ended,
        failure = open.tell() => Err(failure),
    }
}

/// A tunnel that is open.
struct Open<'a> {
    printer: &'a mut Printer,
    sayings: mpsc::Receiver<Said>,
    said: BTreeSet<String>,
}

impl Open<'_> {
    /// Until a signal or the end of its time.
    async fn stay(&mut self, signals: &mut Signals, until: Instant, lasts: Duration) -> Result<Exit, Failure> {
        let ending: Option<Ending> = tokio::select! {
            biased;
            ending = signals.next() => Some(ending),
            () = tokio::time::sleep_until(until) => None,
            failure = self.tell() => return Err(failure),
        };
        match ending {
            Some(ending) => Err(ending.into()),
            None => {
                let lasts = duration::show(lasts);
                self.printer.note(&format!("the tunnel has lasted for {lasts}; --max-duration allows more"));
                Ok(Exit::Passed)
            }
        }
    }

    /// Tells what happens, each once; returns with what ends it all.
    async fn tell(&mut self) -> Failure {
        while let Some(said) = self.sayings.recv().await {
            match said {
                Said::End(failure) => return failure,
                Said::Note(text) if self.is_new(&text) => self.printer.note(&sanitize::line(&text)),
                Said::Problem(text) if self.is_new(&text) => self.printer.problem(&text),
                Said::Note(_) | Said::Problem(_) => {}
            }
        }
        std::future::pending().await
    }

    fn is_new(&mut self, text: &str) -> bool {
        if self.said.len() >= SAID {
            self.said.clear();
        }
        self.said.insert(text.to_owned())
    }
}

/// Asks what each port means, and listens for it.
async fn open(
    global: &Global,
    args: &Tunnel,
    client: &Client,
    wanted: &[Wanted],
    printer: &mut Printer,
) -> Result<Vec<Door>, Failure> {
    let mut doors = Vec::new();
    for wanted in wanted {
        let (object, ports) = match args.via {
            Via::Proxy => service::read(global, client, wanted).await?,
            Via::Forward => resolve(global, client, wanted).await?,
        };
        if doors.is_empty() {
            let (cluster, namespace) = (sanitize::line(&object.cluster), sanitize::line(&object.namespace));
            let lasts = duration::show(args.max_duration);
            printer.note(&format!("cluster {cluster}, namespace {namespace}; for debugging, ends after {lasts}"));
        }
        for (port, meant) in wanted.ports.iter().zip(ports) {
            let number = u16::try_from(meant.port).unwrap_or_default();
            let local = port.local.unwrap_or(number);
            let instead = format!("name another port with LOCAL:{}", port.remote);
            let listeners = listening::listen(&args.listen, local, &instead).await?;
            let door = Door::new(client.clone(), object.clone(), meant.clone(), args.via, listeners)?;
            printer.note(&line(&door, wanted, &meant));
            doors.push(door);
        }
    }
    Ok(doors)
}

/// What ports of an object mean that are forwarded to its pods.
async fn resolve(global: &Global, client: &Client, wanted: &Wanted) -> Result<(ObjectRef, Vec<TunnelPort>), Failure> {
    let mut object = wanted.target.object_ref(session::one_namespace(global)?);
    session::cluster(global).clone_into(&mut object.cluster);
    let ports = wanted.ports.iter().map(|port| port.remote.clone()).collect();
    let resolved = client.resolve_ports(ResolveRequest { r#ref: Some(object), ports }).await?;
    match resolved.r#ref {
        Some(object) => Ok((object, resolved.ports)),
        None => Err(Failure::new(Exit::Fault, "the daemon names no object")),
    }
}

/// `Forwarding from 127.0.0.1:8080 -> svc/nginx 80 (http) -> pod port 8080`
fn line(door: &Door, wanted: &Wanted, meant: &TunnelPort) -> String {
    let name = if meant.name.is_empty() { String::new() } else { format!(" ({})", meant.name) };
    let target = match (&*meant.target, door.via) {
        (_, Via::Proxy) => " -> service proxy, GET and HEAD".to_owned(),
        ("", _) => String::new(),
        (target, _) => format!(" -> pod port {target}"),
    };
    let from = door.addresses().join(" and ");
    sanitize::line(&format!("Forwarding from {from} -> {} {}{name}{target}", wanted.target, meant.port)).into_owned()
}

/// Where a door is, of which the first listener says it.
fn local(listeners: &[TcpListener]) -> Result<std::net::SocketAddr, Failure> {
    match listeners.first() {
        Some(first) => listening::address_of(first),
        None => Err(Failure::new(Exit::Fault, "not listening on any port")),
    }
}
