//! What a daemon is given wrongly: one clear line, the right exit code, and
//! nothing left behind.

#![allow(clippy::expect_used, reason = "these are tests")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use daymark_tests::cli::Cli;
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Finished, Process};
use daymark_tests::{binaries, demo_recording};

fn daymarkd(args: &str) -> Process {
    let binary = &binaries::build().expect("the binaries build").daymarkd;
    let mut command = Command::new(binary);
    for variable in ["KUBECONFIG", "DAYMARK_LOG"] {
        command.env_remove(variable);
    }
    Process::start(command.args(args.split_whitespace()))
}

/// It ends with that code and one line that says all of `says`.
fn refuses(args: &str, code: i32, says: &[&str]) -> Finished {
    let ended = daymarkd(args).finish();
    assert_eq!(ended.code, Some(code), "{args}: {ended:?}");
    let errors: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("daymarkd: ")).collect();
    assert_eq!(errors.len(), 1, "{args}: {ended:?}");
    for word in says {
        assert!(errors[0].contains(word), "{args}: {word:?} is not in {errors:?}");
    }
    assert!(!ended.stderr.contains("panicked"), "{args}: {ended:?}");
    ended
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is a folder for temporary files"))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("a file can be written");
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: here, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
current-context: here
";

#[test]
fn rules_that_are_not_there() {
    let folder = Folder::new();
    let recording = demo_recording().display().to_string();
    let (listen, rules) = (format!("--listen unix:{}", folder.path("d.sock")), folder.path("none.yaml"));
    refuses(&format!("{listen} --replay {recording} --rules {rules}"), 2, &["--rules", &rules, "No such file"]);
}

#[test]
fn a_bad_kubeconfig() {
    let folder = Folder::new();
    let listen = format!("--listen unix:{}", folder.path("d.sock"));
    refuses(&format!("{listen} --kubeconfig {}", folder.path("none")), 2, &["none", "No such file"]);
    let broken = folder.file("broken", "clusters: [");
    refuses(&format!("{listen} --kubeconfig {broken}"), 2, &[&broken]);
    let whole = folder.file("whole", KUBECONFIG);
    refuses(&format!("{listen} --kubeconfig {whole} --context there"), 2, &["no context \"there\"", "it has here"]);
    assert!(!Path::new(&folder.path("d.sock")).exists(), "no socket is left behind");
}

#[test]
fn a_malformed_or_forbidden_address() {
    for (address, says) in [
        ("nonsense", "neither unix:PATH nor HOST:PORT"),
        ("unix:", "neither unix:PATH nor HOST:PORT"),
        ("0.0.0.0:7443", "not a loopback address"),
    ] {
        let ended = daymarkd(&format!("--listen {address}")).finish();
        assert_eq!(ended.code, Some(2), "{address}: {ended:?}");
        assert!(ended.stderr.contains(says), "{address}: {ended:?}");
    }
    refuses("--listen 127.0.0.1:0", 2, &["--token-file"]);
}

#[test]
fn what_tls_and_tokens_cannot_be_served_with() {
    let folder = Folder::new();
    let recording = demo_recording().display().to_string();
    let tcp = format!("--replay {recording} --listen 127.0.0.1:0 --token-file {}", folder.path("token"));
    let (none, broken) = (folder.path("none"), folder.file("broken", "no PEM"));
    let tls =
        |certificate: &str, key: &str| format!("{tcp} --tls-cert-file {certificate} --tls-private-key-file {key}");
    refuses(&tls(&none, &broken), 2, &["--tls-cert-file", &none, "No such file"]);
    refuses(&tls(&broken, &broken), 2, &["--tls-cert-file", &broken, "no certificate in it"]);
    let issuers = folder.file("issuers", "apiVersion: v1\n");
    refuses(&format!("{tcp} --authentication-config {issuers}"), 2, &["--authentication-config", &issuers]);
    let private = folder.path("private");
    fs::create_dir(&private).expect("a folder can be made");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).expect("modes can be set");
    let open = format!("--replay {recording} --listen unix:{private}/d.sock --socket-user 12345=jane");
    refuses(&open, 2, &["--socket-user", &private, "0700"]);
}

#[test]
fn a_busy_or_foreign_socket() {
    let folder = Folder::new();
    let recording = demo_recording().display().to_string();
    let daemon = Daemon::of_recording(&demo_recording(), 1000);
    let address = daemon.cli().address;
    refuses(&format!("--replay {recording} --listen {address}"), 2, &["another process already does", &address]);
    assert_eq!(daemon.cli().run("get pods -A").code, Some(0), "the first one goes on");

    let file = folder.file("file", "");
    refuses(&format!("--replay {recording} --listen unix:{file}"), 2, &["not a socket"]);
    assert!(Path::new(&file).exists(), "the file is still there");
}

