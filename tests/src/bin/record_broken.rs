//! Records all situations of `tests/resources/broken/` from a control plane of its
//! own: `cargo run -p daymark-tests --bin record_broken FILE`. Each is in a
//! namespace of its name. Behind the last comes a ConfigMap, by which one who
//! replays sees that all is there.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program that tells how far it is")]

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

use daymark_tests::cluster::{Cluster, NODES, Namespace};
use daymark_tests::daemon::Daemon;
use daymark_tests::situation::{self, RECORDED_KINDS, Situation};

/// How many are brought about at the same time.
const AT_ONCE: usize = 6;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("record_broken: no file is named; usage: record_broken FILE");
        return ExitCode::from(2);
    };
    let cluster = match Cluster::start_own(NODES) {
        Ok(cluster) => cluster,
        Err(lack) => {
            eprintln!("record_broken: {lack}");
            return ExitCode::FAILURE;
        }
    };
    let kubeconfig = cluster.kubeconfig().as_os_str();
    let warm = format!("--warm={RECORDED_KINDS}");
    let daemon =
        Daemon::start(["--kubeconfig".as_ref(), kubeconfig, "--record".as_ref(), &file, warm.as_str().as_ref()]);
    bring_about(&cluster, &daemon);
    situation::mark_end(&cluster, &daemon.cli());
    let ended = daemon.terminate();
    print!("{}", ended.stderr);
    if ended.code == Some(0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bring_about(cluster: &Cluster, daemon: &Daemon) {
    let folders = situation::folders();
    let all: Vec<Situation> = folders.iter().flat_map(|folder| situation::in_folder(folder)).collect();
    let left = Mutex::new(all.iter());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(situation) = { left.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                    cluster.kubectl(["create", "namespace", &situation.name]);
                    situation.bring_about(&Namespace::of(cluster, &situation.name), &daemon.cli());
                    eprintln!("{} stands", situation.name);
                }
            });
        }
    });
}
