//! The guided tour: lessons as data, run on the real stack in virtual time.
//!
//! A lesson explains a topic, asks for a prediction, runs commands and explains their results. Its statements are
//! claims: a text whose figures are read from the results, and the condition under which it is true. A test runs all
//! lessons and fails if a claim does not hold.

mod bursts;
mod by_hand;
mod call;
mod choose;
mod congestion;
mod datagram;
mod handover;
mod handshake;
mod loss;
mod one_stream;
mod order;
mod page;
mod results;
mod streams;
mod teacher;
mod template;

use std::sync::Arc;

use self::results::Run;
pub use self::{results::Results, teacher::teacher};
pub use crate::scenario::ScenarioError;
use crate::{
    experiment::RunError,
    path::StopSignal,
    report::Figure,
    scenario::{Running, Scenario},
};

/// All lessons, in the order of the tour. A new lesson needs a file and a line here.
pub static LESSONS: &[Lesson] = &[
    datagram::LESSON,
    loss::LESSON,
    by_hand::LESSON,
    order::LESSON,
    streams::LESSON,
    one_stream::LESSON,
    congestion::LESSON,
    handshake::LESSON,
    bursts::LESSON,
    call::LESSON,
    handover::LESSON,
    choose::LESSON,
];

/// A lesson. In its texts, `{name}` stands for a figure of its trial or a setting of its first command.
#[derive(Debug)]
pub struct Lesson {
    /// Its topic, in one line.
    pub title: &'static str,
    /// How long a class needs for it.
    pub minutes: u32,
    /// The background of the question, a paragraph each.
    intro: &'static [&'static str],
    question: &'static str,
    /// The possible answers. Exactly one is true of the results.
    choices: &'static [Claim],
    trial: Trial,
    /// The columns to show of the results; empty if the lesson shows a ladder instead.
    columns: &'static [&'static str],
    /// What to remember.
    rule: &'static str,
    /// Commands to try next, and what to look for.
    further: &'static [(&'static str, &'static str)],
    /// For teachers: common mistakes, and questions to ask.
    notes: &'static [&'static str],
    exercises: &'static [Exercise],
}

/// Commands, and what their results show.
#[derive(Debug)]
struct Trial {
    /// Command lines, without the program's name.
    commands: &'static [&'static str],
    /// Figures of the results, by the names that texts use.
    figures: &'static [(&'static str, Read)],
    claims: &'static [Claim],
}

/// Reads a figure; `None` if the results lack it.
type Read = fn(&Results) -> Option<Figure>;

/// A statement, and the condition under which it is true.
#[derive(Debug)]
struct Claim {
    text: &'static str,
    holds: fn(&Results) -> Option<bool>,
}

/// A task with its solution.
#[derive(Debug)]
struct Exercise {
    task: &'static str,
    solution: Trial,
}

/// Background knowledge, which no run can confirm or refute.
const fn known(text: &'static str) -> Claim {
    Claim { text, holds: |_| Some(true) }
}

const fn claim(text: &'static str, holds: fn(&Results) -> Option<bool>) -> Claim {
    Claim { text, holds }
}

/// Why a lesson cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// The tour cannot run a command line.
    #[error(transparent)]
    Command(#[from] ScenarioError),
    /// A text names a figure that the results lack.
    #[error("the results have no figure `{0}`")]
    Figure(String),
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No format has the ending of the file name.
    #[error("expected a file name that ends in {0}")]
    Format(String),
}

impl Lesson {
    /// Runs its commands.
    ///
    /// Returns an error if a run fails.
    pub fn run(&self, stop: &StopSignal) -> Result<Results, LessonError> {
        self.trial.run(stop)
    }

    /// Runs the commands of its exercises.
    ///
    /// Returns an error if a run fails.
    pub fn run_exercises(&self, stop: &StopSignal) -> Result<Vec<Results>, LessonError> {
        self.exercises.iter().map(|exercise| exercise.solution.run(stop)).collect()
    }

