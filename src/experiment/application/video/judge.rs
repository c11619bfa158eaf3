//! The judge of a call: from the instants at which frames were complete to what the viewer saw.
//!
//! A frame is shown at its playout instant, a fixed time after its capture. It can be shown if it and every frame back
//! to its key frame are complete by then. A frame that came too late for its own instant still serves those after it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    stats::Histogram,
    unit::{Time, nanos},
};

/// A frame at the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    /// When it was captured.
    pub captured: Time,
    /// Whether it needs no other frame.
    pub is_key: bool,
    /// When the last of its messages arrived; `None` if one is missing.
    pub complete: Option<Time>,
    /// Its size.
    pub bytes: u64,
    /// Bytes of its messages that arrived.
    pub arrived_bytes: u64,
}

/// What became of a frame. If several variants apply, the lowest in this list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It was on the screen at its instant.
    Shown,
    /// It was complete in time, but a frame that it refers to was not.
    Useless,
    /// It was complete after its instant.
    Late,
    /// It was never complete.
    Incomplete,
}

/// A time in which the screen stood still, because frames could not be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the first of them should have been shown.
    pub from: Time,
    /// Until the next frame was shown, or until the end of the call.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub length: Duration,
    /// The number of these frames.
    pub frames: u64,
    /// Whether frames were shown before and after: the picture then jumped over those between.
    pub is_jump: bool,
}

impl Gap {
    /// Whether a viewer sees it as a freeze: the picture stands for at least 150 ms longer than a frame, and for three
    /// frames (`freezeCount` in the W3C's Identifiers for WebRTC's Statistics API). A shorter gap is a skip.
    pub(crate) fn is_freeze(&self, interval: Duration) -> bool {
        const LEAST: Duration = Duration::from_millis(150);
        self.length >= LEAST.max(interval * 2)
    }
}

/// What the viewer of a call saw.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct VideoFigures {
    /// Frames that were captured.
    pub frames: u64,
    /// Frames by their verdict.
    pub shown: u64,
    /// Complete after their instant.
    pub late: u64,
    /// Never complete.
    pub incomplete: u64,
    /// Complete in time, but without a frame that they refer to.
    pub useless: u64,
    /// Gaps that are too short to be seen as freezes.
    pub skips: u64,
    /// The length of each freeze in nanoseconds.
    pub freezes: Histogram,
    /// By how many frames the picture jumped after each freeze that had a picture before and after it.
    pub jumps: Histogram,
    /// From capture until a frame and all that it refers to were complete, in nanoseconds, of frames for which that
    /// happened.
    pub delay: Histogram,
    /// Bytes of all frames.
    pub bytes: u64,
    /// Bytes of messages that arrived.
    #[serde(default)]
    pub arrived_bytes: u64,
    /// Bytes of frames that were not shown.
    pub wasted_bytes: u64,
    /// The verdict of each frame.
    pub verdicts: Vec<Verdict>,
    /// When the first frame should have been shown.
    pub begins: Time,
    /// The freezes.
    pub stood: Vec<Gap>,
}

/// When each frame could be shown: when it and every frame back to its key frame were complete. `None` if that did not
/// happen.
fn ready(frames: &[Received]) -> Vec<Option<Time>> {
    let mut group = None;
    let ready = |frame: &Received| {
        let before = if frame.is_key { frame.complete } else { group };
        group = before.zip(frame.complete).map(|(before, own)| before.max(own));
        group
    };
    frames.iter().map(ready).collect()
}

/// What became of each frame, if frames are shown `playout` after their capture.
pub(crate) fn verdicts(frames: &[Received], playout: Duration) -> Vec<Verdict> {
    let verdict = |(frame, ready): (&Received, Option<Time>)| {
        let instant = frame.captured + playout;
        match frame.complete {
            None => Verdict::Incomplete,
            Some(complete) if complete > instant => Verdict::Late,
            Some(_) if ready.is_some_and(|ready| ready <= instant) => Verdict::Shown,
            Some(_) => Verdict::Useless,
        }
    };
    frames.iter().zip(ready(frames)).map(verdict).collect()
}

