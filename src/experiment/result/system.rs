//! The machine that a result in real time depends on.

use std::{collections::BTreeMap, fs, num::NonZero, thread};

use crate::{
    experiment::{on_path::system_settings, path_kind::PathKind},
    path::Fidelity,
    report::System,
};

/// The crates that carry the transports.
const CRATES: [&str; 6] = ["quinn", "quinn-proto", "quinn-udp", "rustls", "ring", "tokio"];

/// Kernel settings that bear on a result.
const SETTINGS: [(&str, &str); 5] = [
    ("rmem_max", "/proc/sys/net/core/rmem_max"),
    ("wmem_max", "/proc/sys/net/core/wmem_max"),
    ("tcp_congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control"),
    ("tcp_ecn", "/proc/sys/net/ipv4/tcp_ecn"),
    ("tcp_available_congestion_control", "/proc/sys/net/ipv4/tcp_available_congestion_control"),
];

/// This machine; `None` if none of `paths` is in real time. Fidelity is added after the runs.
pub fn system(paths: impl Iterator<Item = PathKind> + Clone) -> Option<System> {
    if !paths.clone().any(PathKind::is_real_time) {
        return None;
    }
    let in_namespaces = paths.clone().any(|path| path == PathKind::Netns);
    let kernel = read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".to_owned());
    let settings = SETTINGS.iter().filter_map(|&(name, file)| Some((name.to_owned(), read(file)?)));
    Some(System {
        kernel: format!("Linux {kernel}"),
        cores: thread::available_parallelism().map_or(1, NonZero::get) as u64,
        crates: versions(include_str!("../../../Cargo.lock")),
        settings: settings.chain(system_settings(in_namespaces)).collect(),
        lateness_ns: None,
        dropped_packets: None,
        send_errors: None,
    })
}

/// Adds how closely the wires of a machine followed their models.
pub(in crate::experiment) fn add_fidelity<'a>(
    system: &mut System,
    wires: impl IntoIterator<Item = &'a Fidelity>,
) {
    let fidelity = Fidelity::of_all(wires);
    system.lateness_ns = fidelity.as_ref().map(|fidelity| fidelity.lateness.summary());
    system.dropped_packets = fidelity.as_ref().and_then(|fidelity| fidelity.dropped);
    system.send_errors = fidelity.as_ref().map(|fidelity| fidelity.send_errors);
}

fn read(file: &str) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

/// What a lock file says of [`CRATES`].
fn versions(lock: &str) -> BTreeMap<String, String> {
    let value = |line: Option<&str>, key: &str| {
        Some(line?.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
    };
    let packages = lock.split("[[package]]").filter_map(|package| {
        let mut lines = package.trim_start().lines();
        Some((value(lines.next(), "name")?, value(lines.next(), "version")?))
    });
    packages.filter(|(name, _)| CRATES.contains(&name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_that_carries_a_transport_has_its_version() {
        let system = system([PathKind::Relay].into_iter()).unwrap();
        assert_eq!(system.crates.len(), CRATES.len(), "{:?}", system.crates);
        assert!(system.crates.values().all(|version| version.starts_with(|c: char| c.is_ascii_digit())));
        assert_eq!((system.lateness_ns, system.dropped_packets), (None, None));
    }
}
