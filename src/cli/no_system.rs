//! Stands in for [`system`](super::system) on other systems than Linux.

use std::{fs::File, io, path::Path};

use wirelab::experiment::RunError;

pub(crate) fn raise_file_limit() {}

pub(crate) fn address_space() -> Option<u64> {
    None
}

pub(crate) fn terminal_columns() -> Option<usize> {
    None
}

pub(crate) fn may_observe_tcp() -> bool {
    false
}

pub(crate) fn check_loopback() -> io::Result<()> {
    Ok(())
}

pub(crate) fn prepare_namespaces() -> Result<(), RunError> {
    Err(RunError::NoSockets)
}

pub(crate) fn unnamed(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn give_name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Ctrl-C.
pub(crate) struct Signals;

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn any(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
