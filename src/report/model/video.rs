//! What the viewer of a video call saw.

use serde::{Deserialize, Serialize};

use crate::stats::Summary;

/// Frames and freezes of a call, summed over seeds. Each frame is shown, late, incomplete or useless.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Video {
    /// Frames that were captured.
    pub frames: u64,
    /// Shown at their instant.
    pub shown: u64,
    /// Complete after their instant.
    pub late: u64,
    /// Never complete.
    pub incomplete: u64,
    /// Complete in time, but a frame that they refer to was not.
    pub useless: u64,
    /// How often frames were left out for too short a time to be a freeze.
    pub skips: u64,
    /// How often the picture stood at least 150 ms longer than a frame, and three frames.
    pub freezes: u64,
    /// How long it stood in all freezes.
    pub frozen_ns: u64,
    /// How long it stood in the longest; null without freezes.
    pub longest_freeze_ns: Option<u64>,
    /// By how many frames the picture jumped after each freeze that had a picture before and after it.
    pub jump_frames: Summary,
    /// From capture until a frame and all that it refers to were complete, of frames for which that happened.
    pub delay_ns: Summary,
    /// Bytes of all frames.
    pub bytes: u64,
    /// Bytes of frames that were not shown.
    pub wasted_bytes: u64,
}

/// A call over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strip {
    /// The seed of the run.
    pub seed: u64,
    /// The mean time between two frames.
    pub interval_ns: u64,
    /// A letter for each frame: `s` shown, `l` late, `i` incomplete, `u` useless.
    pub frames: String,
    /// The freezes: when each began, from the first frame's instant on; how long it was; and the
    /// jump after it, 0 if no picture was before it or followed.
    pub freezes: Vec<[u64; 3]>,
}
