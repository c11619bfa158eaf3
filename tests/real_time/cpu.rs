//! The processor time of both ends' threads, against that of the process.

use std::process::Command;

use serde_json::Value;

use crate::support::{alone, has_command, skip_missing};

/// The times of both ends' threads add up to the time of the process, as `/usr/bin/time` shows it.
#[test]
fn cpu_per_message_adds_up_to_the_time_of_the_process() {
    let _alone = alone();
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%U %S", env!("CARGO_BIN_EXE_wirelab")]);
    command.args("bench --path direct -t udp -i 20us -d 4s -w 0s --seeds 1 -J -q --no-progress".split(' '));
    let Ok(output) = command.output() else { return skip_missing("/usr/bin/time") };
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let times = said.lines().last().unwrap().split(' ').map(|time| time.parse::<f64>().unwrap());
    let process: f64 = times.sum();
    let cell = &result["cells"][0];
    let per_message =
        ["client_ns_per_message", "server_ns_per_message"].map(|key| cell["cpu"][key].as_u64().unwrap());
    let sent = cell["messages"]["sent"].as_u64().unwrap();
    let ends = (per_message[0] + per_message[1]) as f64 * sent as f64 / 1e9;
    assert!(process > 1.0, "too little to compare: {process} s");
    assert!((ends / process - 1.0).abs() < 0.1, "{ends} s in the result, {process} s by time");
    assert!(cell["cpu"]["context_switches"].as_u64().unwrap() > 0);
}

/// The calls that both ends count are those that strace sees.
#[test]
fn calls_per_message_add_up_to_those_of_the_process() {
    if !has_command("strace") {
        return;
    }
    let _alone = alone();
    for transport in ["udp", "quic-message", "tcp"] {
        let summary = tempfile::NamedTempFile::new().unwrap();
        let calls = "trace=sendto,sendmsg,sendmmsg,writev,recvfrom,recvmsg,recvmmsg";
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-e", calls, "-o"]).arg(summary.path()).arg(env!("CARGO_BIN_EXE_wirelab"));
        let line =
            format!("bench --path direct -t {transport} -i 1ms -d 3s -w 0s --seeds 1 -J -q --no-progress");
        let output = command.args(line.split(' ')).output().unwrap();
        let result: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        let cell = &result["cells"][0];
        let ends = ["client_socket_calls_per_message", "server_socket_calls_per_message"];
        let per_message: f64 = ends.iter().map(|key| cell["cpu"][key].as_f64().unwrap()).sum();
        let counted = per_message * cell["messages"]["sent"].as_u64().unwrap() as f64;
        let summary = std::fs::read_to_string(summary.path()).unwrap();
        let total = summary.lines().last().and_then(|line| line.split_whitespace().nth(3));
        let total: f64 = total.unwrap_or_else(|| panic!("{summary}")).parse().unwrap();
        assert!(total > 6000.0, "{transport}: {total}");
        assert!((counted / total - 1.0).abs() < 0.1, "{transport}: {counted} in the result, {summary}");
    }
}
