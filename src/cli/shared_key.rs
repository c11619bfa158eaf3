//! The key that both ends of signed UDP know: from a file or the environment, never from the command line.

use std::{env, fs, path::Path};

use anyhow::{Context, anyhow};
use wirelab::transport::SharedKey;

use super::UsageError;

/// The environment variable that holds a key.
const VARIABLE: &str = "WIRELAB_KEY";

/// The key in `file`, if one was named; otherwise that of the environment, or of the file `default`.
pub(crate) fn read(file: Option<&Path>, default: &Path) -> anyhow::Result<SharedKey> {
    if file.is_none()
        && let Some(text) = env::var_os(VARIABLE)
    {
        let text = text.to_str().unwrap_or_default();
        return text.parse().map_err(|e| UsageError::new(format!("{VARIABLE}: {e}")).into());
    }
    let path = file.unwrap_or(default);
    let text = fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the key of udp-hmac from {}; name its file with --key-file, or set {VARIABLE}",
            path.display()
        )
    })?;
    text.parse().map_err(|e| anyhow!("{}: {e}", path.display()))
}