    /// Why this build cannot run it, if it cannot.
    pub(crate) fn unavailable(&self) -> Option<&'static str> {
        let scenarios = self.trial.scenarios().ok()?;
        let mut transports = scenarios.iter().flat_map(|scenario| &scenario.transports);
        transports.find_map(|transport| transport.spec().protocol.unavailable())
    }

    /// The commands to try next, without the program's name.
    pub fn further(&self) -> impl Iterator<Item = &'static str> {
        self.further.iter().map(|(command, _)| *command)
    }

    /// Its commands and those of its exercises, without the program's name.
    pub fn commands(&self) -> impl Iterator<Item = &'static str> {
        let exercises = self.exercises.iter().flat_map(|exercise| exercise.solution.commands);
        self.trial.commands.iter().chain(exercises).copied()
    }

    /// The index of the choice that is true.
    fn answer(&self, results: &Results) -> Option<usize> {
        self.choices.iter().position(|choice| (choice.holds)(results) == Some(true))
    }
}

impl Trial {
    fn run(&self, stop: &StopSignal) -> Result<Results, LessonError> {
        let run = |scenario: Scenario| {
            let running = Running { stop, progress: Arc::new(|_| {}), pictures: false };
            let (file, episodes) = scenario.run(&running)?;
            Ok::<_, LessonError>(Run { typed: scenario.typed(), file, episodes })
        };
        Ok(Results::new(self.scenarios()?.into_iter().map(run).collect::<Result<_, _>>()?))
    }

    fn scenarios(&self) -> Result<Vec<Scenario>, LessonError> {
        self.commands.iter().map(|line| Ok(Scenario::parse(line)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The claims of a trial that do not hold, or that name an unknown figure.
    fn wrong(trial: &Trial, results: &Results) -> Vec<String> {
        let scenarios = trial.scenarios().unwrap();
        let mut wrong = Vec::new();
        for claim in trial.claims {
            let text = template::fill(claim.text, trial, &scenarios, Some(results));
            match (text, (claim.holds)(results)) {
                (Ok(_), Some(true)) => {}
                (text, holds) => wrong.push(format!("{holds:?}: {text:?}: {}", claim.text)),
            }
        }
        wrong
    }

    #[test]
    fn every_statement_of_every_lesson_is_true_of_its_results() {
        let stop = StopSignal::default();
        let mut all_wrong = Vec::new();
        for lesson in LESSONS {
            let results = lesson.run(&stop).unwrap();
            let mut found = wrong(&lesson.trial, &results);
            let holding: Vec<_> =
                lesson.choices.iter().filter(|choice| (choice.holds)(&results) == Some(true)).collect();
            if holding.len() != 1 {
                found.push(format!("{} choices hold: {holding:?}", holding.len()));
            }
            for exercise in lesson.exercises {
                found.extend(wrong(&exercise.solution, &exercise.solution.run(&stop).unwrap()));
            }
            all_wrong.extend(found.into_iter().map(|wrong| format!("{}: {wrong}", lesson.title)));
        }
        assert!(all_wrong.is_empty(), "{all_wrong:#?}");
    }

    #[test]
    fn no_number_is_typed_into_a_lesson() {
        /// Names with a digit.
        const NAMES: [&str; 6] = ["0-RTT", "HTTP/2", "HTTP/3", "DTLS 1.3", "TLS 1.3", "p99"];
        for lesson in LESSONS {
            let choices = lesson.choices.iter().map(|choice| choice.text);
            let trials =
                [&lesson.trial].into_iter().chain(lesson.exercises.iter().map(|exercise| &exercise.solution));
            let claims = trials.flat_map(|trial| trial.claims).map(|claim| claim.text);
            let tasks = lesson.exercises.iter().map(|exercise| exercise.task);
            let looks = lesson.further.iter().map(|(_, look)| *look);
            let single = [lesson.question, lesson.rule];
            let texts = lesson.intro.iter().chain(lesson.notes).copied().chain(single);
            for text in texts.chain(choices).chain(claims).chain(tasks).chain(looks) {
                let mut plain = template::without_code_and_names(text);
                NAMES.iter().for_each(|name| plain = plain.replace(name, ""));
                assert!(!plain.contains(|c: char| c.is_ascii_digit()), "{}: {text}", lesson.title);
            }
        }
    }

    #[test]
    fn lines_fit_80_columns_and_only_colour_adds_escapes() {
        use crate::report::TextOptions;
        let options = TextOptions { width: 80, ..TextOptions::default() };
        let results = LESSONS[3].run(&StopSignal::default()).unwrap();
        let shown = [
            LESSONS[3].opening(4, options).unwrap(),
            LESSONS[3].findings(&results, Some(0), options).unwrap(),
        ];
        let text = shown.concat();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let coloured = LESSONS[3].findings(&results, None, TextOptions { colour: true, ..options }).unwrap();
        assert!(coloured.contains('\u{1b}'), "{coloured}");
    }
}
