//! `daymark diagnose` tells the cause first, in every situation of
//! `tests/resources/broken/`; of what is well it tells none.

use std::collections::BTreeSet;
use std::thread;

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::situation::{self, Situation};

use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

/// A test of the situations in a folder.
const fn test(name: &'static str, run: fn(&Cluster, &Daemon)) -> Test {
    Test { name, needs: STEERED, run: Run::Shared(run) }
}

pub(crate) const TESTS: &[Test] = &[
    test("diagnose_catalogue::admission", |cluster, daemon| hold(cluster, daemon, "admission")),
    // What is wrong with the whole cluster is wrong for others' situations, too.
    Test { name: "diagnose_catalogue::cluster", needs: STEERED, run: Run::Own(cluster_wide) },
    test("diagnose_catalogue::configuration", |cluster, daemon| hold(cluster, daemon, "configuration")),
    test("diagnose_catalogue::containers", |cluster, daemon| hold(cluster, daemon, "containers")),
    test("diagnose_catalogue::healthy", |cluster, daemon| hold(cluster, daemon, "healthy")),
    test("diagnose_catalogue::images", |cluster, daemon| hold(cluster, daemon, "images")),
    test("diagnose_catalogue::jobs", |cluster, daemon| hold(cluster, daemon, "jobs")),
    test("diagnose_catalogue::others", |cluster, daemon| hold(cluster, daemon, "others")),
    test("diagnose_catalogue::probes", |cluster, daemon| hold(cluster, daemon, "probes")),
    test("diagnose_catalogue::scheduling", |cluster, daemon| hold(cluster, daemon, "scheduling")),
    test("diagnose_catalogue::services", |cluster, daemon| hold(cluster, daemon, "services")),
    test("diagnose_catalogue::storage", |cluster, daemon| hold(cluster, daemon, "storage")),
    test("diagnose_catalogue::is_whole", |_, _| whole()),
];

/// Every folder has a test.
fn whole() {
    let tested: BTreeSet<_> = TESTS.iter().filter_map(|test| test.name.split("::").nth(1)).collect();
    let untested: Vec<_> = situation::folders().into_iter().filter(|name| !tested.contains(name.as_str())).collect();
    assert!(untested.is_empty(), "situations that no test brings about: {untested:?}");
}

/// Those of the whole cluster, in one of their own.
fn cluster_wide(cluster: Cluster) {
    let daemon = Daemon::start(["--kubeconfig".as_ref(), cluster.kubeconfig().as_os_str()]);
    hold(&cluster, &daemon, "cluster");
}

/// All situations of the folder at the same time, each in a namespace of its own.
fn hold(cluster: &Cluster, daemon: &Daemon, folder: &str) {
    let situations = situation::in_folder(folder);
    let wrong: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> =
            situations.iter().map(|situation| scope.spawn(|| diagnose(cluster, daemon, situation))).collect();
        let ended = running.into_iter().zip(&situations).map(|(thread, situation)| {
            thread.join().unwrap_or_else(|_| Some(format!("{}: it did not come about: see above", situation.name)))
        });
        ended.flatten().collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the diagnosis, if anything is.
fn diagnose(cluster: &Cluster, daemon: &Daemon, situation: &Situation) -> Option<String> {
    let namespace = cluster.namespace();
    let cli = daemon.cli();
    let _staged = situation.stage(&namespace, &cli);
    situation.judge(&cli, &namespace.name).err()
}
