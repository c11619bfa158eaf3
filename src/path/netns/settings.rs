//! The kernel settings of a fresh namespace.

use std::fs;

use super::{device::Device, namespace::Namespace};

/// Settings of a fresh namespace that affect results; most of the machine's own settings do not apply in it.
const REPORTED: [&str; 6] = [
    "tcp_rmem",
    "tcp_wmem",
    "tcp_ecn",
    "tcp_autocorking",
    "tcp_no_metrics_save",
    "tcp_slow_start_after_idle",
];

/// The settings of the namespaces of this path, by name. On a link with ECN, `tcp_ecn` is 1 instead. Empty if no
/// namespace can be made.
pub(crate) fn settings() -> Vec<(String, String)> {
    let read = || {
        let value = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok();
        let reported = REPORTED
            .iter()
            .filter_map(|name| Some((format!("netns.{name}"), value(name)?.trim().to_owned())));
        reported.chain([("netns.device".to_owned(), Device::best().name().to_owned())]).collect()
    };
    Namespace::new(false).ok().and_then(|namespace| namespace.within(read).ok()).unwrap_or_default()
}
