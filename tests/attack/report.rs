//! What a server says about an attack: its report and its memory.

use std::io::Read;

use super::support::{Server, say};

/// The report that a server prints at its end.
pub(crate) struct Report(pub(crate) String);

impl Report {
    fn line(&self, scheme: &str) -> &str {
        self.0.lines().find(|line| line.starts_with(&format!("{scheme}://"))).unwrap()
    }

    /// The number before `word`.
    pub(crate) fn number(&self, scheme: &str, word: &str) -> u64 {
        let (before, _) = self.line(scheme).split_once(word).unwrap();
        before.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// The number of refusals for `reason`.
    pub(crate) fn of(&self, scheme: &str, reason: &str) -> u64 {
        let reasons =
            self.line(scheme).split_once(" (").map_or("", |(_, reasons)| reasons.trim_end_matches(')'));
        let found = reasons.split(", ").find_map(|entry| entry.strip_prefix(reason)?.strip_prefix(": "));
        found.map_or(0, |n| n.parse().unwrap())
    }

    /// The number of datagrams that the kernel dropped.
    pub(crate) fn dropped(&self, scheme: &str) -> u64 {
        self.of(scheme, "receive queue full") + self.of(scheme, "source shunned or receive queue full")
    }

    pub(crate) fn all_refused(&self, scheme: &str) -> u64 {
        self.number(scheme, " refused")
    }
}

/// Peak memory of the server in bytes.
pub(crate) fn peak_memory(server: &Server) -> u64 {
    let mut status = String::new();
    let path = format!("/proc/{}/status", server.program.id());
    std::fs::File::open(path).unwrap().read_to_string(&mut status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    say(&format!("the server's memory at its peak: {kib} KiB"));
    kib * 1024
}
