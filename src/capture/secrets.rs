//! The secrets of the TLS, DTLS and QUIC connections of a run, which decrypt its capture.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    io::{self, Write},
    sync::Arc,
};

use rustls::KeyLog;

use crate::unit::Mutex;

/// Collects the secrets of both ends as lines of a key log (RFC 9850). Clones share one collection.
#[derive(Clone, Default)]
pub struct Secrets {
    lines: Arc<Mutex<Lines>>,
    file: Option<KeyLogFile>,
}

/// A key log file for the secrets of many runs, or the error that ended writing to it.
pub type KeyLogFile = Arc<Mutex<io::Result<Box<dyn Write + Send>>>>;

#[derive(Default)]
struct Lines {
    /// Each line once: both ends of a connection know the same secrets.
    known: BTreeSet<String>,
    /// Lines that were not taken yet, in the order in which they were logged.
    new: String,
}

impl Secrets {
    /// Collects secrets and also writes them to `file`. If that fails, the error replaces the file.
    pub fn logged_to(file: KeyLogFile) -> Self {
        Self { file: Some(file), ..Self::default() }
    }

    /// The lines that were logged since the last call.
    pub(super) fn take(&self) -> String {
        std::mem::take(&mut self.lines.lock().new)
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = format!("{label} ");
        for byte in client_random {
            let _ = write!(line, "{byte:02x}");
        }
        line.push(' ');
        for byte in secret {
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        let mut lines = self.lines.lock();
        if lines.known.contains(&line) {
            return;
        }
        lines.new.push_str(&line);
        if let Some(file) = &self.file {
            let mut file = file.lock();
            if let Ok(out) = &mut *file
                && let Err(error) = out.write_all(line.as_bytes())
            {
                *file = Err(error);
            }
        }
        lines.known.insert(line);
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_taken_once_even_if_both_ends_log_it() {
        let secrets = Secrets::default();
        let other_end = secrets.clone();
        secrets.log("CLIENT_TRAFFIC_SECRET_0", &[0xab, 1], &[2, 0xcd]);
        other_end.log("CLIENT_TRAFFIC_SECRET_0", &[0xab, 1], &[2, 0xcd]);
        assert_eq!(secrets.take(), "CLIENT_TRAFFIC_SECRET_0 ab01 02cd\n");
        assert_eq!(secrets.take(), "");
    }
}
