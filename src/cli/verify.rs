//! `wirelab verify`.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
};

use anyhow::anyhow;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{
    interrupt::{INTERRUPTED, leave, on_interrupt},
    output::{complain, raw},
    width::terminal_width,
};
use wirelab::verify::{CASES, Case, RealWire, Verdict, to_table, verify};

/// Check the link and the statistics against closed-form answers
///
/// Runs cases with a known outcome and shows the expected figure, the measured one and the size of the sample. The
/// seeds are fixed: the same version gives the same figures everywhere. The exit status is 1 if one fails.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// Print the verdicts as JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// Only the cases of these numbers. Cases about the same statement share a number
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = case)]
    only: Vec<u8>,
}

const EXAMPLES: &str = "\
Examples:
  wirelab verify
      all cases
  wirelab verify --only 1,3 -J
      the loss of an echo and the queue of the bottleneck, as JSON";

fn case(value: &str) -> Result<u8, String> {
    let known = |number: &u8| CASES.iter().any(|case| case.number == *number);
    value.parse().ok().filter(known).ok_or_else(|| {
        let mut numbers: Vec<String> = CASES.iter().map(|case| case.number.to_string()).collect();
        numbers.dedup();
        format!("unknown case: expected {}", numbers.join(", "))
    })
}

impl Verify {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let wanted = |case: &&Case| self.only.is_empty() || self.only.contains(&case.number);
        let cases: Vec<Case> = CASES.iter().filter(wanted).copied().collect();
        let wanted = cases.len();
        let verdicts = verdicts(cases)?;
        let complete = verdicts.len() == wanted;
        let passed = complete && verdicts.iter().all(|verdict| verdict.passed);
        let text = if self.json {
            let version = env!("CARGO_PKG_VERSION");
            let file = json!({
                "schema": "wirelab-verify/1", "version": version, "complete": complete, "passed": passed,
                "cases": verdicts,
            });
            format!("{file:#}\n")
        } else {
            to_table(&verdicts, complete, terminal_width().unwrap_or(usize::MAX))
        };
        raw(text.as_bytes())?;
        if !complete {
            complain(format_args!("interrupted: {} of {wanted} cases were completed", verdicts.len()));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The verdicts on `cases`, in their order; if interrupted, only those reached until then.
fn verdicts(cases: Vec<Case>) -> anyhow::Result<Vec<Verdict>> {
    let bar = bar(cases.len());
    let (sender, receiver) = mpsc::channel();
    // Weak, so that the channel closes when the cases end, even by a panic.
    let sender = Arc::new(sender);
    let interrupts = Arc::downgrade(&sender);
    let mut interrupted = false;
    on_interrupt(move || {
        if std::mem::replace(&mut interrupted, true) {
            leave(INTERRUPTED);
        }
        // Fails once all verdicts are there.
        interrupts.upgrade().map(|sender| sender.send(None));
    })
    .map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
    let expected = cases.len();
    // Not joined: a case takes seconds, and after an interrupt it ends with the program.
    thread::spawn(move || {
        verify(&RealWire, &cases, |index, verdict| {
            let _ = sender.send(Some((index, verdict)));
        });
    });
    let mut verdicts = Vec::new();
    while verdicts.len() < expected {
        let Some(verdict) = receiver.recv().map_err(|_| anyhow!("a case could not be carried out"))? else {
            break;
        };
        verdicts.push(verdict);
        bar.inc(1);
    }
    bar.finish_and_clear();
    verdicts.sort_by_key(|(index, _)| *index);
    Ok(verdicts.into_iter().map(|(_, verdict)| verdict).collect())
}

/// A bar on standard error, if that is a terminal.
fn bar(cases: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(cases as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} cases");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.tick();
    bar
}
