//! Files that are written during the runs. A lock keeps other options and programs from writing the same file.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use wirelab::unit::Mutex;

/// A file that is opened before the first run, so that errors are found early. It keeps its content until a run begins.
pub(super) struct Reserved {
    path: PathBuf,
    /// `None` once a run has begun.
    file: Mutex<Option<File>>,
    /// Whether the file was created by this program.
    is_new: bool,
}

impl Reserved {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let open = |is_new: bool| {
            File::options().write(true).create_new(is_new).create(!is_new).truncate(false).open(path)
        };
        let (file, is_new) = match open(true) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (open(false), false),
            created => (created, true),
        };
        let file = locked(file.map_err(|e| cannot_write(path, &e))?, path)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(Some(file)), is_new })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Empties the file and returns it. Returns `None` if it was taken before.
    pub(super) fn take(&self) -> anyhow::Result<Option<File>> {
        let file = self.file.lock().take();
        file.as_ref().map_or(Ok(()), |file| empty(file, &self.path))?;
        Ok(file)
    }
}

impl Drop for Reserved {
    /// Removes a file that was created for a run that has not begun.
    fn drop(&mut self) {
        if self.is_new && self.file.lock().is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the file, or empties it.
pub(super) fn create(path: &Path) -> anyhow::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    let file = locked(file.map_err(|e| cannot_write(path, &e))?, path)?;
    empty(&file, path)?;
    Ok(file)
}

/// Empties a regular file. Pipes and devices are left as they are.
fn empty(file: &File, path: &Path) -> anyhow::Result<()> {
    if is_regular(file) { file.set_len(0).map_err(|e| cannot_write(path, &e)) } else { Ok(()) }
}

/// Locks a regular file. Returns an error if another option or program is writing it: two captures in one file would
/// destroy each other.
fn locked(file: File, path: &Path) -> anyhow::Result<File> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) if is_regular(&file) => {
            Err(anyhow!("cannot write {}: another option or program is writing it", path.display()))
        }
        // Some file systems have no locks.
        _ => Ok(file),
    }
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.is_file())
}

fn cannot_write(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("cannot write {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_by_one_option_at_a_time_and_keeps_its_content_until_a_run_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcapng");
        fs::write(&path, "before").unwrap();
        let reserved = Reserved::open(&path).unwrap();
        let refused = [Reserved::open(&path).map(drop), create(&path).map(drop)];
        for refused in refused {
            let expected =
                format!("cannot write {}: another option or program is writing it", path.display());
            assert_eq!(refused.unwrap_err().to_string(), expected);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        drop(reserved.take().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        create(&path).unwrap();
    }
}
