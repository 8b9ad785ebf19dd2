//! Processes that are read line by line and never outlive their owner.

#![expect(clippy::expect_used, reason = "a test whose process cannot be handled has failed")]

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything that a test waits for may take: far longer than it does,
/// so that only what never comes is missed.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Lines that are shown of a process that fails a test: some have written
/// thousands.
const SHOWN: usize = 100;

/// A command that the kernel kills when the thread that started it ends, so that
/// a test that is killed leaves no daemon behind. Where util-linux is not
/// installed it is an ordinary command.
#[must_use]
pub fn mortal(program: &Path) -> Command {
    static SETPRIV: LazyLock<bool> =
        LazyLock::new(|| Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success()));
    if !*SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Asks again until the answer fits: what one has been told, another may learn later, and a machine
/// may stand still in between.
///
/// # Panics
/// If it never fits.
pub fn awaited<T: fmt::Debug>(what: &str, mut ask: impl FnMut() -> T, fits: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if fits(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}; the last answer was {answer:#?}");
    }
}

/// A running process. It is killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    /// Every line of standard output that was read.
    pub stdout_seen: Vec<String>,
    /// Every line of standard error that was read.
    pub stderr_seen: Vec<String>,
}

/// How a process ended, with all it wrote.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` if a signal killed it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that cannot start its process has failed")]
    pub fn start(command: &mut Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let stdout = lines(child.stdout.take());
        let stderr = lines(child.stderr.take());
        Self { child, stdout, stderr, stdout_seen: Vec::new(), stderr_seen: Vec::new() }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output that `wanted` takes.
    ///
    /// # Panics
    /// If none comes.
    pub fn expect_stdout(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        expect(&self.stdout, &mut self.stdout_seen, what, wanted)
    }

    /// The next line of standard error that `wanted` takes.
    ///
    /// # Panics
    /// If none comes.
    pub fn expect_stderr(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        expect(&self.stderr, &mut self.stderr_seen, what, wanted)
    }

    /// Sends SIGKILL, and waits.
    ///
    /// # Panics
    /// If the process cannot be waited for.
    pub fn kill(&mut self) -> ExitStatus {
        // It may have ended by itself.
        let _ended = self.child.kill();
        self.child.wait().expect("a child that was not waited for can be")
    }

    /// Sends a signal by name, such as `TERM`.
    ///
    /// # Panics
    /// If `kill` cannot be run.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().expect("kill can be run");
        assert!(status.success(), "kill -s {name} {id}");
    }

    /// Waits for its end, and returns all it wrote.
    ///
    /// # Panics
    /// If it does not end.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        // Both outputs close when the process has ended, and whatever it started.
        drain(&self.stdout, &mut self.stdout_seen);
        drain(&self.stderr, &mut self.stderr_seen);
        let status = self.child.wait().expect("a child can be waited for");
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        Finished { code: status.code(), stdout: text(&self.stdout_seen), stderr: text(&self.stderr_seen) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; nothing else can be done here.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

#[expect(clippy::panic, reason = "a test whose line does not come has failed")]
fn expect(lines: &Receiver<String>, seen: &mut Vec<String>, what: &str, wanted: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                seen.push(line.clone());
                if wanted(&line) {
                    return line;
                }
            }
            Err(RecvTimeoutError::Timeout) => panic!("waited in vain for {what}; {}", end_of(seen)),
            Err(RecvTimeoutError::Disconnected) => panic!("the process ended before {what}; {}", end_of(seen)),
        }
    }
}

#[expect(clippy::panic, reason = "a test whose process does not end has failed")]
fn drain(lines: &Receiver<String>, seen: &mut Vec<String>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => seen.push(line),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => panic!("the process did not end; {}", end_of(seen)),
        }
    }
}

fn end_of(seen: &[String]) -> String {
    let last = &seen[seen.len().saturating_sub(SHOWN)..];
    format!("of {} lines the last were: {last:#?}", seen.len())
}
