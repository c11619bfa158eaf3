//! A video call: frames that are sent one way, and shown after a fixed delay.

mod frames;
pub mod judge;
mod recording;

use std::{fmt, str::FromStr, time::Duration};

pub(crate) use self::frames::{Frame, Frames};
pub use self::recording::{Recording, RecordingError};
use super::ApplicationError;
use crate::unit::{Rate, format_duration, parse_duration};

/// A video, and when its frames are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// Its frames.
    pub source: Source,
    /// From the capture of a frame to the instant at which it is shown.
    pub playout: Duration,
    /// Whether the sender gives up frames that can no longer be shown in time. Only a stream per frame can.
    pub drop_late: bool,
}

/// Where the frames of a video come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A model with random sizes.
    Model(Model),
    /// Frames of a file, again and again.
    Recording(Recording),
}

/// A constant rate of frames, in groups that begin with a key frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Frames per second.
    pub fps: u32,
    /// The mean rate of their bytes.
    pub bitrate: Rate,
    /// From key frame to key frame.
    pub key_interval: Duration,
}

/// The delay between capture and screen where none is set.
pub(crate) const DEFAULT_PLAYOUT: Duration = Duration::from_millis(150);
const DEFAULT_BITS_PER_SECOND: u64 = 2_000_000;
/// Larger values are rejected as typing errors.
const MAX_FPS: u32 = 1000;

impl Model {
    /// Frames from one key frame to the next.
    pub(crate) fn group(&self) -> u64 {
        (libm::round(self.key_interval.as_secs_f64() * f64::from(self.fps)) as u64).max(1)
    }

    /// The mean size of a frame in bytes.
    pub(crate) fn mean_bytes(&self) -> f64 {
        self.bitrate.bits_per_second() as f64 / 8.0 / f64::from(self.fps)
    }
}

impl Video {
    /// A video whose frames are shown after the usual delay.
    pub fn new(source: Source) -> Self {
        Self { source, playout: DEFAULT_PLAYOUT, drop_late: false }
    }

    /// The frames, in messages of `length` bytes, of which the last has the rest. The sizes of a model depend on the
    /// seed.
    pub(crate) fn frames(&self, length: usize, seed: u64) -> Frames {
        Frames::new(self.source.clone(), length, seed)
    }

    /// The mean time between two frames.
    pub(crate) fn interval(&self) -> Duration {
        match &self.source {
            Source::Model(model) => Duration::from_secs(1) / model.fps,
            Source::Recording(recording) => recording.interval(),
        }
    }

    /// The mean number of messages of `length` bytes in a frame.
    pub(crate) fn mean_messages(&self, length: usize) -> f64 {
        match &self.source {
            Source::Model(model) => model.mean_messages(length),
            Source::Recording(recording) => recording.mean_messages(length),
        }
    }
}

impl FromStr for Video {
    type Err = ApplicationError;

    fn from_str(text: &str) -> Result<Self, ApplicationError> {
        let invalid = |what, value: &str, expected| ApplicationError::Invalid {
            what,
            value: value.to_owned(),
            expected,
        };
        // A part that is left empty has its default.
        let mut all = text.split(':');
        let mut next = || all.next().filter(|part| !part.is_empty());
        let fps = next().map_or(Ok(30), |fps| {
            let fps_or = fps.strip_suffix("fps").unwrap_or(fps).parse();
            let valid = fps_or.ok().filter(|fps| (1..=MAX_FPS).contains(fps));
            valid.ok_or_else(|| invalid("frames per second", fps, "a number from 1 to 1000, or a file.csv"))
        })?;
        let bitrate = next();
        let bitrate = bitrate
            .map_or_else(|| Rate::from_bits_per_second(DEFAULT_BITS_PER_SECOND), str::parse::<Rate>)
            .map_err(|_| invalid("bitrate", bitrate.unwrap_or_default(), "a rate above 0, such as 2mbit"))?;
        let key_interval = next().map_or(Ok(Duration::from_secs(2)), |interval| {
            parse_duration(interval).map_err(|_| invalid("key interval", interval, "a time, such as 2s"))
        })?;
        match all.next() {
            None => Ok(Self::new(Source::Model(Model { fps, bitrate, key_interval }))),
            Some(more) => Err(invalid("video parameter", more, "FPS:BITRATE:KEYINTERVAL")),
        }
    }
}

impl fmt::Display for Video {
    /// The form of the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Model(Model { fps, bitrate, key_interval }) => {
                write!(f, "{fps}:{bitrate}:{}", format_duration(*key_interval))
            }
            Source::Recording(recording) => f.write_str(recording.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_left_out_have_defaults() {
        let written = |text: &str| text.parse::<Video>().map(|video| video.to_string());
        assert_eq!(written("").unwrap(), "30:2mbit:2s");
        assert_eq!(written("60").unwrap(), "60:2mbit:2s");
        assert_eq!(written("25:500kbit:1s").unwrap(), "25:500kbit:1s");
        assert_eq!(written("30::1s").unwrap(), "30:2mbit:1s");
        assert_eq!(written(":4mbit").unwrap(), "30:4mbit:2s");
        assert_eq!(written("30:2mbit:500us").unwrap(), "30:2mbit:500us");
        for wrong in ["0", "30:fast", "30:2mbit:2", "30:2mbit:2s:1", "1001"] {
            written(wrong).unwrap_err();
        }
        assert_eq!(written("30:2mbit:1s").unwrap().parse::<Video>().unwrap().interval().as_millis(), 33);
    }
}
