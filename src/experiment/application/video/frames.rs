//! The frames of a video, one after the other.

use std::time::Duration;

use super::{Model, Source};
use crate::{
    experiment::application::Unit,
    unit::random::{self, ChaCha8Rng},
    wire::HEADER_BYTES,
};

/// A frame as it is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// When it is captured, from the first frame on.
    pub at: Duration,
    /// The messages that carry it.
    pub pieces: Pieces,
    /// Whether it needs no other frame.
    pub is_key: bool,
    /// When the last frame is captured that refers to it: the one before the next key frame.
    pub needed: Duration,
}

/// A frame in messages of one length, of which the last may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// How many there are.
    pub count: u32,
    /// Bytes of each but the last.
    length: usize,
    /// Bytes of the last.
    last: usize,
}

impl Pieces {
    /// `bytes` in messages of `length`. A message has at least the bytes of its header.
    pub(super) fn new(bytes: u64, length: usize) -> Self {
        let length = length.max(HEADER_BYTES);
        let before = bytes.saturating_sub(1) / length as u64;
        let last = (bytes - before * length as u64) as usize;
        Self { count: before as u32 + 1, length, last: last.max(HEADER_BYTES) }
    }

    /// The bytes of each message.
    pub(crate) fn sizes(self) -> impl Iterator<Item = usize> {
        let size = move |place| if place + 1 == self.count { self.last } else { self.length };
        (0..self.count).map(size)
    }

    /// How many there are on average if a frame has from `least` to `most` bytes, each size as often.
    pub(super) fn mean_count(least: f64, most: f64, length: usize) -> f64 {
        let length = length.max(HEADER_BYTES) as f64;
        // The integral of the number of messages from 0 on.
        let integral = |bytes: f64| {
            let (whole, part) = (libm::floor(bytes / length), libm::fmod(bytes, length) / length);
            whole * (whole + 1.0) / 2.0 + part * (whole + 1.0)
        };
        (integral(most) - integral(least)) / ((most - least) / length)
    }
}

impl Frame {
    /// The frame as a unit of the schedule.
    pub(crate) fn unit(&self) -> Unit {
        let Pieces { count, length, last } = self.pieces;
        Unit { due: self.at, messages: count, last: (last < length).then_some(last), needed: self.needed }
    }
}

/// Iterates over the frames of a video without end.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    source: Source,
    length: usize,
    rng: ChaCha8Rng,
    next: u64,
}

/// A key frame has this many times the bytes of another frame.
const KEY_FACTOR: f64 = 8.0;
/// Sizes of a model vary uniformly by this share in both directions.
const SPREAD: f64 = 0.25;

impl Model {
    /// The mean size of a frame.
    fn mean_bytes_of(&self, is_key: bool) -> f64 {
        let group = self.group() as f64;
        let ordinary = self.mean_bytes() * group / (group - 1.0 + KEY_FACTOR);
        if is_key { ordinary * KEY_FACTOR } else { ordinary }
    }

    /// When the frame with this number is captured.
    fn at(&self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.fps);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The mean number of messages of `length` bytes in a frame.
    pub(super) fn mean_messages(&self, length: usize) -> f64 {
        let of = |is_key| {
            let mean = self.mean_bytes_of(is_key);
            Pieces::mean_count(mean * (1.0 - SPREAD), mean * (1.0 + SPREAD), length)
        };
        let group = self.group() as f64;
        (of(true) + of(false) * (group - 1.0)) / group
    }
}

impl Frames {
    pub(super) fn new(source: Source, length: usize, seed: u64) -> Self {
        /// Keeps the draws apart from those of the link and of arrivals.
        const VIDEO_STREAM: u64 = 0x5649_4445;
        let rng = random::generator(seed, VIDEO_STREAM);
        Self { source, length, rng, next: 0 }
    }

