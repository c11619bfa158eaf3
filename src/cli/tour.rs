//! `wirelab tour`.

use std::{
    io::{self, BufRead, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::anyhow;
use clap::Args;
use wirelab::{
    lesson::{LESSONS, Lesson, LessonError, teacher},
    path::StopSignal,
    report::TextOptions,
};

use super::{
    UsageError,
    draft::Draft,
    interrupt::{INTERRUPTED, leave_on_interrupt},
    options::output::text_options,
    output::{line, note, raw},
    values::whole,
};

/// Learn by trying: short lessons that ask for a prediction, run, and show why
///
/// Every lesson runs real transports in virtual time, in seconds. On a terminal it waits for your prediction; without
/// one it prints everything.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tour {
    /// A lesson by its number; without one, all of them
    #[arg(value_name = "LESSON", value_parser = lesson)]
    lesson: Option<u64>,
    /// List the lessons
    #[arg(long)]
    list: bool,
    /// Write the page for teachers instead: notes, times, answers, and exercises with solutions; its name ends in .md
    /// or .html
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lesson", "list"])]
    teacher: Option<PathBuf>,
    /// Print no colours, as with NO_COLOR in the environment; they are for terminals only
    #[arg(long, alias = "no-colour")]
    no_color: bool,
    /// Draw with ASCII only [default: if the locale is not UTF-8]
    #[arg(long)]
    ascii: bool,
}

const EXAMPLES: &str = "\
Examples:
  wirelab tour
      all lessons, one after the other
  wirelab tour --list
      what they are about
  wirelab tour 4
      one lesson: order, and why one loss stops the others
  wirelab tour --teacher teacher.md
      notes, times, answers, and exercises with solutions, for a class";

fn lesson(text: &str) -> Result<u64, String> {
    let last = LESSONS.len() as u64;
    whole(1, last)(text).map_err(|_| format!("there is no lesson `{text}`: expected 1 to {last}, see --list"))
}

/// Long lines of prose are hard to read.
const WIDTH: usize = 100;

/// An answer to a prompt.
enum Typed {
    /// A choice by its letter.
    Choice(usize),
    Enter,
    Leave,
}

impl Tour {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        leave_on_interrupt(INTERRUPTED).map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        if let Some(path) = &self.teacher {
            return write_teacher(path);
        }
        if self.list {
            for (lesson, number) in LESSONS.iter().zip(1..) {
                line(format!("{number:2}  {}", lesson.title))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let text = text_options(self.no_color);
        let text = TextOptions { width: text.width.min(WIDTH), ascii: self.ascii || text.ascii, ..text };
        let chosen = match self.lesson {
            Some(number) => number as usize - 1..number as usize,
            None => 0..LESSONS.len(),
        };
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            with_questions(chosen, text)?;
        } else {
            for index in chosen {
                without_questions(index, text)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_teacher(path: &Path) -> anyhow::Result<ExitCode> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let draft = Draft::create(path)?;
    let page = teacher(ending, &StopSignal::default()).map_err(|error| match error {
        LessonError::Format(_) => UsageError::new(format!("--teacher {}: {error}", path.display())).into(),
        error => anyhow!(error),
    })?;
    draft.complete_with(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn without_questions(index: usize, text: TextOptions) -> anyhow::Result<()> {
    let lesson = &LESSONS[index];
    let opening = lesson.opening(index + 1, text)?;
    let results = lesson.run(&StopSignal::default())?;
    raw(format!("{opening}\n{}\n", lesson.findings(&results, None, text)?).as_bytes())?;
    Ok(())
}

fn with_questions(chosen: std::ops::Range<usize>, text: TextOptions) -> anyhow::Result<()> {
    let (mut predicted, mut right) = (0, 0);
    let last = chosen.end;
    for index in chosen {
        let lesson = &LESSONS[index];
        raw(format!("\n{}\n", lesson.opening(index + 1, text)?).as_bytes())?;
        let said = match prediction(lesson)? {
            Typed::Leave => break,
            Typed::Enter => None,
            Typed::Choice(choice) => Some(choice),
        };
        let results = lesson.run(&StopSignal::default())?;
        raw(format!("\n{}\n", lesson.findings(&results, said, text)?).as_bytes())?;
        predicted += usize::from(said.is_some());
        right += usize::from(said.is_some_and(|said| lesson.is_right(&results, said)));
        if index + 1 < last {
            raw(format!("Press Enter for lesson {} (q to quit): ", index + 2).as_bytes())?;
            if matches!(typed(0)?, Typed::Leave) {
                break;
            }
        }
    }
    if predicted > 1 {
        note(format_args!("{right} of {predicted} predictions were right"));
    }
    Ok(())
}

/// Asks for a prediction.
fn prediction(lesson: &Lesson) -> anyhow::Result<Typed> {
    raw(format!("Your prediction ({}): ", answers(lesson.choices())).as_bytes())?;
    typed(lesson.choices())
}

/// The valid answers.
fn answers(choices: usize) -> String {
    let letters: Vec<String> = ('a'..).take(choices).map(|letter| format!("{letter}, ")).collect();
    format!("{}Enter to {}, q to quit", letters.concat(), if choices == 0 { "go on" } else { "skip" })
}

/// Reads lines until one is a valid answer. The end of the input counts as leaving.
fn typed(choices: usize) -> anyhow::Result<Typed> {
    loop {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            raw(b"\n")?;
            return Ok(Typed::Leave);
        }
        let answer = line.trim().to_ascii_lowercase();
        let choice = ('a'..).take(choices).position(|letter| answer == letter.to_string());
        match (answer.as_str(), choice) {
            (_, Some(choice)) => return Ok(Typed::Choice(choice)),
            ("", _) => return Ok(Typed::Enter),
            ("q" | "quit" | "exit", _) => return Ok(Typed::Leave),
            _ => raw(format!("Please type one of these ({}): ", answers(choices)).as_bytes())?,
        }
    }
}
