//! What the command line asks of Linux.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, OFlags, linkat},
    process::{self, Resource, getrlimit, setrlimit},
    termios::tcgetwinsize,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
pub(crate) use wirelab::path::{
    direct::{check_loopback, may_observe_tcp},
    netns::prepare as prepare_namespaces,
};

/// Raises the limit on open files to the maximum, because each connection is one and the usual limit is low. If this
/// fails, the limit stays as it is.
pub(crate) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The limit on this process's address space in bytes, if it has one.
pub(crate) fn address_space() -> Option<u64> {
    getrlimit(Resource::As).current
}

/// The width of the terminal on standard output, if it is one.
pub(crate) fn terminal_columns() -> Option<usize> {
    tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col))
}

/// A file without a name in `folder`, for [`give_name`].
pub(crate) fn unnamed(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE.bits().cast_signed();
    let file = File::options().write(true).custom_flags(flags).open(folder)?;
    // It gets its name through `/proc`, so that has to be mounted.
    fs::metadata(descriptor(&file)).map(|_| file)
}

/// Gives a file without a name one that no other file has.
pub(crate) fn give_name(file: &File, name: &Path) -> io::Result<()> {
    Ok(linkat(CWD, descriptor(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

fn descriptor(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Ctrl-C and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Requires a tokio runtime. Returns an error if the system takes no signal handler.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(crate) async fn any(&mut self) {
        self.next().await;
    }

    /// Waits for either signal, and returns it.
    pub(crate) async fn next(&mut self) -> process::Signal {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => process::Signal::INT,
            _ = self.terminate.recv() => process::Signal::TERM,
        }
    }
}
