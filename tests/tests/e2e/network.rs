//! A network of a test's own, in which the addresses of pods are this machine's.
//!
//! The API server's proxies refuse loopback (k8s.io/kubernetes `pkg/proxy/util`, `IsProxyableIP`), and pods' addresses
//! lead nowhere else. So such a test runs once more by this very program, in a network namespace in which
//! they lead to it, with a control plane and a daemon that are in there, too. The namespace ends with its last process.

use std::path::Path;
use std::process::{Command, Output};

use daymark_tests::process::mortal;

/// Set in a process that is in such a network.
const INSIDE: &str = "DAYMARK_TEST_IN_OWN_NETWORK";
/// Makes it, and runs what follows; a local route makes every address of it one that is listened at. They are those of
/// `tests/control-plane/launcher/nodes.go`.
const ENTER: &str = r#"set -e; ip link set lo up; ip route add local 10.128.0.0/9 dev lo; exec "$@""#;
/// How a namespace is entered: by root, and by others where the kernel lets them.
const WAYS: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];

/// Whether this process is in a network of its own.
pub(crate) fn is_own() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs that test in a network of its own.
///
/// Errors if none can be had; that the test fails is a panic.
pub(crate) fn run_in_own(test: &str) -> Result<(), String> {
    if std::env::var_os("DAYMARK_TEST_KUBECONFIG").is_some() {
        return Err("DAYMARK_TEST_KUBECONFIG's pods are in another network".into());
    }
    let mut lacks = String::new();
    for way in WAYS {
        let tried = output(&mut inside(way, Path::new("true")))?;
        if tried.status.success() {
            return played(test, way);
        }
        lacks = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
    }
    Err(format!("no network of its own can be made: {lacks}"))
}

fn played(test: &str, way: &[&str]) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    // What it lacks in there is a failure: all but the network was to be had here.
    let run = output(inside(way, &program).args(["--exact", test]).env(INSIDE, "1").env("CI", "true"))?;
    let said = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(run.status.success() && said.contains("1 passed"), "in a network of its own: {said}");
    Ok(())
}

/// A command in such a network, which ends with the thread that starts it.
fn inside(way: &[&str], program: &Path) -> Command {
    let shell = mortal(Path::new("sh"));
    let mut command = Command::new("unshare");
    // To enter a user's namespace takes the signal away that a parent's end is: it is asked for behind that.
    command.args(way).arg(shell.get_program()).args(shell.get_args()).args(["-c", ENTER, "sh"]).arg(program);
    command
}

fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|e| format!("no network of its own can be made: unshare: {e}"))
}
