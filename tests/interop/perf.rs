//! A client of the QUIC performance protocol on s2n-quic. It is a separate package, because its cryptography library
//! takes minutes to build.

use std::{path::Path, process::Command};

use crate::support::Server;

#[test]
#[ignore = "builds s2n-quic, which takes minutes"]
fn an_s2n_quic_client_of_the_performance_protocol_gets_what_it_asks_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let server = Server::single("quic", "echo");
    // `Program` would time out: this compiles a package.
    let output = Command::new("cargo")
        .args(["run", "--locked", "--quiet", "--manifest-path"])
        .arg(root.join("tests/peers/perf/Cargo.toml"))
        .arg("--target-dir")
        .arg(root.join("target/peers"))
        .arg("--")
        .arg(format!("127.0.0.1:{}", server.port()))
        .arg(server.certificates.ca())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), 9, "{said}");
    for line in said.lines() {
        let (_, figures) = line.split_once(": ").expect("a figure");
        let (received, wanted) = figures.split_once(" of ").expect("two figures");
        assert_eq!(received, wanted, "{said}");
    }
}
