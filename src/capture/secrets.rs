//! The secrets of the TLS, DTLS and QUIC connections of a run, which decrypt its capture.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::{self, Write as _},
    io::{self, Write},
    sync::Arc,
};

use rustls::KeyLog;

use crate::{path::StopSignal, unit::Mutex};

/// Number of recent lines that are remembered, because both ends of a connection log the same secrets during the
/// handshake.
const REMEMBERED: usize = 1024;

/// Collects the secrets of both ends as lines of a key log (RFC 9850). Clones share one collection.
#[derive(Clone, Default)]
pub struct Secrets {
    lines: Arc<Mutex<Lines>>,
    /// A file that they are also written to, and the number of the run.
    file: Option<(KeyLogFile, usize)>,
}

#[derive(Default)]
struct Lines {
    /// Recent lines. A line that is logged again is ignored.
    recent: VecDeque<String>,
    /// Lines that are not taken yet, in the order in which they were logged.
    new: String,
}

impl Secrets {
    /// Collects secrets and also writes them to `file`, as those of the run with this number.
    pub fn logged_to(file: KeyLogFile, run: usize) -> Self {
        Self { file: Some((file, run)), ..Self::default() }
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
        if lines.recent.contains(&line) {
            return;
        }
        lines.new.push_str(&line);
        if let Some((file, run)) = &self.file {
            file.log(*run, &line);
        }
        if lines.recent.len() == REMEMBERED {
            lines.recent.pop_front();
        }
        lines.recent.push_back(line);
    }
}

/// A key log file for the secrets of many runs. Clones share it.
///
/// The lines are in the order of the runs' numbers, even if several runs are in progress. Lines of the first unfinished
/// run are written immediately, and those of later runs wait in memory.
#[derive(Clone)]
pub struct KeyLogFile(Arc<Mutex<KeyLogState>>);

struct KeyLogState {
    out: Box<dyn Write + Send>,
    /// The first unfinished run.
    turn: usize,
    /// The lines of later runs, and whether each run has ended.
    later: BTreeMap<usize, (String, bool)>,
    failed: Option<io::Error>,
    stop: StopSignal,
}

impl KeyLogFile {
    /// Writes to `out`, and sets `stop` if that fails. Runs are numbered from 0.
    pub fn new(out: Box<dyn Write + Send>, stop: StopSignal) -> Self {
        let state = KeyLogState { out, turn: 0, later: BTreeMap::new(), failed: None, stop };
        Self(Arc::new(Mutex::new(state)))
    }

    fn log(&self, run: usize, line: &str) {
        let mut state = self.0.lock();
        if run == state.turn {
            state.write(line);
        } else {
            state.later.entry(run).or_default().0.push_str(line);
        }
    }

    /// Ends the run with this number.
    pub fn end(&self, run: usize) {
        let mut state = self.0.lock();
        state.later.entry(run).or_default().1 = true;
        while let Some((lines, is_over)) = {
            let turn = state.turn;
            state.later.remove(&turn)
        } {
            state.write(&lines);
            if !is_over {
                return;
            }
            state.turn += 1;
        }
    }

    /// Writes the lines of all runs. Returns the first error of writing.
    pub fn finish(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        for (lines, _) in std::mem::take(&mut state.later).into_values() {
            state.write(&lines);
        }
        state.failed.take().map_or(Ok(()), Err)
    }
}

impl KeyLogState {
    fn write(&mut self, lines: &str) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(lines.as_bytes())
        {
            self.failed = Some(error);
            self.stop.set();
        }
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

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_has_the_lines_of_runs_at_a_time_in_the_order_of_the_runs() {
        let out = Shared::default();
        let file = KeyLogFile::new(Box::new(out.clone()), StopSignal::default());
        let written = || String::from_utf8(out.0.lock().clone()).unwrap();
        let runs: Vec<Secrets> = (0..4).map(|run| Secrets::logged_to(file.clone(), run)).collect();
        for (run, label) in [(2, "C1"), (0, "A1"), (1, "B1"), (2, "C2"), (0, "A2")] {
            runs[run].log(label, &[1], &[2]);
        }
        assert_eq!(written(), "A1 01 02\nA2 01 02\n");
        file.end(2);
        file.end(0);
        assert_eq!(written(), "A1 01 02\nA2 01 02\nB1 01 02\n");
        runs[1].log("B2", &[1], &[2]);
        runs[3].log("D1", &[1], &[2]);
        file.end(1);
        let all = "A1 01 02\nA2 01 02\nB1 01 02\nB2 01 02\nC1 01 02\nC2 01 02\nD1 01 02\n";
        file.finish().unwrap();
        assert_eq!(written(), all);
    }

    #[test]
    fn a_file_that_cannot_be_written_ends_the_run() {
        let stop = StopSignal::default();
        let file = KeyLogFile::new(Box::new(&mut [][..]), stop.clone());
        Secrets::logged_to(file.clone(), 0).log("LABEL", &[1], &[2]);
        assert!(stop.is_set());
        assert_eq!(file.finish().unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