    /// Draws the size of a frame.
    fn bytes(rng: &mut ChaCha8Rng, model: &Model, is_key: bool) -> u64 {
        let share = 1.0 - SPREAD + 2.0 * SPREAD * random::unit(rng);
        libm::round(model.mean_bytes_of(is_key) * share) as u64
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let number = self.next;
        self.next += 1;
        let (length, rng) = (self.length, &mut self.rng);
        Some(match &self.source {
            Source::Model(model) => {
                let (group, at) = (model.group(), model.at(number));
                let is_key = number.is_multiple_of(group);
                let needed = model.at((number / group + 1) * group - 1);
                Frame { at, pieces: Pieces::new(Self::bytes(rng, model, is_key), length), is_key, needed }
            }
            Source::Recording(recording) => {
                let (at, recorded) = recording.frame(number);
                let pieces = Pieces::new(recorded.bytes.into(), length);
                let needed = at + (recorded.needed - recorded.at);
                Frame { at, pieces, is_key: recorded.is_key, needed }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Video;
    use super::*;

    fn bytes(frame: &Frame) -> f64 {
        frame.pieces.sizes().sum::<usize>() as f64
    }

    #[test]
    fn a_model_has_the_rate_that_it_is_asked_for_at_any_length() {
        for (video, length, bytes_per_second) in [
            ("30:2mbit:2s", 1000, 250_000.0),
            ("30:2mbit:2s", 1200, 250_000.0),
            ("30:2mbit:2s", 60_000, 250_000.0),
            ("25:4mbit:1s", 500, 500_000.0),
            // Frames that are smaller than a message.
            ("30:100kbit:2s", 1000, 12_500.0),
            ("60:200kbit:2s", 1000, 25_000.0),
        ] {
            let video: Video = video.parse().unwrap();
            let frames: Vec<_> =
                video.frames(length, 1).take_while(|frame| frame.at.as_secs() < 600).collect();
            let rate = frames.iter().map(bytes).sum::<f64>() / 600.0;
            // Sizes vary by a seventh of their mean, so the mean of 300 groups is within 0.5%.
            assert!((rate / bytes_per_second - 1.0).abs() < 0.01, "{rate} of {bytes_per_second}");
            let messages = frames.iter().map(|frame| f64::from(frame.pieces.count)).sum::<f64>();
            let mean = messages / frames.len() as f64;
            assert!((mean / video.mean_messages(length) - 1.0).abs() < 0.02, "{video}: {mean}");
        }
    }

    #[test]
    fn the_last_message_of_a_frame_has_the_rest_of_its_bytes() {
        let sizes = |bytes, length| Pieces::new(bytes, length).sizes().collect::<Vec<_>>();
        assert_eq!(sizes(2500, 1000), [1000, 1000, 500]);
        assert_eq!(sizes(2000, 1000), [1000, 1000]);
        assert_eq!(sizes(400, 1000), [400]);
        assert_eq!(sizes(1010, 1000), [1000, HEADER_BYTES], "a message has a header");
    }

    #[test]
    fn a_key_frame_begins_each_group_and_is_eight_times_as_large() {
        let video: Video = "30:2mbit:2s".parse().unwrap();
        let frames: Vec<_> = video.frames(1000, 7).take(6000).collect();
        let mean = |is_key: bool| {
            let of: Vec<f64> = frames.iter().filter(|frame| frame.is_key == is_key).map(bytes).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        assert!((7.6..8.4).contains(&(mean(true) / mean(false))), "{}", mean(true) / mean(false));
        assert!(frames.iter().enumerate().all(|(number, frame)| frame.is_key == (number % 60 == 0)));
        assert_eq!(frames[30].at.as_nanos(), 1_000_000_000, "instants do not drift");
        assert!(frames[60..120].iter().all(|frame| frame.needed == frames[119].at));
        assert_ne!(
            frames,
            video.frames(1000, 8).take(6000).collect::<Vec<_>>(),
            "sizes follow from the seed"
        );
    }
}
