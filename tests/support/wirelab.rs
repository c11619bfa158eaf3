//! The program under test.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{Finished, Program};

/// A `wirelab` that keeps its certificates in `folder`.
pub(crate) fn wirelab(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs `wirelab` in `folder` to its end.
pub(crate) fn run(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
    Program::start(wirelab(folder, arguments)).finish()
}

/// Runs `wirelab send` to its end.
pub(crate) fn send(arguments: &[&str]) -> Finished {
    run(Path::new("/"), ["send"].iter().chain(arguments))
}

/// A `wirelab serve` that listens. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) program: Program,
    /// The URLs that it listens on, in the order in which they were given.
    pub(crate) urls: Vec<String>,
    pub(crate) certificates: Certificates,
    /// Length of the output up to the last of these URLs.
    announced: usize,
}

impl Server {
    /// Serves `urls`, with certificates in `folder`.
    pub(crate) fn start(folder: &Path, urls: &[&str], options: &[&str]) -> Self {
        Self::start_in(Certificates::of(folder), urls, options)
    }

    /// Serves `service` on a free port of 127.0.0.1, with certificates of its own.
    pub(crate) fn single(scheme: &str, service: &str) -> Self {
        Self::single_with(&format!("{scheme}://127.0.0.1:0"), service, &[])
    }

    /// Serves `service` on one `url`, with certificates of its own.
    pub(crate) fn single_with(url: &str, service: &str, options: &[&str]) -> Self {
        let options = [&["--service", service], options].concat();
        Self::start_in(Certificates::new(), &[url], &options)
    }

    fn start_in(certificates: Certificates, urls: &[&str], options: &[&str]) -> Self {
        let arguments = ["serve"].iter().chain(urls).chain(options);
        let mut program = Program::start(wirelab(&certificates.folder, arguments));
        let urls = urls.iter().map(|_| {
            let line = program.wait_for("listening on ");
            assert!(program.stdout().contains(&line), "scripts look for {line:?} on standard output");
            let url = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
            url.unwrap_or_else(|| panic!("no URL in {line:?}")).to_owned()
        });
        let urls = urls.collect();
        let announced = program.stdout().len();
        Self { program, urls, certificates, announced }
    }

    /// The address behind the URL of `scheme`.
    pub(crate) fn address(&self, scheme: &str) -> SocketAddr {
        let url = self.urls.iter().find_map(|url| url.strip_prefix(scheme)?.strip_prefix("://"));
        url.and_then(|url| url.parse().ok()).unwrap_or_else(|| panic!("no {scheme} in {:?}", self.urls))
    }

    /// The port of the first URL.
    pub(crate) fn port(&self) -> u16 {
        let port = self.urls[0].rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port in {:?}", self.urls))
    }

    /// Waits until it ends by itself. The standard output is what follows the URLs.
    pub(crate) fn wait(self) -> Finished {
        let mut finished = self.program.finish();
        finished.stdout.drain(..self.announced);
        finished
    }

    /// Ends it with SIGTERM and returns its report.
    pub(crate) fn stop(self) -> String {
        self.program.signal("TERM");
        self.wait().succeeded()
    }
}

/// The certificates that `wirelab` keeps in a folder.
pub(crate) struct Certificates {
    folder: PathBuf,
    /// The folder, where it is to be removed.
    _temporary: Option<TempDir>,
}

impl Certificates {
    fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _temporary: None }
    }

    fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        Self { folder: temporary.path().to_owned(), _temporary: Some(temporary) }
    }

    /// A CA and a server certificate, by `wirelab certs`.
    pub(crate) fn made() -> Self {
        let certificates = Self::new();
        run(&certificates.folder, ["certs"]).succeeded();
        certificates
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("certs/ca.pem")
    }

    pub(crate) fn shared_key(&self) -> PathBuf {
        self.folder.join("certs/hmac.key")
    }

    pub(crate) fn dtls(&self) -> PathBuf {
        self.folder.join("certs/dtls.pem")
    }

    pub(crate) fn dtls_key(&self) -> PathBuf {
        self.folder.join("certs/dtls.key")
    }

    pub(crate) fn server(&self) -> PathBuf {
        self.folder.join("certs/server.pem")
    }

    pub(crate) fn server_key(&self) -> PathBuf {
        self.folder.join("certs/server.key")
    }
}