#[test]
fn a_folder_that_others_may_write_to() {
    let folder = Folder::new();
    let open = folder.path("open");
    fs::create_dir(&open).expect("a folder can be made");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("modes can be set");
    let recording = demo_recording().display().to_string();
    refuses(&format!("--replay {recording} --listen unix:{open}/d.sock"), 2, &["others may write to it", "0777"]);
}

#[test]
fn a_token_file_that_others_can_read() {
    let folder = Folder::new();
    let token = folder.file("token", "0123456789abcdef0123456789abcdef");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).expect("modes can be set");
    let recording = demo_recording().display().to_string();
    refuses(&format!("--replay {recording} --listen 127.0.0.1:0 --token-file {token}"), 2, &[&token, "0644", "0600"]);
}

#[test]
fn a_recording_that_is_none_corrupt_or_cut_off() {
    let folder = Folder::new();
    let listen = format!("--listen unix:{}", folder.path("d.sock"));
    let replay = |path: &str, says: &[&str]| {
        refuses(&format!("{listen} --replay {path}"), 2, says);
    };
    replay(&folder.path("none"), &["No such file"]);
    replay(&folder.file("text", "hello\n"), &["not a recording"]);
    replay(&folder.file("empty", ""), &["not a recording"]);

    let whole = fs::read(demo_recording()).expect("the demo's recording is there");
    for length in [20, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let path = folder.file("cut", &whole[..length]);
        let ended = daymarkd(&format!("{listen} --replay {path}")).finish();
        assert_eq!(ended.code, Some(2), "{length}: {ended:?}");
        assert!(ended.stderr.contains("cut off") || ended.stderr.contains("not a recording"), "{length}: {ended:?}");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x55;
    let path = folder.file("flipped", &flipped);
    let ended = daymarkd(&format!("{listen} --replay {path}")).finish();
    assert_eq!(ended.code, Some(2), "{ended:?}");

    let lines = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("zstd works");
    let newer = lines("{\"format\":\"daymark-recording\",\"version\":99}\n");
    replay(&folder.file("newer", newer), &["version 99", "up to 1"]);
    let other = lines("{\"format\":\"something\",\"version\":1}\n");
    replay(&folder.file("other", other), &["not a recording", "\"something\""]);
}

/// Nothing listens on port 1.
#[test]
fn a_cluster_that_cannot_be_recorded() {
    let folder = Folder::new();
    let kubeconfig = folder.file("kubeconfig", KUBECONFIG);
    let record = folder.path("new");
    let listen = format!("--listen unix:{}", folder.path("d.sock"));
    refuses(&format!("{listen} --kubeconfig {kubeconfig} --record {record}"), 4, &["cannot be recorded"]);
    assert!(!Path::new(&record).exists(), "no recording is left behind");
}

#[test]
fn an_unreachable_cluster() {
    let folder = Folder::new();
    let kubeconfig = folder.file("kubeconfig", KUBECONFIG);
    let address = format!("unix:{}", folder.path("d.sock"));
    let mut daemon = daymarkd(&format!("--kubeconfig {kubeconfig} --listen {address}"));
    let line = daemon.expect_stderr("why the cluster cannot be followed", |line| line.contains("WARN"));
    assert!(line.contains("http://127.0.0.1:1") && line.contains("refused"), "{line}");
    let got = Cli::new(address).run("get pods");
    assert_eq!(got.code, Some(4), "{got:?}");
    assert_eq!(got.stderr.lines().count(), 1, "{got:?}");
    assert!(got.stderr.contains("http://127.0.0.1:1"), "{got:?}");
    daemon.signal("TERM");
    let ended = daemon.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warnings = ended.stderr.lines().filter(|line| line.contains("WARN")).count();
    assert_eq!(warnings, 1, "said once, not at every try: {ended:?}");
}

/// As after `daymarkd 2>&1 | head`.
#[test]
fn a_log_that_nobody_reads() {
    let folder = Folder::new();
    let address = format!("unix:{}", folder.path("d.sock"));
    let binary = &binaries::build().expect("the binaries build").daymarkd;
    let mut child = Command::new(binary)
        .args(["--replay".as_ref(), demo_recording().as_os_str(), "--listen".as_ref(), address.as_ref()])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the daemon starts");
    let mut log = BufReader::new(child.stderr.take().expect("its standard error is piped"));
    log.read_line(&mut String::new()).expect("it says where it listens");
    drop(log);
    let got = Cli::new(address).run("get pods -A --watch --timeout 1s");
    Command::new("kill").arg(child.id().to_string()).status().expect("kill can be run");
    let status = child.wait().expect("a child can be waited for");
    assert_eq!((got.code, status.code()), (Some(0), Some(0)), "{got:?}");
}

#[test]
fn an_unknown_kind() {
    let daemon = Daemon::of_recording(&demo_recording(), 1000);
    let got = daemon.cli().run("get widgets");
    assert_eq!(got.code, Some(2), "{got:?}");
    assert!(got.stderr.contains("\"widgets\"") && got.stderr.contains("deployments.apps"), "{got:?}");
}
