//! Files that appear under their name only when they are complete.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use anyhow::{anyhow, bail};
use wirelab::unit::Mutex;

use super::system;

/// A file that appears under its name only when it is complete.
///
/// Until then it has no name at all where the file system allows that (`O_TMPFILE`), so that nothing is left behind
/// however the program ends. Elsewhere it has the name of a draft. A device or a pipe is written in place.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    file: File,
    /// Its name until it is complete, if it has one.
    name: Option<PathBuf>,
    in_place: bool,
}

/// The names of all drafts, for [`remove_drafts`].
static NAMES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

impl Draft {
    /// A draft of `path`.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            bail!("cannot write {}: it is a directory", path.display());
        }
        let made = if path.metadata().is_ok_and(|found| !found.is_file()) {
            File::options().write(true).open(path).map(|file| Self::new(path, file, None, true))
        } else {
            unnamed(path).map(|file| Self::new(path, file, None, false)).or_else(|_| Self::named(path))
        };
        made.map_err(|e| unwritable(path, &e))
    }

    fn new(path: &Path, file: File, name: Option<PathBuf>, in_place: bool) -> Self {
        Self { path: path.to_owned(), file, name, in_place }
    }

    fn named(path: &Path) -> io::Result<Self> {
        let name = draft_name(path);
        let file = File::create(&name)?;
        NAMES.lock().push(name.clone());
        Ok(Self::new(path, file, Some(name), false))
    }

    /// The path under which it will appear.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle of the file.
    pub(crate) fn file(&self) -> anyhow::Result<File> {
        self.file.try_clone().map_err(|e| unwritable(&self.path, &e))
    }

    /// Writes `text` and completes the file.
    pub(crate) fn complete_with(self, text: &str) -> anyhow::Result<()> {
        let written = (&self.file).write_all(text.as_bytes());
        self.complete(written)
    }

    /// Gives the file its name, if everything could be `written` to it.
    pub(crate) fn complete(mut self, written: io::Result<()>) -> anyhow::Result<()> {
        let complete = |()| match self.in_place {
            true => Ok(()),
            false => self.file.sync_all().and_then(|()| self.publish()),
        };
        written.and_then(complete).map_err(|e| unwritable(&self.path, &e))
    }

    fn publish(&mut self) -> io::Result<()> {
        if self.name.is_none() {
            if system::give_name(&self.file, &self.path).is_ok() {
                return Ok(());
            }
            // Only a file with a name can replace another.
            let name = draft_name(&self.path);
            system::give_name(&self.file, &name)?;
            NAMES.lock().push(name.clone());
            self.name = Some(name);
        }
        self.name.as_ref().map_or(Ok(()), |name| fs::rename(name, &self.path))
    }
}

/// A file without a name in the folder of `path`.
fn unnamed(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    system::unnamed(folder)
}

fn draft_name(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(format!(".draft-{}", process::id()));
    name.into()
}

/// Removes what is left of all drafts. For a program that is about to exit without unwinding.
pub(crate) fn remove_drafts() {
    for name in NAMES.lock().drain(..) {
        let _ = fs::remove_file(name);
    }
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("cannot write {}: {error}", path.display())
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // After `complete` nothing has this name any more.
            let _ = fs::remove_file(name);
            NAMES.lock().retain(|other| other != name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_complete_and_replaces_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        for create in [Draft::create, |path: &Path| Ok(Draft::named(path)?)] {
            for text in ["first", "second"] {
                let draft = create(&path).unwrap();
                draft.complete_with(text).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
                assert_eq!(listing(folder.path()), ["result.json"]);
            }
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_device_is_written_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let device = |name: &str| {
            let path = folder.path().join(name);
            std::os::unix::fs::symlink(format!("/dev/{name}"), &path).unwrap();
            path
        };
        let (null, full) = (device("null"), device("full"));
        Draft::create(&null).unwrap().complete_with("text").unwrap();
        let failed = Draft::create(&full).unwrap().complete_with("text").unwrap_err().to_string();
        assert!(failed.contains("No space left"), "{failed}");
        assert!(null.is_symlink() && full.is_symlink());
    }

    #[test]
    fn a_draft_that_is_not_completed_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        drop(Draft::create(&path).unwrap());
        drop(Draft::named(&path).unwrap());
        assert!(listing(folder.path()).is_empty());
        let failed = Draft::create(&path).unwrap().complete(Err(io::Error::other("no space")));
        assert!(failed.unwrap_err().to_string().ends_with("no space"));
        let kept = Draft::named(&path).unwrap();
        remove_drafts();
        assert!(listing(folder.path()).is_empty());
        drop(kept);
    }
}
