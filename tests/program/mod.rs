//! Runs the program as its users do.

#![allow(dead_code, reason = "each test takes what it needs of this")]

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

/// What a finished program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A `wirelab` in `folder`, where its certificates are.
pub(crate) fn wirelab(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs `wirelab` to its end.
pub(crate) fn run(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Said {
    let output = wirelab(folder, arguments).output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running `wirelab serve`; killed if the test forgets it.
pub(crate) struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it listens on.
    pub(crate) urls: Vec<String>,
}

impl Server {
    /// Starts it, and waits until it has said all that it listens on.
    pub(crate) fn start(folder: &Path, urls: &[&str], options: &[&str]) -> Self {
        let arguments = ["serve"].iter().chain(urls).chain(options);
        let mut child =
            wirelab(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let urls = urls
            .iter()
            .map(|_| {
                let mut line = String::new();
                out.read_line(&mut line).unwrap();
                let url = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
                url.unwrap_or_else(|| panic!("the server said {line:?}")).to_owned()
            })
            .collect();
        Self { child, out, urls }
    }

    /// The address behind the URL of `scheme`.
    pub(crate) fn address(&self, scheme: &str) -> SocketAddr {
        let url = self.urls.iter().find_map(|url| url.strip_prefix(scheme)?.strip_prefix("://"));
        url.unwrap().parse().unwrap()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end: its status, the rest of its output, and all that it said beside.
    pub(crate) fn wait(mut self) -> (ExitStatus, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap(), out, err)
    }

    /// Nobody reads its output any more.
    pub(crate) fn close_output(mut self) -> Child {
        let replacement = Command::new("true").stdout(Stdio::piped()).spawn().unwrap().stdout.take().unwrap();
        drop(std::mem::replace(&mut self.out, BufReader::new(replacement)));
        let replacement = Command::new("true").spawn().unwrap();
        std::mem::replace(&mut self.child, replacement)
    }

    /// Ends it with SIGTERM, and takes its report.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (status, out, err) = self.wait();
        assert!(status.success(), "{err}");
        out
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The loopback addresses of this machine, as URLs write them.
pub(crate) fn loopbacks() -> Vec<&'static str> {
    #[expect(clippy::print_stdout, reason = "what a test leaves out is to be seen")]
    if UdpSocket::bind("[::1]:0").is_ok() {
        vec!["127.0.0.1", "[::1]"]
    } else {
        println!("IPv6 is left out: this machine has no ::1");
        vec!["127.0.0.1"]
    }
}

/// Says something that is to be seen of a test that passes, too.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    // Not `eprintln!`: what that prints is shown for failing tests only.
    let _ = writeln!(std::io::stderr(), "{line}");
}
