//! Whether the losses that senders declared were losses on the link. This distinguishes a lossy link from thresholds
//! that are too low for its reordering.

use super::{
    group::Group,
    model::{Cell, FoundLosses, LossCauses, Truth},
    numbers, words,
};

/// A sentence for each row whose sender was wrong, and one for all rows whose senders were right.
pub(super) fn losses(group: &Group<'_>) -> Vec<String> {
    let (mut right, mut sentences) = (Vec::new(), Vec::new());
    for (cell, label) in group.rows() {
        let Some(truth) = truth(cell) else { continue };
        match truth.false_losses {
            0 if truth.detection_ns.n == 0 => {}
            0 => right.push(label.clone()),
            _ => sentences.push(format!("{label}: {}", wrong(cell, truth))),
        }
    }
    if !right.is_empty() {
        let labels = words::list(&right);
        sentences.insert(0, format!("{labels}: every packet that was declared lost was lost on the link"));
    }
    sentences
}

fn truth(cell: &Cell) -> Option<&Truth> {
    cell.recovery.as_ref()?.truth.as_ref()
}

/// What a sender got wrong, and why.
fn wrong(cell: &Cell, truth: &Truth) -> String {
    let declared = truth.detection_ns.n + truth.false_losses;
    let share = truth.false_losses as f64 / declared as f64;
    let falsely = format!(
        "{} of {} that were declared lost had arrived or arrived later",
        numbers::count(truth.false_losses),
        numbers::plural(declared, "packet"),
    );
    let needless = match truth.needless_packets {
        0 => String::new(),
        1 => ", and 1 packet was sent again needlessly".to_owned(),
        n => format!(", and {} packets were sent again needlessly", numbers::count(n)),
    };
    let verdict = match share {
        // Half of its declarations are wrong.
        _ if share >= 0.5 => format!("not a lossy link, but {}", reason(cell, truth.by_cause.as_ref())),
        _ => format!("mostly a lossy link; where it was not, {}", reason(cell, truth.by_cause.as_ref())),
    };
    format!("{falsely}{needless}: {verdict}")
}

/// The most frequent cause of false losses, and what to do about it.
fn reason(cell: &Cell, causes: Option<&LossCauses>) -> String {
    let Some(causes) = causes else {
        return "packets that arrived late or acknowledgements that did".to_owned();
    };
    let thresholds = cell.loss_detection;
    let of = |option: &str, value: Option<String>| match value {
        Some(value) => format!("`{option} {value}` is too low for it"),
        None => format!("{option} is too low for it"),
    };
    let packets = || {
        let value = thresholds.map(|own| own.packet_threshold.to_string());
        format!("reordering: {}", of("--packet-threshold", value))
    };
    let time = || {
        let value = thresholds.map(|own| format!("{}", own.time_threshold.get()));
        format!("a delay that varies: {}", of("--time-threshold", value))
    };
    let duplicates = || "reordering, which looks like loss to three duplicate acknowledgements".to_owned();
    let timer =
        || "acknowledgements that were lost, or came after the retransmission timer had expired".to_owned();
    let reasons: [(FoundLosses, &dyn Fn() -> String); 4] = [
        (causes.packet_threshold, &packets),
        (causes.time_threshold, &time),
        (causes.duplicate_acks, &duplicates),
        (causes.timeout, &timer),
    ];
    let most = reasons.iter().rev().max_by_key(|(found, _)| found.false_losses);
    most.map_or_else(String::new, |(_, words)| words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::model::{LossDetection, Ratio, Recovery, Workload},
        stats::Summary,
    };

    fn cell(losses: u64, causes: LossCauses) -> Cell {
        let by = [causes.packet_threshold, causes.time_threshold, causes.duplicate_acks, causes.timeout];
        let truth = Truth {
            false_losses: by.iter().map(|found| found.false_losses).sum(),
            needless_packets: 2_000,
            detection_ns: Summary { n: losses, ..Summary::default() },
            by_cause: Some(causes),
            ..Truth::default()
        };
        Cell {
            loss_detection: Some(LossDetection {
                packet_threshold: 3,
                time_threshold: Ratio::new(1.125).unwrap(),
            }),
            recovery: Some(Recovery { truth: Some(truth), ..Recovery::default() }),
            ..Cell::new("quic-one", "sim", None, Workload::default())
        }
    }

    fn falsely(false_losses: u64) -> FoundLosses {
        FoundLosses { false_losses, ..FoundLosses::default() }
    }

    fn said(cell: &Cell) -> String {
        wrong(cell, truth(cell).unwrap())
    }

    #[test]
    fn a_threshold_that_is_too_low_is_told_from_a_lossy_link() {
        let low = cell(
            10,
            LossCauses {
                packet_threshold: falsely(1_990),
                time_threshold: falsely(100),
                ..LossCauses::default()
            },
        );
        assert_eq!(
            said(&low),
            "2,090 of 2,100 packets that were declared lost had arrived or arrived later, and 2,000 packets were sent \
             again needlessly: not a lossy link, but reordering: `--packet-threshold 3` is too low for it"
        );
        let lossy = cell(90, LossCauses { time_threshold: falsely(10), ..LossCauses::default() });
        let said = said(&lossy);
        assert!(said.starts_with("10 of 100 packets"), "{said}");
        assert!(
            said.ends_with("mostly a lossy link; where it was not, a delay that varies: `--time-threshold 1.125` is too low \
                 for it"),
            "{said}"
        );
    }
}
