//! The calls of the page, and their answers.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{LabError, about::about, bounds};
use crate::{
    experiment::{PathKind, Progress, Which, episode},
    lesson::{LESSONS, Lesson},
    path::StopSignal,
    report::{self, ResultFile, to_html_part, to_json},
    scenario::{Running, Scenario},
};

/// A call of the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// What the engine can do, for the page's controls.
    About,
    /// Runs a command line, and answers with what the page shows: the result with the data for pictures, and its
    /// charts, tables and sentences.
    Show {
        /// The words of the command line, without the program's name.
        words: Vec<String>,
    },
    /// Runs one transport with one seed again, and answers with an episode, or null if the run has none.
    Episode {
        /// The words of the command line, which names one transport and one controller.
        words: Vec<String>,
        /// The seed.
        seed: u64,
        /// Which episode: `longest`, or `seq=N`.
        which: String,
    },
    /// Answers with the file that a command line writes. In virtual time its runs are made again, with the same
    /// outcome.
    Render {
        /// The words of the command line, without the program's name.
        words: Vec<String>,
        /// The format.
        format: Format,
        /// The result as JSON, if the path is in real time.
        result: Option<String>,
    },
    /// The lessons of the tour: their texts, questions and choices.
    Lessons,
    /// Runs a lesson, and answers with its findings.
    Lesson {
        /// Its place in the list, from 0.
        index: usize,
        /// The predicted choice, from 0.
        said: Option<usize>,
    },
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON, as `-J` prints it.
    Json,
    /// A table for programs.
    Csv,
    /// A report with charts.
    Html,
}

/// How a call is answered.
pub struct Context<'a> {
    /// The paths that this engine has.
    pub paths: &'a [PathKind],
    /// Set to end a run early.
    pub stop: &'a StopSignal,
    /// Receives the number of runs that have ended.
    pub progress: Progress,
}

impl Call {
    /// Reads a call.
    ///
    /// Returns an error if it is not one.
    pub fn read(json: &[u8]) -> Result<Self, LabError> {
        Ok(serde_json::from_slice(json)?)
    }

    /// The scenario that it runs, if it runs one.
    ///
    /// Returns an error if the scenario cannot be run or asks for too much.
    pub(crate) fn scenario(&self) -> Result<Option<Scenario>, LabError> {
        let (Self::Show { words } | Self::Render { words, .. } | Self::Episode { words, .. }) = self else {
            return Ok(None);
        };
        // Before the words are read, because reading a trace opens its file.
        if words.iter().any(|word| word.contains("trace:")) {
            return Err(LabError::Unknown("the lab reads no files, so it has no rate trace:FILE".to_owned()));
        }
        let scenario = Scenario::of_words(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        if scenario.command == "handshake" || scenario.has_ladder {
            return Err(LabError::Unknown("the lab runs bench and hol, without --ladder".to_owned()));
        }
        bounds::check(&scenario)?;
        Ok(Some(scenario))
    }

    /// How many runs it makes; `None` if it reports no progress.
    ///
    /// Fails like [`Self::scenario`].
    pub(crate) fn runs(&self) -> Result<Option<u64>, LabError> {
        let scenario = self.scenario()?.filter(|_| matches!(self, Self::Show { .. }));
        Ok(scenario.map(|scenario| scenario.rows() * scenario.seeds))
    }

    /// The longest that it may take before it must be ended.
    ///
    /// Fails like [`Self::scenario`].
    pub(crate) fn longest(&self) -> Result<Duration, LabError> {
        const OTHERS: Duration = Duration::from_secs(180);
        Ok(self.scenario()?.map_or(OTHERS, |scenario| bounds::longest(&scenario)))
    }

    /// The answer, as text: JSON, or what a result is rendered to.
    ///
    /// Returns an error, in one line, if the call asks for something that does not exist or for too much, or if a run
    /// fails.
    pub fn answer(&self, context: &Context<'_>) -> Result<String, LabError> {
        let stop = context.stop;
        let run = |pictures| {
            let running = Running { stop, progress: context.progress.clone(), pictures };
            Ok::<_, LabError>(self.simulated(context.paths)?.run(&running)?.0)
        };
        match self {
            Self::About => Ok(about(context.paths).to_string()),
            Self::Show { .. } => Ok(shown(&run(true)?)),
            Self::Episode { seed, which, .. } => {
                let scenario = self.simulated(context.paths)?;
                if let Some(why) = scenario.ladder_refusal() {
                    return Err(LabError::Unknown(why.to_owned()));
                }
                let plans = scenario.plans();
                let [plan] = plans.as_slice() else {
                    return Err(LabError::Unknown("a ladder shows one transport: name one".to_owned()));
                };
                let which: Which = which.parse().map_err(|e| LabError::Unknown(format!("{e}")))?;
                Ok(json!(episode(plan, *seed, which, stop)?).to_string())
            }
            // The engine for browsers has no such path, so it does not include the code that reads results.
            #[cfg(feature = "sockets")]
            Self::Render { format, result: Some(result), .. } => {
                Ok(format.render(&report::from_json(result.as_bytes())?))
            }
            Self::Render { format, .. } => Ok(format.render(&run(*format == Format::Html)?)),
            Self::Lessons => {
                let each = LESSONS.iter().zip(1..).map(|(lesson, number)| opening(lesson, number));
                Ok(Value::Array(each.collect::<Result<_, _>>()?).to_string())
            }
            Self::Lesson { index, said } => {
                let lesson = LESSONS
                    .get(*index)
                    .ok_or_else(|| LabError::Unknown(format!("there is no lesson {}", index + 1)))?;
                if let Some(reason) = lesson.unavailable() {
                    return Err(LabError::Unknown(reason.to_owned()));
                }
                let results = lesson.run(stop)?;
                let right = (0..lesson.choices()).find(|choice| lesson.is_right(&results, *choice));
                Ok(json!({ "html": lesson.findings_html(&results, *said)?, "right": right }).to_string())
            }
        }
    }

    /// The scenario, in virtual time. `paths` are those of this engine.
    fn simulated(&self, paths: &[PathKind]) -> Result<Scenario, LabError> {
        let scenario = self.scenario()?.ok_or_else(|| LabError::Unknown("not a run".to_owned()))?;
        if scenario.path != PathKind::Sim {
            return Err(LabError::Unknown(match self {
                Self::Episode { .. } => "ladders are drawn in virtual time: use --path sim".to_owned(),
                _ if scenario.path == PathKind::Direct => "the lab has no --path direct".to_owned(),
                _ if paths.contains(&scenario.path) => {
                    "a run in real time cannot be repeated: a file of it needs its result".to_owned()
                }
                _ => format!("--path {} needs `wirelab lab` on your own machine", scenario.path),
            }));
        }
        Ok(scenario)
    }
}

impl Format {
    fn render(self, file: &ResultFile) -> String {
        match self {
            Self::Json => to_json(file),
            Self::Csv => report::to_csv(file),
            Self::Html => report::to_html(file),
        }
    }
}

/// What the page shows of a result, as JSON.
pub(super) fn shown(file: &ResultFile) -> String {
    format!("{{\"part\":{},\"result\":{}}}", json!(to_html_part(file)), to_json(file))
}

/// What a lesson shows before the prediction.
fn opening(lesson: &Lesson, number: usize) -> Result<Value, LabError> {
    Ok(json!({
        "title": lesson.title,
        "minutes": lesson.minutes,
        "html": lesson.introduction_html(number)?,
        "question": lesson.question_text()?,
        "choices": lesson.choice_texts()?,
        "unavailable": lesson.unavailable(),
    }))
}
