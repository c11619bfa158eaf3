//! Runs in real time, each in a process of its own: network namespaces are entered by a process without threads, and a
//! process can be ended at any time.

use std::{
    env,
    io::{self, Read},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use crate::{lab::call::shown, report::from_json, unit::Mutex};

/// A command that is running. Dropping it ends it.
pub(super) struct Running {
    child: Arc<Mutex<Child>>,
    stdout: Option<ChildStdout>,
}

/// Ends a command.
#[derive(Clone)]
pub(super) struct Killer(Arc<Mutex<Child>>);

impl Running {
    /// Starts this program with these words, which print a result as JSON.
    pub(super) fn start(words: &[String]) -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(words).args(["--json", "--quiet", "--pictures"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take();
        Ok(Self { child: Arc::new(Mutex::new(child)), stdout })
    }

    pub(super) fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.child))
    }

    /// Waits for the result, and returns what the page shows of it.
    ///
    /// Returns the command's error message if there is no result.
    pub(super) fn shown(mut self) -> Result<String, String> {
        let mut printed = String::new();
        let read = self.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut printed));
        read.map_err(|error| error.to_string())?;
        if !printed.is_empty() {
            return from_json(printed.as_bytes()).map(|file| shown(&file)).map_err(|error| error.to_string());
        }
        let mut said = String::new();
        if let Some(mut stderr) = self.child.lock().stderr.take() {
            // What cannot be read is not shown.
            let _ = stderr.read_to_string(&mut said);
        }
        let last = said.lines().last().unwrap_or("the run was ended").to_owned();
        Err(last.strip_prefix("wirelab: ").unwrap_or(&last).to_owned())
    }
}

impl Killer {
    pub(super) fn kill(&self) {
        // Fails only if it has ended.
        let _ = self.0.lock().kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = self.child.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}
