//! End-to-end tests against a real control plane.
//!
//! Where one comes from: `DAYMARK_TEST_KUBECONFIG` (a cluster you have; what it
//! lacks is skipped by name), or `DAYMARK_TEST_BIN` (a folder of ready
//! binaries), or the binaries are built, once. Where none can be had the tests
//! are ignored with the reason; with `CI` set, they fail.

#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

#[path = "e2e/completion.rs"]
mod completion;
#[path = "e2e/control_plane.rs"]
mod control_plane;
#[path = "e2e/describe.rs"]
mod describe;
#[path = "e2e/diagnose.rs"]
mod diagnose;
#[path = "e2e/diagnose_catalogue.rs"]
mod diagnose_catalogue;
#[path = "e2e/diagnose_manifests.rs"]
mod diagnose_manifests;
#[path = "e2e/drain.rs"]
mod drain;
#[path = "e2e/dump.rs"]
mod dump;
#[path = "e2e/events.rs"]
mod events;
#[path = "e2e/expressions.rs"]
mod expressions;
#[path = "e2e/gates.rs"]
mod gates;
#[path = "e2e/init_container.rs"]
mod init_container;
#[allow(clippy::unwrap_used, dead_code, reason = "it is shared with the daemon's tests, which ask more of it")]
#[path = "../../daemon/tests/support/issuer.rs"]
mod issuer;
#[path = "e2e/kinds.rs"]
mod kinds;
#[path = "e2e/logs.rs"]
mod logs;
#[path = "e2e/network.rs"]
mod network;
#[path = "e2e/nodes.rs"]
mod nodes;
#[path = "e2e/on.rs"]
mod on;
#[path = "e2e/owned.rs"]
mod owned;
#[path = "e2e/quarantine.rs"]
mod quarantine;
#[path = "e2e/recording.rs"]
mod recording;
#[path = "e2e/reflection.rs"]
mod reflection;
#[path = "e2e/remote.rs"]
mod remote;
#[path = "e2e/restarts.rs"]
mod restarts;
#[path = "e2e/rights.rs"]
mod rights;
#[path = "e2e/scale.rs"]
mod scale;
#[path = "e2e/secrets.rs"]
mod secrets;
#[path = "e2e/service_proxy.rs"]
mod service_proxy;
#[path = "e2e/states.rs"]
mod states;
#[path = "e2e/tables.rs"]
mod tables;
#[path = "e2e/tree.rs"]
mod tree;
#[path = "e2e/tunnel.rs"]
mod tunnel;
#[path = "e2e/wait.rs"]
mod wait;
#[path = "e2e/watch.rs"]
mod watch;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread;

use daymark_tests::cluster::{Cluster, NODES, Need};
use daymark_tests::daemon::Daemon;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// One test.
#[derive(Clone, Copy)]
struct Test {
    name: &'static str,
    /// What it needs of its cluster.
    needs: &'static [Need],
    run: Run,
}

/// How a test runs.
#[derive(Clone, Copy)]
enum Run {
    /// In a namespace of the cluster and by the daemon that tests share.
    Shared(fn(&Cluster, &Daemon)),
    /// In a control plane of its own, to be disturbed.
    Own(fn(Cluster)),
    /// In one that loses nodes within seconds.
    Nervous(fn(Cluster)),
    /// As those that share, but in a network in which pods' addresses are this machine's.
    Routed(fn(&Cluster, &Daemon)),
    /// In one with so many nodes, and while no other test runs: it takes what
    /// the machine has, and the others' patience is not to pay for that.
    Alone(usize, fn(Cluster)),
}

/// A node whose kubelet says nothing is lost after that time.
const NERVOUS: &[&str] = &[
    "--controller-manager-arg=--node-monitor-grace-period=4s",
    "--controller-manager-arg=--node-monitor-period=1s",
    "--kwok-arg=--node-lease-duration-seconds=4",
];

/// Held by every test that runs; alone by one that is to run alone.
static MACHINE: RwLock<()> = RwLock::new(());

type Shared = Result<Arc<(Cluster, Daemon)>, String>;

/// The cluster that tests share and its daemon: opened by the first who needs
/// them, closed at the end.
static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

fn main() -> ExitCode {
    let tests = [
        describe::TESTS,
        wait::TESTS,
        watch::TESTS,
        events::TESTS,
        kinds::TESTS,
        completion::TESTS,
        control_plane::TESTS,
        diagnose::TESTS,
        drain::TESTS,
        dump::TESTS,
        gates::TESTS,
        init_container::TESTS,
        logs::TESTS,
        nodes::TESTS,
        on::TESTS,
        owned::TESTS,
        quarantine::TESTS,
        remote::TESTS,
        restarts::TESTS,
        recording::TESTS,
        reflection::TESTS,
        rights::TESTS,
        secrets::TESTS,
        service_proxy::TESTS,
        states::TESTS,
        diagnose_catalogue::TESTS,
        diagnose_manifests::TESTS,
        scale::TESTS,
        expressions::TESTS,
        tables::TESTS,
        tree::TESTS,
        tunnel::TESTS,
    ]
    .concat();
    let trials = tests.into_iter().map(|test| Trial::ignorable_test(test.name, move || perform(&test))).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    drop(SHARED.lock().unwrap_or_else(PoisonError::into_inner).take());
    conclusion.exit_code()
}

fn perform(test: &Test) -> Result<Completion, Failed> {
    let played = shared().and_then(|shared| {
        test.needs.iter().try_for_each(|need| shared.0.meets(*need))?;
        let beside = || MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        let alone = || MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        match test.run {
            Run::Shared(run) => {
                let _beside = beside();
                run(&shared.0, &shared.1);
            }
            Run::Own(run) => {
                let _beside = beside();
                run(Cluster::start_own(NODES)?);
            }
            Run::Nervous(run) => {
                let _beside = beside();
                run(Cluster::start_own_with(NODES, NERVOUS)?);
            }
            Run::Routed(run) if network::is_own() => run(&shared.0, &shared.1),
            Run::Routed(_) => {
                let _beside = beside();
                network::run_in_own(test.name)?;
            }
            Run::Alone(nodes, run) => {
                let _alone = alone();
                run(Cluster::start_own(nodes)?);
            }
        }
        Ok(())
    });
    match played {
        Ok(()) => Ok(Completion::Completed),
        Err(lack) if std::env::var_os("CI").is_some() => Err(format!("with CI set nothing is skipped: {lack}").into()),
        Err(lack) => Ok(Completion::ignored_with(lack)),
    }
}

fn shared() -> Shared {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.get_or_insert_with(open_for_all).clone()
}

/// Opens them on a thread that stays: the kernel ends a daemon with the thread that
/// has started it, and those of tests end when no test is left for them.
fn open_for_all() -> Shared {
    let (opened, result) = mpsc::channel();
    thread::spawn(move || {
        if opened.send(open()).is_ok() {
            loop {
                thread::park();
            }
        }
    });
    result.recv().unwrap_or_else(|_| Err("what tests share was not opened".to_owned()))
}

fn open() -> Shared {
    let cluster = Cluster::obtain()?;
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    Ok(Arc::new((cluster, daemon)))
}
