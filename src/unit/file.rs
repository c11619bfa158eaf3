//! File operations that exist only on Unix. On other targets, such as browsers, they fail or are left out.

use std::{fs::File, io, path::Path};

/// Creates or truncates a file. A new one has the permissions `mode`.
pub(crate) fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    set_mode(&mut options, mode);
    options.open(path)
}

#[cfg(unix)]
fn set_mode(options: &mut std::fs::OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(mode);
}

#[cfg(not(unix))]
fn set_mode(_: &mut std::fs::OpenOptions, _: u32) {}

/// Writes `bytes` at an offset, whatever the file's cursor.
#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Fails: there is no such call on this target.
#[cfg(not(unix))]
pub(crate) fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
