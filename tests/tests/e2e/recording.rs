//! What was recorded from a real API server replays to the same end.

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;

use crate::wait::deployment;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[Test {
    name: "recording::replays_what_was_recorded",
    needs: &[Need::Controllers, Need::Steering],
    run: Run::Shared(replays),
}];

fn replays(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let file = folder.path().join("session.daymark");
    let kubeconfig = cluster.kubeconfig().as_os_str();
    let recording = Daemon::start(["--kubeconfig".as_ref(), kubeconfig, "--record".as_ref(), file.as_os_str()]);
    namespace.apply(&deployment("web", 2, "ready-after", "1s", ""));
    let wait = format!("wait -n {} deploy/web --timeout 60s", namespace.name);
    assert_eq!(recording.cli().run(&wait).code, Some(0));
    let get = format!("get -n {} deploy,rs,pods -o json", namespace.name);
    let live = recording.cli().run(&get);
    let ended = recording.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("it was written").permissions());
    assert_eq!(mode & 0o777, 0o600, "it is its owner's only");
    let replay = Daemon::of_recording(&file, 100);
    let waited = replay.cli().run(&wait);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(waited.stdout.contains("replayed)"), "{waited:?}");
    assert_eq!(replay.cli().run(&get).stdout, live.stdout);
}
