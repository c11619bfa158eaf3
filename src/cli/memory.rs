//! Whether there is enough memory for a run.

use std::fs;

use wirelab::experiment::{Experiment, Request};

use super::{options::workload::to_shorten, output::note, system::address_space, usage::UsageError};

/// Memory below this is not announced.
const MUCH_MEMORY: u64 = 1 << 30;

/// Refuses a run that takes more memory than there is, and announces one that takes much.
pub(super) fn check<E: Experiment>(request: &Request<E::Plan>, quiet: bool) -> Result<(), UsageError> {
    let needed = request.batches.iter().filter_map(|batch| {
        let largest = batch.plans.iter().map(E::size).max_by_key(|size| size.memory)?;
        let at_once = batch.runs().min(batch.parallel() as u64);
        Some((largest.memory.saturating_mul(at_once), largest.contents))
    });
    let (needed, contents) = needed.max().unwrap_or_default();
    let (option, instead) = to_shorten(contents);
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    match available() {
        Some(available) if needed > available => Err(UsageError::new(format!(
            "{option}: this takes up to {} of memory, and {} are available; use {instead}",
            gigabytes(needed),
            gigabytes(available),
        ))),
        _ => {
            if needed >= MUCH_MEMORY && !quiet {
                note(format_args!("this takes up to {} of memory", gigabytes(needed)));
            }
            Ok(())
        }
    }
}

/// Bytes that are available: the least of what the machine, the control group and the process's limits leave.
fn available() -> Option<u64> {
    [machine(), control_group(), address_space()].into_iter().flatten().min()
}

fn machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The control group's limit, less what its processes hold already.
fn control_group() -> Option<u64> {
    let read =
        |file: &str| fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse::<u64>().ok();
    read("memory.max")?.checked_sub(read("memory.current")?)
}
