//! The frames of a real video, from a CSV file: time in seconds, bytes, and whether it is a key frame.

use std::{sync::Arc, time::Duration};

use super::frames::Pieces;
use crate::{experiment::csv::rows, unit::nanos};

/// A recorded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    /// When it is captured, from the first frame on.
    pub at: Duration,
    /// Its size.
    pub bytes: u32,
    /// Whether it needs no other frame.
    pub is_key: bool,
    /// When the last frame is captured that refers to it.
    pub needed: Duration,
}

/// The frames of a file. They are repeated as long as a run lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    name: String,
    frames: Arc<[Recorded]>,
    /// From the first frame to its repetition.
    period: Duration,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// A line that is not a frame.
    #[error(
        "line {0}: expected a time in seconds, bytes and whether it is a key frame, such as `0.033,7450,0`"
    )]
    Line(usize),
    /// A frame before the one above it.
    #[error("line {0}: its time is before that of the line above")]
    Order(usize),
    /// Nothing to repeat.
    #[error("expected two frames or more, of which the first is a key frame")]
    TooFew,
}

impl Recording {
    /// The frames in `text`; `name` is that of the file. A first line that does not begin with a number is a header. The output of `ffprobe
    /// -show_entries packet=dts_time,size,flags -of csv=p=0` is valid, so a key frame may be `1`, `true` or `K__`.
    ///
    /// Returns an error that names the line, if one is not valid.
    pub fn parse(name: impl Into<String>, text: &str) -> Result<Self, RecordingError> {
        let mut frames: Vec<Recorded> = Vec::new();
        let mut first = None;
        for (number, line) in rows(text) {
            let (seconds, bytes, is_key) = fields(line).ok_or(RecordingError::Line(number))?;
            let at = seconds - *first.get_or_insert(seconds);
            let at = Duration::try_from_secs_f64(at).map_err(|_| RecordingError::Order(number))?;
            if frames.last().is_some_and(|last| at < last.at) {
                return Err(RecordingError::Order(number));
            }
            frames.push(Recorded { at, bytes, is_key, needed: at });
        }
        for group in frames.chunk_by_mut(|_, next| !next.is_key) {
            let needed = group.last().map_or(Duration::ZERO, |last| last.at);
            group.iter_mut().for_each(|frame| frame.needed = needed);
        }
        let gaps = u32::try_from(frames.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let last = frames.last().filter(|last| gaps > 0 && !last.at.is_zero() && frames[0].is_key);
        let last = last.ok_or(RecordingError::TooFew)?.at;
        Ok(Self { name: name.into(), frames: frames.into(), period: last + last / gaps })
    }

    /// The name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The frame with this number, and when it is captured.
    pub(super) fn frame(&self, number: u64) -> (Duration, Recorded) {
        let count = self.frames.len() as u64;
        let frame = self.frames[(number % count) as usize];
        let before = nanos(self.period).saturating_mul(number / count);
        (Duration::from_nanos(before) + frame.at, frame)
    }

    /// The mean time between two frames.
    pub(super) fn interval(&self) -> Duration {
        self.period.div_f64(self.frames.len() as f64)
    }

    /// The mean number of messages of `length` bytes in a frame.
    pub(super) fn mean_messages(&self, length: usize) -> f64 {
        let count = |frame: &Recorded| f64::from(Pieces::new(frame.bytes.into(), length).count);
        self.frames.iter().map(count).sum::<f64>() / self.frames.len() as f64
    }
}

fn fields(line: &str) -> Option<(f64, u32, bool)> {
    let mut fields = line.split(',').map(str::trim);
    let seconds: f64 = fields.next()?.parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
    let bytes = fields.next()?.parse().ok().filter(|bytes| *bytes > 0)?;
    let is_key = match fields.next()? {
        "1" | "true" => true,
        "0" | "false" => false,
        flags if flags.contains('_') => flags.starts_with('K'),
        _ => return None,
    };
    Some((seconds, bytes, is_key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_repeated_after_one_more_interval() {
        let recording =
            Recording::parse("call.csv", "time,bytes,key\n10.0,8000,1\n10.04,1000,0\n10.08,900,0\n").unwrap();
        let frames: Vec<_> = (0..4).map(|number| recording.frame(number)).collect();
        let at: Vec<u128> = frames.iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!(at, [0, 40, 80, 120]);
        assert!(frames[3].1.is_key && !frames[2].1.is_key);
        assert_eq!(recording.interval().as_millis(), 40);
    }

    #[test]
    fn all_frames_up_to_the_next_key_frame_are_needed_by_the_last_of_them() {
        let recording = Recording::parse("x.csv", "0,9,1\n0.1,9,0\n0.2,9,0\n0.3,9,1\n0.4,9,0\n").unwrap();
        let needed: Vec<u128> = (0..5).map(|number| recording.frame(number).1.needed.as_millis()).collect();
        assert_eq!(needed, [200, 200, 200, 400, 400]);
    }

    #[test]
    fn the_output_of_ffprobe_is_a_recording() {
        let recording = Recording::parse("x.csv", "0.000000,5120,K__\n0.033000,700,__\n0.066000,650,___\n");
        assert_eq!(recording.unwrap().frames.iter().filter(|frame| frame.is_key).count(), 1);
    }

    #[test]
    fn an_invalid_line_is_named() {
        let error = |text| Recording::parse("x.csv", text).unwrap_err();
        assert_eq!(error("0,100,1\n0.1,100\n"), RecordingError::Line(2));
        assert_eq!(error("0,100,1\n0.1,0,0\n"), RecordingError::Line(2));
        assert_eq!(error("0,100,1\n0.1,9,0\n0.05,9,0\n"), RecordingError::Order(3));
        assert_eq!(error("0,100,0\n0.1,9,1\n"), RecordingError::TooFew);
        assert_eq!(error("0,100,1\n"), RecordingError::TooFew);
        // A first line that begins with a number is a frame.
        assert_eq!(error("0,0,1\n0.1,100,1\n0.2,100,0\n"), RecordingError::Line(1));
        assert_eq!(error("0.5,9000,yes\n0.6,100,1\n0.7,100,0\n"), RecordingError::Line(1));
    }
}
