//! What the viewers of video calls saw, in sentences.

use super::{
    group::Group,
    model::{Cell, Video},
    numbers,
};

/// A sentence for each call of a group.
pub(super) fn calls(group: &Group<'_>) -> Vec<String> {
    let known = group.rows().filter_map(|(cell, label)| Some((cell.video.as_ref()?, cell, label)));
    known.map(|(video, cell, label)| format!("{label} {}", seen(video, cell))).collect()
}

/// `froze 4 times in a call of 60 s, 2.1 s at most, then jumped 63 frames`.
fn seen(video: &Video, cell: &Cell) -> String {
    let calls = match (cell.workload.duration_ns, cell.seeds) {
        (Some(duration), 1) => format!("a call of {}", numbers::setting(duration)),
        (Some(duration), calls) => {
            format!("{} calls of {}", numbers::count(calls), numbers::setting(duration))
        }
        (None, calls) => numbers::plural(calls, "call"),
    };
    let skips = match video.skips {
        0 => String::new(),
        skips => format!(", and skipped frames {} without a freeze", times(skips)),
    };
    if video.shown == 0 {
        return format!("showed no frame in {calls}");
    }
    let jump = |jump| format!(", then jumped {}", numbers::plural(jump, "frame"));
    match video.longest_freeze_ns {
        Some(longest) => format!(
            "froze {} in {calls}, {} at most{}{skips}",
            times(video.freezes),
            numbers::time(longest),
            video.jump_frames.max.map(jump).unwrap_or_default(),
        ),
        None => format!("never froze in {calls}{skips}"),
    }
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", numbers::count(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Workload;

    fn told(video: Video) -> String {
        let workload = Workload { duration_ns: Some(60_000_000_000), ..Workload::default() };
        let cell = Cell { seeds: 1, ..Cell::new("tcp", "sim", None, workload) };
        seen(&video, &cell)
    }

    #[test]
    fn a_call_is_told_as_a_viewer_would() {
        let shown = Video { frames: 1800, shown: 1700, ..Video::default() };
        let frozen = Video { freezes: 4, longest_freeze_ns: Some(2_100_000_000), ..shown.clone() };
        assert_eq!(told(frozen.clone()), "froze 4 times in a call of 60 s, 2.10 s at most");
        let mut video = frozen;
        video.jump_frames.max = Some(63);
        assert_eq!(told(video), "froze 4 times in a call of 60 s, 2.10 s at most, then jumped 63 frames");
        let blank = Video { frames: 1800, shown: 0, freezes: 1, ..shown.clone() };
        assert_eq!(told(blank), "showed no frame in a call of 60 s");
        assert_eq!(told(shown.clone()), "never froze in a call of 60 s");
        let skips = Video { skips: 2, ..shown };
        assert_eq!(told(skips), "never froze in a call of 60 s, and skipped frames twice without a freeze");
    }
}
