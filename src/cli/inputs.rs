//! Files that options name and that determine what is measured.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};

/// The SHA-256 of the contents of each file, by its name on the command line.
///
/// Returns an error if a file cannot be read a second time, as a pipe cannot.
pub(crate) fn digests(files: &[PathBuf]) -> anyhow::Result<Map<String, Value>> {
    let each = files.iter().map(|path| {
        let name = path.display().to_string();
        match digest(path) {
            Ok(digest) => Ok((name, digest.into())),
            Err(error) => Err(anyhow!("cannot compare {name} with that of other parts: {error}")),
        }
    });
    each.collect()
}

fn digest(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(HEXLOWER.encode(context.finish().as_ref())),
            read => context.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_sha256sum_and_a_device_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pings.txt");
        std::fs::write(&path, "3\n7\n").unwrap();
        let digests = digests(std::slice::from_ref(&path)).unwrap();
        // printf '3\n7\n' | sha256sum
        let expected = "2d65ba73dd83363826d117438319b05674f16d55faef1e57f780964edae7bba1";
        assert_eq!(digests[&*path.display().to_string()], expected);
        let refused = super::digests(&["/dev/zero".into()]).unwrap_err().to_string();
        assert!(refused.contains("/dev/zero") && refused.contains("not a regular file"), "{refused}");
    }
}
