//! The command line.

use clap::{Parser, Subcommand};

use crate::bench::{
    all, backlog, completion, dump, fanout, gates, load, memory, pods, propagation, reads, serve, stalled, sync,
    tunnel, waits,
};
use crate::peer::{naive, reflector};

/// What Daymark's daemon costs, against its peers.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Cli {
    /// What to measure.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// All of them, with their defaults
    All(all::Options),
    /// How large the generated pods are, and how well they compress
    Pods(pods::Options),
    /// Memory per pod, and at its peak
    Memory(memory::Options),
    /// Time until everything is known
    Sync(sync::Options),
    /// What the daemon adds to an event's latency
    Propagation(propagation::Options),
    /// One event to a thousand subscribers, against a real API server
    Fanout(fanout::Options),
    /// Deliveries per second of one core, when more is to be told than can be
    Backlog(backlog::Options),
    /// What subscribers that do not read cost those that do
    Stalled(stalled::Options),
    /// Requests at the API server, against kubectl's
    Load(load::Options),
    /// Memory, CPU and time of ten thousand open gates
    Gates(gates::Options),
    /// Memory, CPU and time of a hundred `daymark wait`, against kubectl's
    Waits(waits::Options),
    /// CPU, memory and time of `daymark get pods -A`, against kubectl's
    Reads(reads::Options),
    /// Time and memory of `daymark dump`, against kubectl's
    Dump(dump::Options),
    /// Time of the tab key, against kubectl's
    Completion(completion::Options),
    /// Bytes through `daymark tunnel`, against `kubectl port-forward`
    Tunnel(tunnel::Options),
    /// The fake API server by itself
    Serve(serve::Options),
    /// A peer's process
    #[command(hide = true)]
    Naive(naive::Arguments),
    /// A peer's process
    #[command(hide = true)]
    Reflector(reflector::Arguments),
}
