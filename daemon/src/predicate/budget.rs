//! A question's share of processor time. On a machine that is busy, an expression is not to blame
//! for the time in which it does not run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{ClockId, clock_gettime};

/// By what a worker ends whose question takes more than its share: by what the kernel ends it, too, should nobody watch.
pub(super) const SPENT: Signal = Signal::XCPU;
/// The process may have more time than any.
const NEVER: u64 = u64::MAX;

/// What the question that is being answered may still take. One thread answers; the one that has
/// made this watches.
pub(super) struct Budget {
    each: Duration,
    /// Up to which processor time of this process, in nanoseconds.
    until: AtomicU64,
    /// Whether the watching thread will look again by itself.
    is_watched: AtomicBool,
    is_over: AtomicBool,
    watcher: Thread,
}

impl Budget {
    pub(super) fn new(each: Duration) -> Self {
        Self {
            each,
            until: AtomicU64::new(NEVER),
            is_watched: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            watcher: thread::current(),
        }
    }

    /// A question begins.
    pub(super) fn begin(&self) {
        self.until.store(nanoseconds(used() + self.each), Ordering::SeqCst);
        // Of many short questions most find it still watching.
        if !self.is_watched.swap(true, Ordering::SeqCst) {
            self.watcher.unpark();
        }
    }

    /// It is answered.
    pub(super) fn end(&self) {
        self.until.store(NEVER, Ordering::SeqCst);
    }

    /// There are no more questions.
    pub(super) fn close(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.watcher.unpark();
    }

    /// Ends the process by [`SPENT`] when a question has taken its share; returns when there are no
    /// more.
    pub(super) fn watch(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            match self.until.load(Ordering::SeqCst) {
                NEVER => {
                    self.is_watched.store(false, Ordering::SeqCst);
                    // One that began before that was seen has not woken anybody.
                    if self.until.load(Ordering::SeqCst) == NEVER {
                        thread::park();
                    }
                    self.is_watched.store(true, Ordering::SeqCst);
                }
                until => match until.checked_sub(nanoseconds(used())) {
                    // Unless the clock is already the next one's.
                    None | Some(0) if self.until.load(Ordering::SeqCst) == until => end(),
                    None | Some(0) => {}
                    // One thread works: it cannot be used up sooner.
                    Some(left) => thread::park_timeout(Duration::from_nanos(left)),
                },
            }
        }
    }
}

/// At once: the other thread is at work.
#[allow(clippy::exit, reason = "it is what this process is to do")]
fn end() -> ! {
    let _ignored = kill_process(getpid(), SPENT);
    // Whoever has started the daemon may have it ignore the signal.
    std::process::exit(SPENT.as_raw())
}

/// The processor time that this process has taken.
pub(super) fn used() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(used.tv_nsec).unwrap_or_default())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(NEVER - 1, |it| it.min(NEVER - 1))
}
