//! Applications: what each sends, and how its success is judged.
//!
//! An application sends units, such as the frames of a video. A unit is one or more messages with a common instant. The
//! transport carries messages; an application is judged by its units, from the instants at which they were complete. An
//! application is a folder and a variant of [`Application`].

pub mod game;
pub mod video;

use std::{fmt, str::FromStr, time::Duration};

use self::{game::Game, video::Video};
use crate::channel::Exchange;

/// What is sent, and what counts as success.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Application {
    /// Independent messages with replies.
    #[default]
    Messages,
    /// The frames of a video, one way.
    Video(Video),
    /// Updates of a state, both ways.
    Game(Game),
}

/// Messages that are handed to the transport together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    /// When they are due, relative to the first unit.
    pub due: Duration,
    /// The number of messages.
    pub messages: u32,
    /// Bytes of the last message, if it is shorter than the others.
    pub last: Option<usize>,
    /// When the last unit is due that refers to this one, relative to the first unit.
    pub needed: Duration,
}

/// An invalid description of an application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationError {
    /// No application of this name.
    #[error(
        "unknown workload `{0}`: expected messages, video[:FPS[:BITRATE[:KEYINTERVAL]]], game[:HZ] or \
             page[:OBJECTS[:SIZE[:DEPTH]]]"
    )]
    Unknown(String),
    /// A parameter that is not valid.
    #[error("invalid {what} `{value}`: expected {expected}")]
    Invalid {
        /// The parameter.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is valid.
        expected: &'static str,
    },
}

impl Application {
    /// Which end sends what.
    pub(crate) fn exchange(&self) -> Exchange {
        match self {
            Self::Messages => Exchange::Answers,
            Self::Video(_) => Exchange::OneWay,
            Self::Game(_) => Exchange::BothWays,
        }
    }

    /// Whether each message has a reply.
    pub fn is_answered(&self) -> bool {
        self.exchange() == Exchange::Answers
    }

    /// How long a unit is worth sending after the last unit that refers to it was due; `None` if the application does
    /// not give units up.
    pub(crate) fn gives_up(&self) -> Option<Duration> {
        match self {
            Self::Video(video) if video.drop_late => Some(video.playout),
            _ => None,
        }
    }

    /// Sets the playout delay, if one is given, and whether late frames are given up. Only a video has these options.
    pub fn with(self, playout: Option<Duration>, drop_late: bool) -> Self {
        match self {
            Self::Video(video) => {
                Self::Video(Video { playout: playout.unwrap_or(video.playout), drop_late, ..video })
            }
            other => other,
        }
    }

    /// The deadline of messages, if the application determines it.
    pub fn deadline(&self) -> Option<Duration> {
        self.video().map(|video| video.playout)
    }

    /// The video.
    pub fn video(&self) -> Option<&Video> {
        match self {
            Self::Video(video) => Some(video),
            Self::Messages | Self::Game(_) => None,
        }
    }

    /// The game.
    pub fn game(&self) -> Option<Game> {
        match self {
            Self::Game(game) => Some(*game),
            Self::Messages | Self::Video(_) => None,
        }
    }
}

impl FromStr for Application {
    type Err = ApplicationError;

    fn from_str(text: &str) -> Result<Self, ApplicationError> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "messages" if parameters.is_empty() => Ok(Self::Messages),
            "video" => Ok(Self::Video(parameters.parse()?)),
            "game" => Ok(Self::Game(parameters.parse()?)),
            _ => Err(ApplicationError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages => f.write_str("messages"),
            Self::Video(video) => write!(f, "video:{video}"),
            Self::Game(game) => write!(f, "game:{game}"),
        }
    }
}
