//! The frames of a video, one after the other.

use std::time::Duration;

use super::{Model, Source};
use crate::unit::random::{self, ChaCha8Rng};

/// A frame as it is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// When it is captured, from the first frame on.
    pub at: Duration,
    /// How many messages carry it.
    pub messages: u32,
    /// Whether it needs no other frame.
    pub is_key: bool,
}

/// Iterates over the frames of a video without end.
#[derive(Debug, Clone)]
pub struct Frames {
    source: Source,
    length: f64,
    rng: ChaCha8Rng,
    next: u64,
}

/// A key frame has this many times the bytes of another frame.
const KEY_FACTOR: f64 = 8.0;
/// Sizes of a model vary uniformly by this share in both directions.
const SPREAD: f64 = 0.25;

impl Frames {
    pub(super) fn new(source: Source, length: usize, seed: u64) -> Self {
        /// Keeps the draws apart from those of the link and of arrivals.
        const VIDEO_STREAM: u64 = 0x5649_4445;
        let rng = random::generator(seed, VIDEO_STREAM);
        Self { source, length: length.max(1) as f64, rng, next: 0 }
    }

    /// Draws the number of messages of a frame. Fractions are rounded at random, so that the mean rate is that of the
    /// model whatever the length of a message.
    fn messages(rng: &mut ChaCha8Rng, model: &Model, length: f64, is_key: bool) -> u32 {
        let group = model.group() as f64;
        let ordinary = model.mean_bytes() * group / (group - 1.0 + KEY_FACTOR);
        let mean = if is_key { ordinary * KEY_FACTOR } else { ordinary };
        let size = mean * (1.0 - SPREAD + 2.0 * SPREAD * random::unit(rng));
        (libm::floor(size / length + random::unit(rng)) as u32).max(1)
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let number = self.next;
        self.next += 1;
        Some(match &self.source {
            Source::Model(model) => {
                let is_key = number.is_multiple_of(model.group());
                let nanos = u128::from(number) * 1_000_000_000 / u128::from(model.fps);
                let at = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                Frame { at, messages: Self::messages(&mut self.rng, model, self.length, is_key), is_key }
            }
            Source::Recording(recording) => {
                let (at, recorded) = recording.frame(number);
                let messages = libm::ceil(f64::from(recorded.bytes) / self.length) as u32;
                Frame { at, messages: messages.max(1), is_key: recorded.is_key }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Video;

    #[test]
    fn a_model_has_the_rate_that_it_is_asked_for_at_any_length() {
        for (video, length, bytes_per_second) in [
            ("30:2mbit:2s", 1000, 250_000.0),
            ("30:2mbit:2s", 1200, 250_000.0),
            ("25:4mbit:1s", 500, 500_000.0),
        ] {
            let video: Video = video.parse().unwrap();
            let frames = video.frames(length, 1).take_while(|frame| frame.at.as_secs() < 600);
            let messages: u64 = frames.map(|frame| u64::from(frame.messages)).sum();
            let rate = messages as f64 * length as f64 / 600.0;
            // Sizes vary by a seventh of their mean, so the mean of 300 groups is within 0.5%.
            assert!((rate / bytes_per_second - 1.0).abs() < 0.01, "{rate} of {bytes_per_second}");
        }
    }

    #[test]
    fn a_key_frame_begins_each_group_and_is_eight_times_as_large() {
        let video: Video = "30:2mbit:2s".parse().unwrap();
        let frames: Vec<_> = video.frames(100, 7).take(6000).collect();
        let mean = |is_key: bool| {
            let of: Vec<f64> = frames
                .iter()
                .filter(|frame| frame.is_key == is_key)
                .map(|frame| f64::from(frame.messages))
                .collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        assert!((7.6..8.4).contains(&(mean(true) / mean(false))), "{}", mean(true) / mean(false));
        assert!(frames.iter().enumerate().all(|(number, frame)| frame.is_key == (number % 60 == 0)));
        assert_eq!(frames[30].at.as_nanos(), 1_000_000_000, "instants do not drift");
        assert_ne!(frames, video.frames(100, 8).take(6000).collect::<Vec<_>>(), "sizes follow from the seed");
    }
}