/// The gaps between shown frames, before the first and after the last. After the last frame the screen stands for one
/// `interval`.
pub(crate) fn gaps(
    frames: &[Received],
    verdicts: &[Verdict],
    playout: Duration,
    interval: Duration,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut open: Option<(Time, u64)> = None;
    let mut has_picture = false;
    let gap = |(from, frames), until: Time, is_jump| Gap { from, length: until - from, frames, is_jump };
    for (frame, verdict) in frames.iter().zip(verdicts) {
        let instant = frame.captured + playout;
        if *verdict == Verdict::Shown {
            gaps.extend(open.take().map(|open| gap(open, instant, has_picture)));
            has_picture = true;
        } else {
            let (_, missing) = open.get_or_insert((instant, 0));
            *missing += 1;
        }
    }
    if let Some((open, last)) = open.zip(frames.last()) {
        gaps.push(gap(open, last.captured + playout + interval, false));
    }
    gaps
}

/// Judges a call whose frames are `interval` apart on average and shown `playout` after their capture.
pub(crate) fn judge(frames: &[Received], playout: Duration, interval: Duration) -> VideoFigures {
    let mut figures = VideoFigures { frames: frames.len() as u64, ..VideoFigures::default() };
    let verdicts = verdicts(frames, playout);
    for (frame, verdict) in frames.iter().zip(&verdicts) {
        *match verdict {
            Verdict::Shown => &mut figures.shown,
            Verdict::Late => &mut figures.late,
            Verdict::Incomplete => &mut figures.incomplete,
            Verdict::Useless => &mut figures.useless,
        } += 1;
        figures.bytes += frame.bytes;
        figures.arrived_bytes += frame.arrived_bytes;
        figures.wasted_bytes += if *verdict == Verdict::Shown { 0 } else { frame.bytes };
    }
    for (frame, ready) in frames.iter().zip(ready(frames)) {
        ready.into_iter().for_each(|ready| figures.delay.record(nanos(ready - frame.captured)));
    }
    let (freezes, skips): (Vec<Gap>, Vec<Gap>) =
        gaps(frames, &verdicts, playout, interval).into_iter().partition(|gap| gap.is_freeze(interval));
    for gap in &freezes {
        figures.freezes.record(nanos(gap.length));
        if gap.is_jump {
            figures.jumps.record(gap.frames);
        }
    }
    figures.skips = skips.len() as u64;
    figures.stood = freezes;
    figures.begins = frames.first().map_or(Time::ZERO, |frame| frame.captured + playout);
    figures.verdicts = verdicts;
    figures
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};

    const MS: Duration = Duration::from_millis(1);
    const PLAYOUT: Duration = Duration::from_millis(150);
    const INTERVAL: Duration = Duration::from_millis(40);

    /// Frames 40 ms apart, the first of each `group` a key frame, complete so many milliseconds after capture.
    fn frames(group: usize, complete: &[Option<u32>]) -> Vec<Received> {
        let frame = |(number, complete): (usize, &Option<u32>)| {
            let captured = Time::ZERO + INTERVAL * number as u32;
            let complete = complete.map(|after| captured + MS * after);
            Received {
                captured,
                is_key: number.is_multiple_of(group),
                complete,
                bytes: 100,
                arrived_bytes: 0,
            }
        };
        complete.iter().enumerate().map(frame).collect()
    }

    #[test]
    fn a_frame_that_is_complete_exactly_at_its_playout_instant_is_shown() {
        let frames = frames(10, &[Some(25), Some(150), Some(151), Some(25)]);
        // The third is complete 39 ms before the fourth is shown, and serves it.
        assert_eq!(verdicts(&frames, PLAYOUT), [Shown, Shown, Late, Shown]);
    }

    #[test]
    fn without_a_frame_those_after_it_are_useless_until_the_next_key_frame() {
        let frames = frames(4, &[Some(25), None, Some(25), Some(25), Some(25), Some(25)]);
        assert_eq!(verdicts(&frames, PLAYOUT), [Shown, Incomplete, Useless, Useless, Shown, Shown]);
        let figures = judge(&frames, PLAYOUT, INTERVAL);
        assert_eq!((figures.shown, figures.incomplete, figures.useless), (3, 1, 2));
        assert_eq!((figures.bytes, figures.wasted_bytes), (600, 300));
        assert_eq!(figures.delay.n(), 3, "frames that could never be shown have no delay");
        // Three frames of 40 ms are less than 150 ms.
        assert_eq!((figures.skips, figures.freezes.n()), (1, 0));
    }

    #[test]
    fn a_freeze_ends_with_a_jump_over_all_frames_that_were_not_shown() {
        let mut complete = vec![Some(25); 12];
        complete[2] = Some(400);
        let frames = frames(12, &complete);
        let verdicts = verdicts(&frames, PLAYOUT);
        // Complete at 480 ms; the frame with the instant 150 + 9 x 40 = 510 ms is the first that it serves.
        let gap = gaps(&frames, &verdicts, PLAYOUT, INTERVAL);
        assert_eq!(gap, [Gap { from: Time::ZERO + 230 * MS, length: 280 * MS, frames: 7, is_jump: true }]);
        assert_eq!(verdicts[2], Late);
        assert!(verdicts[3..9].iter().all(|verdict| *verdict == Useless));
        let figures = judge(&frames, PLAYOUT, INTERVAL);
        assert_eq!((figures.freezes.n(), figures.freezes.max()), (1, Some(280_000_000)));
        assert_eq!(figures.jumps.max(), Some(7));
        assert_eq!(figures.delay.max(), Some(400_000_000));
    }

    #[test]
    fn a_blank_screen_at_the_beginning_and_a_still_one_at_the_end_are_gaps() {
        let frames = frames(2, &[None, Some(25), Some(25), None, None, None]);
        let verdicts = verdicts(&frames, PLAYOUT);
        assert_eq!(verdicts, [Incomplete, Useless, Shown, Incomplete, Incomplete, Incomplete]);
        let gaps = gaps(&frames, &verdicts, PLAYOUT, INTERVAL);
        assert_eq!(gaps[0], Gap { from: Time::ZERO + PLAYOUT, length: 80 * MS, frames: 2, is_jump: false });
        assert_eq!(gaps[1], Gap { from: Time::ZERO + 270 * MS, length: 120 * MS, frames: 3, is_jump: false });
    }

    #[test]
    fn without_a_picture_after_it_a_freeze_has_no_jump() {
        let figures = judge(&frames(6, &[Some(25), None, None, None, None, None]), PLAYOUT, INTERVAL);
        assert_eq!((figures.freezes.n(), figures.jumps.n()), (1, 0));
        let blank = judge(&frames(6, &[None; 6]), PLAYOUT, INTERVAL);
        assert_eq!((blank.shown, blank.freezes.max(), blank.jumps.n()), (0, Some(240_000_000), 0));
    }

    #[test]
    fn every_frame_has_one_verdict() {
        let mut complete = vec![Some(30); 200];
        for (number, fate) in complete.iter_mut().enumerate() {
            match number % 7 {
                0 => *fate = None,
                3 => *fate = Some(200),
                _ => {}
            }
        }
        let figures = judge(&frames(25, &complete), PLAYOUT, INTERVAL);
        let VideoFigures { frames, shown, late, incomplete, useless, .. } = figures;
        assert_eq!(frames, shown + late + incomplete + useless);
        // 0, 7, … 196 and 3, 10, … 199: 29 numbers each.
        assert_eq!((incomplete, late), (29, 29));
    }
}
