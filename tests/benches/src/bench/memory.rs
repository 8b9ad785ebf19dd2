//! Memory per pod, and at its peak.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::Common;
use super::subject::{Subject, peak_of_run};
use crate::daemon::DaemonBinary;
use crate::fake::FakeApiServer;
use crate::peer::reflector::Kind;
use crate::pods::PodSet;
use crate::proc;
use crate::process::PATIENCE;
use crate::report::{Figure, Report};
use crate::stats::median;
use crate::targets::{self, Target};

/// Between two looks at a process that grows.
const SAMPLING: Duration = Duration::from_millis(20);
const TYPED: Subject = Subject::Reflector(Kind { dynamic: false, paged: false, trimmed: false });
/// Not the plain use, but what those do who know of the cost.
const TRIMMED: Subject = Subject::Reflector(Kind { dynamic: false, paged: false, trimmed: true });
const DYNAMIC: Subject = Subject::Reflector(Kind { dynamic: true, paged: false, trimmed: false });

/// What `memory` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods; may be repeated
    #[arg(long, value_name = "N", default_values_t = [10_000, 50_000])]
    pods: Vec<usize>,
    /// Fresh processes of each sort; medians are shown
    #[arg(long, value_name = "N", default_value_t = 1)]
    rounds: usize,
    /// Measures `kubectl get pods -A` as well
    #[arg(long, value_name = "PATH")]
    kubectl: Option<PathBuf>,
}

/// Memory of one process in bytes.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// PSS at rest.
    steady: f64,
    /// RSS at rest: what peaks are compared with.
    resident: f64,
    /// The highest PSS that was seen until it was at rest.
    sync_pss: f64,
    /// The highest RSS until it was at rest, as the kernel knows it.
    sync: f64,
    /// The same for a relist.
    relist_pss: f64,
    relist: f64,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let subjects: Vec<_> = [Subject::Daemon, Subject::DaemonWithoutBodies, TYPED, TRIMMED, DYNAMIC]
        .into_iter()
        .filter(|subject| subject.exists(&binary))
        .collect();
    let empty = FakeApiServer::start(PodSet::new(0, options.common.seed))?;
    let mut bases = Vec::new();
    for subject in &subjects {
        bases.push(base(*subject, &binary, &empty).await?);
    }
    for pods in &options.pods {
        let server = FakeApiServer::start(PodSet::new(*pods, options.common.seed))?;
        server.prepare(500);
        let mut samples = vec![Vec::new(); subjects.len()];
        for _ in 0..options.rounds {
            for (subject, samples) in subjects.iter().zip(&mut samples) {
                samples.push(sample(*subject, &binary, &server).await?);
            }
        }
        let mut report = report(&server, &subjects, &bases, &samples);
        if let Some(kubectl) = &options.kubectl {
            let peak = peak_of_kubectl(kubectl, &server).await?;
            report.aside("peak, MB", Figure(peak / 1e6, "MB"), "kubectl get pods -A");
        }
        report.print();
    }
    Ok(())
}

/// PSS at rest with no pods.
async fn base(subject: Subject, binary: &DaemonBinary, empty: &FakeApiServer) -> Result<f64> {
    let mut running = subject.start(binary, empty)?;
    running.ready(empty).await?;
    running.settled().await?;
    let pss = proc::pss(running.pid())?;
    running.end().await?;
    Ok(pss)
}

async fn sample(subject: Subject, binary: &DaemonBinary, server: &FakeApiServer) -> Result<Sample> {
    server.reset();
    let mut running = subject.start(binary, server)?;
    let pid = running.pid();
    let highest = Highest::of(pid);
    running.ready(server).await?;
    running.settled().await?;
    let (steady, resident) = (proc::pss(pid)?, proc::rss(pid)?);
    let (sync_pss, sync) = (highest.take(), proc::peak_rss(pid)?);

    proc::reset_peak(pid)?;
    server.reset();
    server.expire();
    let began = Instant::now();
    // Everything but what sockets hold; then it is worth waiting for rest.
    let whole = server.mean_size() * server.pods() as f64;
    while server.counts().pods_listed() == 0 || (server.counts().bytes() as f64) < whole {
        ensure!(began.elapsed() < PATIENCE, "{subject} does not list again");
        tokio::time::sleep(SAMPLING).await;
    }
    running.settled().await?;
    let (relist_pss, relist) = (highest.take(), proc::peak_rss(pid)?);
    eprintln!("{subject}: relist: {}", server.counts());
    running.end().await?;
    Ok(Sample { steady, resident, sync_pss, sync, relist_pss, relist })
}

