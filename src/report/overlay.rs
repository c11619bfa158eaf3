//! Several results as one, with the differences of their rows from those of the first.

use super::{
    model::{Cell, Metric, Paired, PerSeed, Ratio, ResultFile},
    spread::Mean,
};
use crate::stats::{Difference, paired};

/// Combines several results. If a row of a later result has the same transport, path, link and workload as a row of the
/// first result, adds the differences of their means over seeds, with confidence intervals if the seeds are the same.
pub fn overlay(first: ResultFile, others: impl IntoIterator<Item = ResultFile>) -> ResultFile {
    let rows = first.cells.len();
    others.into_iter().zip(1..).fold(first, |all, (mut next, origin)| {
        next.cells.iter_mut().for_each(|cell| cell.origin = origin);
        add(all, rows, next)
    })
}

/// Appends a result to those before, and compares it with the first result, which is the first `rows` cells.
fn add(mut all: ResultFile, rows: usize, next: ResultFile) -> ResultFile {
    let offset = all.cells.len();
    let first = &all.cells[..rows];
    let differences: Vec<Paired> = next
        .cells
        .iter()
        .enumerate()
        .filter_map(|(index, cell)| {
            let ends = |cell: &Cell| (cell.congestion.clone(), cell.loss_detection, cell.server.clone());
            let same = |other: &Cell| ends(other) == ends(cell);
            let exact = first.iter().position(|other| alike(cell, other) && same(other));
            let b = exact.or_else(|| first.iter().position(|other| alike(cell, other)))?;
            Some((offset + index, cell, b))
        })
        .flat_map(|(a, cell, b)| compared(cell, a, &first[b], b))
        .collect();
    all.complete &= next.complete;
    all.origins.extend(next.origins);
    all.cells.extend(next.cells);
    // What every result skips for the same reason is said once.
    let new: Vec<_> = next.skipped.into_iter().filter(|skipped| !all.skipped.contains(skipped)).collect();
    all.skipped.extend(new);
    all.episodes.extend(next.episodes);
    all.paired.extend(next.paired.into_iter().map(|mut paired| {
        paired.a = paired.a.saturating_add(offset);
        paired.b = paired.b.saturating_add(offset);
        paired
    }));
    all.paired.extend(differences);
    all
}

fn alike(a: &Cell, b: &Cell) -> bool {
    let mode = |cell: &Cell| cell.handshake.as_ref().map(|handshake| handshake.mode);
    (&a.transport, &a.path, &a.link, &a.workload, mode(a))
        == (&b.transport, &b.path, &b.link, &b.workload, mode(b))
}

/// Reads the figure of a seed to compare.
type Read = fn(&PerSeed) -> Option<f64>;

const METRICS: [(Metric, Read); 4] = [
    (Metric::P99Ns, |seed| seed.p99_ns.map(|ns| ns as f64)),
    (Metric::LossRatio, |seed| seed.loss_ratio.map(Ratio::get)),
    (Metric::DelayedRatio, |seed| seed.delayed_ratio.map(Ratio::get)),
    (Metric::BlockedRatio, |seed| seed.blocked_ratio.map(Ratio::get)),
];

/// The differences of `cell` from `other`. `a` and `b` are their indices in the combined result.
fn compared(cell: &Cell, a: usize, other: &Cell, b: usize) -> Vec<Paired> {
    let seeds = |cell: &Cell| cell.per_seed.iter().map(|seed| seed.seed).collect::<Vec<_>>();
    let same_seeds = seeds(cell) == seeds(other);
    let values = |cell: &Cell, read: Read| cell.per_seed.iter().map(read).collect::<Option<Vec<f64>>>();
    let of = |(metric, read): &(Metric, Read)| {
        let (new, old) = (Mean(values(cell, *read)?), Mean(values(other, *read)?));
        let difference = if same_seeds {
            paired(&new, &old)?
        } else {
            Difference { difference: new.mean()? - old.mean()?, ci95: None }
        };
        Paired::new(a, b, *metric, difference)
    };
    METRICS.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Skipped, Workload, model::Amount};

    fn result(blocked: [f64; 3], first_seed: u64) -> ResultFile {
        let mut file = ResultFile::new("hol");
        let mut cell = Cell::new("quic-one", "sim", None, Workload::default());
        let seed = |(index, share): (usize, f64)| PerSeed {
            seed: first_seed + index as u64,
            blocked_ratio: Ratio::new(share),
            ..PerSeed::default()
        };
        cell.per_seed = blocked.into_iter().enumerate().map(seed).collect();
        file.cells.push(cell);
        file
    }

    #[test]
    fn rows_that_are_alike_are_compared_seed_by_seed() {
        let both = overlay(result([0.1, 0.2, 0.3], 1), [result([0.2, 0.3, 0.4], 1)]);
        let [paired] = &both.paired[..] else { panic!("{:?}", both.paired) };
        let tenth = Amount::Ratio(Ratio::new(0.1).unwrap());
        assert_eq!((paired.a, paired.b, paired.metric), (1, 0, Metric::BlockedRatio));
        assert_eq!((paired.difference, paired.ci95), (tenth, Some([tenth, tenth])));
    }

    #[test]
    fn a_row_is_compared_with_the_one_of_its_own_controller() {
        let of = |blocked: [f64; 2]| {
            let mut file = result([blocked[0]; 3], 1);
            file.cells.extend(result([blocked[1]; 3], 1).cells);
            for (cell, controller) in file.cells.iter_mut().zip(["cubic", "fixed"]) {
                cell.congestion = Some(controller.to_owned());
            }
            file
        };
        let both = overlay(of([0.1, 0.5]), [of([0.2, 0.6])]);
        let rows: Vec<_> = both.paired.iter().map(|paired| (paired.a, paired.b)).collect();
        assert_eq!(rows, [(2, 0), (3, 1)]);
        // Another controller is compared where there is no row of its own.
        let mut fixed = result([0.2; 3], 1);
        fixed.cells[0].congestion = Some("fixed".to_owned());
        assert_eq!(overlay(result([0.1; 3], 1), [fixed]).paired.len(), 1);
    }

    #[test]
    fn other_seeds_have_a_difference_without_an_interval_and_other_rows_none() {
        let both = overlay(result([0.1; 3], 1), [result([0.4; 3], 2)]);
        assert_eq!(both.paired[0].ci95, None);
        let mut other = result([0.4; 3], 1);
        other.cells[0].workload.flows = 9;
        assert!(overlay(result([0.1; 3], 1), [other]).paired.is_empty());
    }

    #[test]
    fn every_other_result_is_compared_with_the_first() {
        let files = [0.2, 0.3].map(|share| result([share; 3], 1));
        let all = overlay(result([0.1; 3], 1), files);
        let rows: Vec<_> = all.paired.iter().map(|paired| (paired.a, paired.b)).collect();
        assert_eq!((all.cells.len(), &rows[..]), (3, &[(1, 0), (2, 0)][..]));
        let Amount::Ratio(difference) = all.paired[1].difference else { panic!() };
        assert!((difference.get() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn what_all_results_skip_is_said_once() {
        let skipping = |reason: &str| {
            let mut file = result([0.1; 3], 1);
            let (transport, path) = ("tcp".to_owned(), "sim".to_owned());
            file.skipped.push(Skipped { transport, path, reason: reason.to_owned() });
            file
        };
        let both = overlay(skipping("kernel"), [skipping("kernel"), skipping("other")]);
        assert_eq!(both.skipped.len(), 2);
    }
}
