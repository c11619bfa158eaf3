//! The processes of the two ends, and what they report.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::{
    end::{COUNT, HELD, MEMORY, PROGRESS},
    outcome::{Growth, HeldOutcome},
};
use crate::{
    experiment::{error::RunError, handshake::HandshakePlan},
    path::StopSignal,
    unit::format_duration,
};

/// Holds the connections of `plan` between two processes.
///
/// Returns an error if a process or a connection failed; [`RunError::Interrupted`] if `stop` was set.
pub(super) fn hold(plan: &HandshakePlan, stop: &StopSignal) -> Result<HeldOutcome, RunError> {
    let run = || -> Result<HeldOutcome, RunError> {
        let mut server = EndProcess::start(plan, "server")?;
        let port = server.line()?;
        let before = server.memory()?;
        let mut client = EndProcess::start(plan, &format!("client:{port}"))?;
        let own_before = client.number()?;
        loop {
            let line = client.line()?;
            if stop.is_set() {
                return Err(RunError::Interrupted);
            }
            match line.split_once(' ') {
                Some((HELD, _)) => break,
                Some((PROGRESS, _)) => {}
                _ => return Err(unexpected(&line)),
            }
        }
        let [after, own_after] = [server.memory()?, client.memory()?];
        // A connection that answers now was open.
        Ok(HeldOutcome {
            connections: client.ask(COUNT)?,
            client: Growth { before: own_before, after: own_after },
            server: Growth { before, after },
        })
    };
    // A signal from the terminal ends the processes too.
    run().map_err(|error| if stop.is_set() { RunError::Interrupted } else { error })
}

/// One end, in a process of its own. Dropping it ends it.
struct EndProcess {
    child: Child,
    orders: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl EndProcess {
    fn start(plan: &HandshakePlan, end: &str) -> Result<Self, RunError> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["handshake", "--quiet", "--path", "direct", "--seeds", "1", "--end", end]);
        command.args(["--transport", plan.transport.name()]);
        for (option, value) in [
            ("--hold", plan.connections.to_string()),
            ("--congestion", plan.congestion.to_string()),
            ("--packet-threshold", plan.loss_detection.packet_threshold.to_string()),
            ("--time-threshold", plan.loss_detection.time_threshold.to_string()),
            ("--length", plan.length.to_string()),
            ("--cert-bytes", plan.certificate.to_string()),
            ("--timeout", format_duration(plan.timeout)),
        ] {
            command.args([option, &value]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (Some(orders), Some(lines)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        Ok(Self { child, orders, lines: BufReader::new(lines) })
    }

    /// The next line that it reports. Returns its error message if it has ended.
    fn line(&mut self) -> Result<String, RunError> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? > 0 {
            return Ok(line.trim_end().to_owned());
        }
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said)?;
        }
        let last = said.lines().last().unwrap_or("an end of the connections was ended");
        Err(RunError::Elsewhere(last.strip_prefix("wirelab: ").unwrap_or(last).to_owned()))
    }

    fn number(&mut self) -> Result<u64, RunError> {
        let line = self.line()?;
        line.parse().map_err(|_| unexpected(&line))
    }

    /// Its memory now.
    fn memory(&mut self) -> Result<u64, RunError> {
        self.ask(MEMORY)
    }

    /// Its answer to a question.
    fn ask(&mut self, question: &str) -> Result<u64, RunError> {
        writeln!(self.orders, "{question}")?;
        self.number()
    }
}

impl Drop for EndProcess {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unexpected(line: &str) -> RunError {
    RunError::Elsewhere(format!("an end of the connections reported `{line}`"))
}
