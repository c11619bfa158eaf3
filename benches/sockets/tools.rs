//! Third-party programs, if they are installed.

use std::{
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use wirelab::certs;

/// A server that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(cores: &str, program: &str, arguments: &[&str]) -> Option<Running> {
    let child = Command::new("taskset")
        .args(["-c", cores, program])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut running = Running(child);
    // It prints nothing when it is ready. A program that is not installed has ended by then.
    pause(Duration::from_millis(700));
    running.0.try_wait().ok()?.is_none().then_some(running)
}

fn output(cores: &str, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("taskset").args(["-c", cores, program]).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn free_port() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.expect("a port").port().to_string()
}

/// <https://github.com/Mellanox/sockperf>
pub(super) struct Sockperf {
    _server: Running,
    port: String,
}

impl Sockperf {
    pub(super) fn start(core: usize) -> Option<Self> {
        let port = free_port();
        let server = start(&core.to_string(), "sockperf", &["server", "-i", "127.0.0.1", "-p", &port])?;
        Some(Self { _server: server, port })
    }

    /// The median of its latency figure in microseconds.
    pub(super) fn half_round_trip_us(&self, core: usize) -> Option<f64> {
        let length = super::LENGTH.to_string();
        let arguments = ["ping-pong", "-i", "127.0.0.1", "-p", &self.port, "-m", &length, "-t", "1"];
        let text = output(&core.to_string(), "sockperf", &arguments)?;
        let line = text.lines().find(|line| line.contains("percentile 50.000"))?;
        line.split('=').nth(1)?.trim().parse().ok()
    }
}

/// <https://software.es.net/iperf/>
pub(super) struct Iperf {
    _server: Running,
    port: String,
}

impl Iperf {
    /// Starts a server on `cores`, in the syntax of `taskset -c`.
    pub(super) fn start(cores: &str) -> Option<Self> {
        let port = free_port();
        let server = start(cores, "iperf3", &["-s", "-B", "127.0.0.1", "-p", &port])?;
        Some(Self { _server: server, port })
    }

    /// Datagrams of `length` bytes a second that arrived, in millions.
    pub(super) fn udp_millions(&self, cores: &str, length: usize) -> Option<f64> {
        let sum = self.run(cores, &["-u", "-b", "0", "-l", &length.to_string()])?["sum"].take();
        let arrived = sum["packets"].as_f64()? - sum["lost_packets"].as_f64()?;
        Some(arrived / sum["seconds"].as_f64()? / 1e6)
    }

    /// TCP goodput in Gbit/s at the receiver.
    pub(super) fn tcp_gigabits(&self, cores: &str) -> Option<f64> {
        Some(self.run(cores, &[])?["sum_received"]["bits_per_second"].as_f64()? / 1e9)
    }

    /// The report of a client that ran for a second.
    fn run(&self, cores: &str, options: &[&str]) -> Option<serde_json::Value> {
        let arguments = ["-c", "127.0.0.1", "-p", &self.port, "-t", "1", "-J"];
        let text = output(cores, "iperf3", &[&arguments, options].concat())?;
        Some(serde_json::from_str::<serde_json::Value>(&text).ok()?["end"].take())
    }
}

/// The two ends of a transfer on s2n-quic, in `tests/peers/perf`.
pub(super) struct S2nQuic {
    _server: Running,
    address: String,
    certificates: TempDir,
}

impl S2nQuic {
    /// Starts a server on `cores`, in the syntax of `taskset -c`.
    pub(super) fn start(cores: &str) -> Option<Self> {
        let certificates = certificates();
        let address = format!("127.0.0.1:{}", free_port());
        let file = |name: &str| certificates.path().join(name).display().to_string();
        let arguments = ["serve", &address, &file("server.pem"), &file("server.key")];
        let server = start(cores, Self::program().to_str()?, &arguments)?;
        Some(Self { _server: server, address, certificates })
    }

    fn program() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/release/bulk")
    }

    /// Sends `bytes` over a new connection, and returns the time until the server has all of them.
    pub(super) fn send(&self, cores: &str, bytes: u64) -> Option<Duration> {
        let ca = self.certificates.path().join("ca.pem");
        let arguments = ["send", &self.address, ca.to_str()?, &bytes.to_string()];
        let seconds = output(cores, Self::program().to_str()?, &arguments)?;
        Some(Duration::from_secs_f64(seconds.trim().parse().ok()?))
    }
}

/// A folder with the certificates of a server.
#[expect(clippy::disallowed_methods, reason = "certificates of another program are valid now")]
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970");
    let names = certs::DEFAULT_NAMES.map(str::to_owned);
    certs::Store::new(folder.path()).ensure(&names, now).expect("certificates");
    folder
}

#[expect(clippy::disallowed_methods, reason = "nothing tells when somebody else's program is ready")]
fn pause(duration: Duration) {
    thread::sleep(duration);
}
