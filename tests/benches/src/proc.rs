//! What `/proc` says of a process. Sizes are in bytes.

use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, Result};

/// `_SC_CLK_TCK`, which is 100 wherever Linux counts for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// The proportional set size: shared pages count by their share.
pub fn pss(pid: u32) -> Result<f64> {
    field(pid, "smaps_rollup", "Pss:")
}

/// The resident set size.
pub fn rss(pid: u32) -> Result<f64> {
    field(pid, "status", "VmRSS:")
}

/// The largest resident set size since the start or [`reset_peak`].
pub fn peak_rss(pid: u32) -> Result<f64> {
    field(pid, "status", "VmHWM:")
}

/// Makes the largest resident set size the present one.
pub fn reset_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
        .with_context(|| format!("the peak of process {pid} cannot be reset"))
}

/// What no other process has a share in, clean and dirty.
pub fn private(pid: u32) -> Result<f64> {
    Ok(field(pid, "smaps_rollup", "Private_Clean:")? + private_dirty(pid)?)
}

/// What a process has written itself, and no file could give back.
pub fn private_dirty(pid: u32) -> Result<f64> {
    field(pid, "smaps_rollup", "Private_Dirty:")
}

/// CPU time, in user and system mode, of all threads; to 10 ms.
pub fn cpu(pid: u32) -> Result<Duration> {
    times(pid, [11, 12])
}

/// CPU time of the children of this process that have ended, from their start on.
/// The sum is to 10 ms, not each of them.
pub fn cpu_of_ended_children() -> Result<Duration> {
    times(std::process::id(), [13, 14])
}

/// Two times of `/proc/PID/stat`, by their places behind the name, added.
fn times(pid: u32, places: [usize; 2]) -> Result<Duration> {
    let stat = read(pid, "stat")?;
    // The name before may hold anything.
    let fields: Vec<_> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    let ticks = ticks(places[0]).zip(ticks(places[1])).context("/proc/PID/stat has no CPU times")?;
    Ok(Duration::from_secs_f64((ticks.0 + ticks.1) / TICKS_PER_SECOND))
}

fn field(pid: u32, file: &str, name: &str) -> Result<f64> {
    let text = read(pid, file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<f64>().ok());
    Ok(kilobytes.with_context(|| format!("/proc/{pid}/{file} has no {name}"))? * 1024.0)
}

fn read(pid: u32, file: &str) -> Result<String> {
    let read = || -> io::Result<String> { fs::read_to_string(format!("/proc/{pid}/{file}")) };
    read().with_context(|| format!("process {pid} cannot be looked at: has it ended?"))
}
