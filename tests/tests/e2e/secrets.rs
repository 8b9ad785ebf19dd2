//! The data of Secrets is nowhere: not even in the memory of a daemon that follows them.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpStream;
use std::path::Path;

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;

use crate::dump::files;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] =
    &[Test { name: "secrets::are_nowhere", needs: &[Need::Controllers], run: Run::Shared(nowhere) }];

/// A Secret, as `kubectl apply` writes it: its data are in an annotation, too.
fn secret(password: &str, marker: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: s, annotations: {{marker: {marker}}}}}, stringData: {{password: {password}}}}}"
    )
}

const PASSWORDS: [&str; 3] = ["correct-horse-battery-one", "correct-horse-battery-two", "correct-horse-battery-end"];
/// How often something large goes the way that a Secret went: its buffers are more than one.
const OFTEN: usize = 4;

fn nowhere(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let folder = tempfile::tempdir().expect("a folder");
    let recording = folder.path().join("recording");
    let args = ["--warm", "secrets", "--record"].map(std::ffi::OsStr::new);
    let of_cluster = ["--kubeconfig".as_ref(), cluster.kubeconfig().as_os_str()];
    let daemon = Daemon::start(of_cluster.into_iter().chain(args).chain([recording.as_os_str()]));
    let mut watch = daemon.cli().start(&format!("get secrets -n {n} -w -o ndjson"));
    watch.expect_stderr("that there are none", |line| line.contains("No objects found"));
    for (number, password) in PASSWORDS.iter().enumerate() {
        namespace.apply(&secret(password, &format!("marker-{number}-of-{n}")));
        let told = watch.expect_stdout("the Secret", |line| line.contains(&format!("marker-{number}-of-{n}")));
        assert!(!holds_any(told.as_bytes()), "{told}");
    }
    let read = daemon.cli().run(&format!("get secret s -n {n} -o json"));
    assert!(read.stdout.contains("marker-2-of-") && !holds_any(read.stdout.as_bytes()), "{read:?}");
    // All of it is in a dump, and goes through the daemon; so it does where its owner reads the API.
    dump(&daemon, n, &folder.path().join("dump"));
    assert!(holds_any(&proxied(&daemon, &format!("/api/v1/namespaces/{n}/secrets/s"))), "who may read it does");
    act(&daemon, &namespace);

    // What was received last is in a connection's buffers until more is.
    namespace.kubectl(["delete", "secret", "s"]);
    let large = "x".repeat(100_000);
    for number in 0..OFTEN {
        namespace.apply(&format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: large-{number}}}, stringData: {{a: {large}}}}}"
        ));
        watch.expect_stdout("the large one", |line| line.contains(&format!("large-{number}")));
    }
    for number in 0..OFTEN {
        dump(&daemon, n, &folder.path().join(number.to_string()));
        proxied(&daemon, &format!("/api/v1/namespaces/{n}/secrets"));
    }
    is_forgotten(&daemon, &format!("large-{}", OFTEN - 1));

    let log = daemon.terminate();
    assert!(log.stderr.contains("audit: act"), "what was done is in the log: {log:?}");
    assert!(!holds_any(log.stderr.as_bytes()), "a password is in the log");
    let recorded = zstd::decode_all(File::open(&recording).expect("there is a recording")).expect("it is whole");
    assert!(holds(&recorded, format!("marker-2-of-{n}").as_bytes()), "the Secret is in the recording");
    assert!(!holds_any(&recorded), "a password is in the recording");
}

/// Dumps the namespace; no file of that has a password.
fn dump(daemon: &Daemon, namespace: &str, folder: &Path) {
    let dumped = daemon.cli().run(&format!("dump -n {namespace} --output-directory {}", folder.display()));
    assert_eq!((dumped.code, holds_any(dumped.stderr.as_bytes())), (Some(0), false), "{dumped:?}");
    let files = files(folder);
    assert!(files.iter().any(|file| file.ends_with("secrets.json")), "{files:?}");
    for file in files {
        assert!(!holds_any(&fs::read(&file).expect("a file")), "a password is in {}", file.display());
    }
}

/// What the API server answers there, through the daemon.
fn proxied(daemon: &Daemon, path: &str) -> Vec<u8> {
    let mut proxy = daemon.cli().start("proxy --port 0");
    let line = proxy.expect_stderr("where it is", |line| line.contains("Serving the API of cluster "));
    let place = line.split("http://").nth(1).and_then(|rest| rest.split(": ").next()).expect("an address");
    let mut stream = TcpStream::connect(place).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is answered");
    answer
}

/// Takes a pod out of service that has the Secret, and puts it back.
fn act(daemon: &Daemon, namespace: &Namespace<'_>) {
    let n = &namespace.name;
    namespace.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: p}}, spec: {containers: [{name: c, image: nginx, \
         envFrom: [{secretRef: {name: s}}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: p}, spec: {selector: {app: p}, ports: [{port: 80}]}}
",
    );
    for words in [format!("quarantine pod/p -n {n} --why test"), format!("release pod/p -n {n}")] {
        let acted = daemon.cli().run(&words);
        assert_eq!((acted.code, holds_any(acted.stderr.as_bytes())), (Some(0), false), "{words}: {acted:?}");
    }
}

/// No password is in the daemon's memory, where that text is.
fn is_forgotten(daemon: &Daemon, known: &str) {
    let memory = memory(daemon.id());
    let found = |text: &str| memory.iter().find_map(|part| around(part, text));
    assert!(found(known).is_some(), "a scan of the memory finds what is there");
    for password in PASSWORDS {
        assert_eq!(found(password), None, "a password is in the daemon's memory");
        assert_eq!(found(&base64(password)), None, "a password is in the daemon's memory, encoded");
    }
}

/// What a process may write to, as it is now.
fn memory(process: u32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("its memory is mapped");
    let mut file = File::open(format!("/proc/{process}/mem")).expect("its memory can be read");
    let mut parts = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|may| may.starts_with("rw"))) {
        let (from, to) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let number = |text: &str| u64::from_str_radix(text, 16).expect("a hexadecimal number");
        let (from, to) = (number(from), number(to));
        let mut part = vec![0; usize::try_from(to - from).expect("it fits")];
        // What is reserved and not there cannot be read.
        if file.seek(SeekFrom::Start(from)).is_ok() && file.read_exact(&mut part).is_ok() {
            parts.push(part);
        }
    }
    parts
}

/// Where a text is, and what is around it.
fn around(bytes: &[u8], text: &str) -> Option<String> {
    let at = memchr::memmem::find(bytes, text.as_bytes())?;
    let around = &bytes[at.saturating_sub(200)..bytes.len().min(at + 200)];
    Some(String::from_utf8_lossy(around).into_owned())
}

fn holds_any(bytes: &[u8]) -> bool {
    PASSWORDS.iter().any(|password| holds(bytes, password.as_bytes()) || holds(bytes, base64(password).as_bytes()))
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

/// As a Secret's `data` has it, but for the end.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |three: &[u8]| {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
    };
    text.as_bytes().chunks_exact(3).flat_map(digits).collect()
}
