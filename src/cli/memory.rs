//! How much memory this process can have.

use std::fs;

use super::system::address_space;

/// Bytes that are available: the least of what the machine, the control group and the process's limits leave.
pub(crate) fn available() -> Option<u64> {
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
