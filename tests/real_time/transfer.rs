//! Whether the flag `machine-limited` is right.

use std::path::Path;

use wirelab::report::{Cell, Flag, from_json};

use crate::support::{alone, run};

/// The only cell of a transfer on this machine's loopback.
fn transferred(options: &str) -> Cell {
    let arguments = format!("transfer --path direct --seeds 1 {options} -J -q");
    let output = run(Path::new("/"), arguments.split_whitespace()).succeeded();
    from_json(output.as_bytes()).unwrap().cells.remove(0)
}

#[test]
fn a_transfer_that_keeps_a_core_busy_is_machine_limited() {
    /// Another program may use the core for a while, so one attempt may fail.
    const ATTEMPTS: usize = 5;
    let _alone = alone();
    // QUIC's packets are encrypted, which keeps a core busy on any machine. The kernel's TCP may be too fast for that.
    let is_flagged = |_| transferred("-t quic-one --bytes 300MB").flags.contains(&Flag::MachineLimited);
    assert!((0..ATTEMPTS).any(is_flagged));
}

#[test]
fn a_paced_transfer_is_not_machine_limited() {
    let _alone = alone();
    let cell = transferred("-t udp --bytes 1MB --pace 10mbit");
    assert!(!cell.flags.contains(&Flag::MachineLimited), "{:?}", cell.flags);
}
