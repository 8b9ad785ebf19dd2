//! The data of Secrets is nowhere: not even in the memory of a daemon that follows them.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};

use daymark_tests::cluster::Cluster;
use daymark_tests::daemon::Daemon;

use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[Test { name: "secrets::are_nowhere", needs: &[], run: Run::Shared(nowhere) }];

/// A Secret, as `kubectl apply` writes it: its data are in an annotation, too.
fn secret(password: &str, marker: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: s, annotations: {{marker: {marker}}}}}, stringData: {{password: {password}}}}}"
    )
}

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
    let passwords = ["correct-horse-battery-one", "correct-horse-battery-two", "correct-horse-battery-end"];
    for (number, password) in passwords.iter().enumerate() {
        namespace.apply(&secret(password, &format!("marker-{number}-of-{n}")));
        let told = watch.expect_stdout("the Secret", |line| line.contains(&format!("marker-{number}-of-{n}")));
        assert!(!holds_any(told.as_bytes(), &passwords), "{told}");
    }
    let read = daemon.cli().run(&format!("get secret s -n {n} -o json"));
    assert!(read.stdout.contains("marker-2-of-") && !holds_any(read.stdout.as_bytes(), &passwords), "{read:?}");

    // What was received last is in a connection's buffers until more is.
    let large = "x".repeat(100_000);
    for number in 0..4 {
        namespace.apply(&format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: large-{number}}}, stringData: {{a: {large}}}}}"
        ));
        watch.expect_stdout("the large one", |line| line.contains(&format!("large-{number}")));
    }
    let memory = memory(daemon.id());
    let found = |text: &str| memory.iter().find_map(|part| around(part, text));
    assert!(found(&format!("marker-2-of-{n}")).is_some(), "a scan of the memory finds what is there");
    for password in passwords {
        assert_eq!(found(password), None, "a password is in the daemon's memory");
        assert_eq!(found(&base64(password)), None, "a password is in the daemon's memory, encoded");
    }
    let log = daemon.terminate();
    assert!(!holds_any(log.stderr.as_bytes(), &passwords), "a password is in the log");
    let recorded = zstd::decode_all(File::open(&recording).expect("there is a recording")).expect("it is whole");
    assert!(holds(&recorded, format!("marker-2-of-{n}").as_bytes()), "the Secret is in the recording");
    assert!(!holds_any(&recorded, &passwords), "a password is in the recording");
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

fn holds_any(bytes: &[u8], passwords: &[&str]) -> bool {
    passwords.iter().any(|password| holds(bytes, password.as_bytes()) || holds(bytes, base64(password).as_bytes()))
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