/// The highest PSS that a thread of its own sees.
struct Highest(Arc<AtomicU64>);

impl Highest {
    /// Looks at a process until it ends.
    fn of(pid: u32) -> Self {
        let highest = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&highest);
        std::thread::spawn(move || {
            while let Ok(pss) = proc::pss(pid) {
                seen.fetch_max(pss as u64, Ordering::Relaxed);
                std::thread::sleep(SAMPLING);
            }
        });
        Self(highest)
    }

    /// The highest since the last time, in bytes.
    fn take(&self) -> f64 {
        self.0.swap(0, Ordering::Relaxed) as f64
    }
}

fn report(server: &FakeApiServer, subjects: &[Subject], bases: &[f64], samples: &[Vec<Sample>]) -> Report {
    let pods = server.pods() as f64;
    let mut report = Report::new(format!("memory, {pods} pods of {:.0} bytes on average", server.mean_size()));
    let of = |subject: Subject, value: &dyn Fn(&Sample, f64) -> f64| {
        let place = subjects.iter().position(|s| *s == subject)?;
        Some(median(samples[place].iter().map(|sample| value(sample, bases[place]))))
    };
    let mut compare = |what: &str, unit, value: &dyn Fn(&Sample, f64) -> f64, [target, without_bodies]: [Target; 2]| {
        let figure = |subject| Figure(of(subject, value).unwrap_or(f64::NAN), unit);
        for (subject, target) in [(Subject::Daemon, target), (Subject::DaemonWithoutBodies, without_bodies)] {
            if of(subject, value).is_some() {
                let peer = ("reflector<Pod>", figure(TYPED));
                report.compare(format!("{what}, {subject}"), figure(subject), peer, target);
            }
        }
        for subject in [TRIMMED, DYNAMIC] {
            report.aside(what, figure(subject), &subject.to_string());
        }
    };
    let memory = [targets::MEMORY, targets::MEMORY_NO_BODIES];
    compare("steady PSS per pod above empty", "B", &|s, base| (s.steady - base) / pods, memory);
    compare("steady PSS", "MB", &|s, _| s.steady / 1e6, [Target::Unset; 2]);
    compare("peak PSS, first sync", "MB", &|s, _| s.sync_pss / 1e6, [Target::Unset; 2]);
    compare("peak PSS, relist", "MB", &|s, _| s.relist_pss / 1e6, [Target::Unset; 2]);
    tell_peaks(&mut report, subjects, samples);
    for (subject, base) in subjects.iter().zip(bases) {
        report.note(format!("{subject}, empty: {:.1} MB", base / 1e6));
    }
    report
}

/// Peaks against what the same process uses at rest.
fn tell_peaks(report: &mut Report, subjects: &[Subject], samples: &[Vec<Sample>]) {
    type Peak = fn(&Sample) -> f64;
    let peaks: [(_, Peak); 2] = [("first sync", |s| s.sync / s.resident), ("relist", |s| s.relist / s.resident)];
    for (what, peak) in peaks {
        for (subject, samples) in subjects.iter().zip(samples) {
            let ratio = Figure(median(samples.iter().map(peak)), "");
            match subject {
                Subject::Reflector(_) => {
                    report.aside(format!("peak / steady RSS, {what}"), ratio, &subject.to_string());
                }
                _ => report.figure(format!("peak / steady RSS, {what}, {subject}"), ratio, targets::MEMORY_PEAK),
            }
        }
    }
}

async fn peak_of_kubectl(kubectl: &PathBuf, server: &FakeApiServer) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig())?;
    let arguments = [
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--cache-dir={}", folder.path().join("cache").display()),
        "get".to_owned(),
        "pods".to_owned(),
        "-A".to_owned(),
    ];
    peak_of_run(kubectl, &arguments).await
}
