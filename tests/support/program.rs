//! A child process, and a conversation with it line by line.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use wirelab::unit::Mutex;

/// How long a test waits for a program before it fails: long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running program. It is killed when this is dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    input: Option<Sender<String>>,
    /// Locked so that threads can share the program; a receiver alone is not `Sync`.
    output: Mutex<Receiver<(Stream, String)>>,
    said: Said,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its exit status; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug, Default)]
struct Said {
    stdout: String,
    stderr: String,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let (sender, output) = channel();
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, Stream::Stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, Stream::Stderr, sender);
        }
        let input = child.stdin.take().map(type_into);
        Self { name, input, child, output: Mutex::new(output), said: Said::default() }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status();
        assert!(kill.is_ok_and(|status| status.success()), "cannot send SIG{signal} to {}", self.name);
    }

    /// Writes to its standard input, as soon as it takes more.
    pub(crate) fn say(&mut self, text: &str) {
        let input = self.input.as_ref().expect("standard input has been ended");
        if input.send(text.to_owned()).is_err() {
            self.fail(&format!("takes no more, not even {text:?}"));
        }
    }

    /// Closes its standard input after what was written so far.
    pub(crate) fn say_no_more(&mut self) {
        self.input = None;
    }

    /// The next line, on whichever stream, that holds `part`; earlier ones are passed over.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        let deadline = Deadline::new();
        loop {
            match self.next_line(&deadline) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => self.fail(&format!("did not say {part:?} in time")),
                Err(RecvTimeoutError::Disconnected) => self.fail(&format!("ended without saying {part:?}")),
            }
        }
    }

    /// Its standard output up to the last line waited for.
    pub(crate) fn stdout(&self) -> &str {
        &self.said.stdout
    }

    /// Ends its standard input and waits until it ends by itself.
    pub(crate) fn finish(self) -> Finished {
        self.finish_within(PATIENCE)
    }

    /// As [`finish`](Self::finish), for a program that runs for minutes.
    pub(crate) fn finish_within(mut self, patience: Duration) -> Finished {
        self.say_no_more();
        let deadline = Deadline::after(patience);
        loop {
            match self.next_line(&deadline) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => self.fail("did not end in time"),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // What closed its output is about to exit, and the standard library has no wait with a limit.
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if deadline.left().is_zero() => self.fail("closed its output and did not end"),
                Ok(None) => thread::park_timeout(Duration::from_millis(1)),
                Err(error) => self.fail(&format!("cannot be waited for: {error}")),
            }
        };
        let Said { stdout, stderr } = std::mem::take(&mut self.said);
        Finished { code: status.code(), stdout, stderr }
    }

    fn next_line(&mut self, deadline: &Deadline) -> Result<String, RecvTimeoutError> {
        let output = self.output.lock();
        let (stream, line) = output.recv_timeout(deadline.left())?;
        let said = match stream {
            Stream::Stdout => &mut self.said.stdout,
            Stream::Stderr => &mut self.said.stderr,
        };
        said.push_str(&line);
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn fail(&self, what: &str) -> ! {
        let Self { name, said: Said { stdout, stderr }, .. } = self;
        panic!("{name} {what}\n--- its standard output\n{stdout}\n--- its standard error\n{stderr}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for what has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Its standard output, once it has exited with 0.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// Types what it is sent: in a thread, because a program that reads nothing must not hold up its test.
fn type_into(mut stdin: ChildStdin) -> Sender<String> {
    let (sender, said) = channel::<String>();
    thread::spawn(move || {
        while let Ok(text) = said.recv() {
            if stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).is_err() {
                break;
            }
        }
    });
    sender
}

/// Hands on what `from` yields, a line at a time, until it ends.
fn forward(from: impl Read + Send + 'static, stream: Stream, to: Sender<(Stream, String)>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while matches!(from.read_until(b'\n', &mut line), Ok(1..)) {
            if to.send((stream, String::from_utf8_lossy(&line).into_owned())).is_err() {
                break;
            }
            line.clear();
        }
    });
}

/// When patience ends.
struct Deadline(Instant);

impl Deadline {
    fn new() -> Self {
        Self::after(PATIENCE)
    }

    fn after(patience: Duration) -> Self {
        Self(now() + patience)
    }

    fn left(&self) -> Duration {
        self.0.saturating_duration_since(now())
    }
}

#[expect(clippy::disallowed_methods, reason = "patience with another program passes in real time")]
fn now() -> Instant {
    Instant::now()
}
