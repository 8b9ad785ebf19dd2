//! What the project wants of the figures. No target fails a run: it is printed
//! beside its figure.

/// A bound of a ratio to a peer, or of a figure in its unit.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// None was set.
    Unset,
    /// No more than that.
    AtMost(f64),
    /// No less than that.
    AtLeast(f64),
}

impl Target {
    /// The target, and whether `value` meets it.
    pub fn judge(self, value: f64) -> String {
        let verdict = |met: bool| if met { "met" } else { "missed" };
        match self {
            Self::Unset => "-".to_owned(),
            Self::AtMost(bound) => format!("<= {bound} {}", verdict(value <= bound)),
            Self::AtLeast(bound) => format!(">= {bound} {}", verdict(value >= bound)),
        }
    }
}

/// Memory per pod, bodies kept, against a reflector of typed pods.
pub const MEMORY: Target = Target::AtMost(0.05);
/// Memory per pod without bodies, against a reflector of typed pods.
pub const MEMORY_NO_BODIES: Target = Target::AtMost(0.025);
/// Peak memory to steady memory, at the first sync and at a relist.
pub const MEMORY_PEAK: Target = Target::AtMost(1.3);
/// Time to synced, against a reflector of typed pods.
pub const SYNC: Target = Target::AtMost(0.25);
/// Time to synced, against a client that reads and discards.
pub const SYNC_BARE: Target = Target::AtMost(2.5);
/// Lists of all pods after a 410.
pub const LISTS_AFTER_GONE: Target = Target::AtMost(1.0);
/// What the daemon adds to an event's latency, p50 in ms.
pub const ADDED_P50: Target = Target::AtMost(0.3);
/// What the daemon adds to an event's latency, p99 in ms.
pub const ADDED_P99: Target = Target::AtMost(2.0);
/// Time until the last subscriber has an event, p99, against raw watches.
pub const FANOUT_LAST: Target = Target::AtMost(0.5);
/// Server CPU per delivery, against raw watches.
pub const FANOUT_CPU: Target = Target::AtMost(0.2);
/// Deliveries per second of server CPU, against a naive server.
pub const BACKLOG: Target = Target::AtLeast(4.0);
/// p99 of healthy subscribers with stalled ones, against without.
pub const STALLED: Target = Target::AtMost(1.2);
/// Requests at the API server, against kubectl.
pub const LOAD: Target = Target::AtMost(0.001);
/// Lists of all pods after watches were dropped.
pub const LISTS_AFTER_DROP: Target = Target::AtMost(0.0);
/// CPU of a client that reads ten thousand pods, against `kubectl get`.
pub const READS_CPU: Target = Target::AtMost(0.1);
/// Its largest resident set, against `kubectl get`.
pub const READS_MEMORY: Target = Target::AtMost(0.1);
/// Memory of a hundred waiting clients and the daemon, against `kubectl wait`.
pub const WAITS_MEMORY: Target = Target::AtMost(0.1);
/// CPU of a hundred clients, from start to exit, against `kubectl wait`.
pub const WAITS_CPU: Target = Target::AtMost(0.1);
/// Time from the change to the last client's exit, against `kubectl wait`.
pub const WAITS_LAST: Target = Target::AtMost(0.5);
/// Time of one wait for what is so already, against `kubectl wait`.
pub const WAITS_SATISFIED: Target = Target::AtMost(0.1);
/// Time of a dump of 5,000 pods with their logs, against `kubectl cluster-info dump`.
pub const DUMP_TIME: Target = Target::AtMost(0.333);
/// Its largest resident set, against `kubectl cluster-info dump`.
pub const DUMP_MEMORY: Target = Target::AtMost(0.2);
/// Time of a completion, from the process' start to its end, in ms.
pub const COMPLETION: Target = Target::AtMost(50.0);
/// Private memory of one waiting client, in MiB.
pub const WAITS_PRIVATE: Target = Target::AtMost(3.0);
/// Bytes per second through a tunnel, against `kubectl port-forward`.
pub const TUNNEL: Target = Target::AtLeast(1.0);
