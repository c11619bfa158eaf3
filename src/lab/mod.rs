//! The lab: what its page asks of an engine.
//!
//! The page sends calls as JSON and receives text. There are two engines, which give the same answers: this library in
//! a browser, as WebAssembly, and `wirelab lab`, which serves the page. A configuration is a command line of `bench` or
//! `hol`, so the page shows what the command prints.

mod about;
mod bounds;
mod call;
#[cfg(feature = "sockets")]
pub mod server;
#[cfg(feature = "sockets")]
pub mod site;

pub use self::call::{Call, Context, Format};
#[cfg(feature = "sockets")]
use crate::report::LoadError;
use crate::{experiment::RunError, lesson::LessonError, scenario::ScenarioError};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// It is not a call.
    #[error("not a call of the lab: {0}")]
    Invalid(#[from] serde_json::Error),
    /// The command line cannot be run. The page shows the line, so the reason is enough.
    #[error("{}", .0.reason)]
    Scenario(#[from] ScenarioError),
    /// It asks for too much.
    #[error("{0}")]
    Bound(String),
    /// It names something that does not exist, or that this engine does not have.
    #[error("{0}")]
    Unknown(String),
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A lesson failed.
    #[error(transparent)]
    Lesson(#[from] LessonError),
    /// The result to render is not one.
    #[cfg(feature = "sockets")]
    #[error(transparent)]
    Load(#[from] LoadError),
}
