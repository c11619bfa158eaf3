//! What the queues of the link and ECN did, pooled over seeds.

use crate::{
    link::Counters,
    path::{EcnCounts, QueueDelays},
    report::{Ecn, EcnDirection, QueueDirection, Queueing},
    stats::Histogram,
    unit::{Direction, PerDirection},
};

/// Pools the queues of runs: the delays of their packets, and what the link counted. `None` if no run had a queue.
pub(in crate::experiment) fn queueing<'a>(
    runs: impl Iterator<Item = (Option<&'a QueueDelays>, Option<PerDirection<Counters>>)>,
) -> Option<Queueing> {
    let mut delays = QueueDelays::default();
    let mut counters = PerDirection::<Counters>::default();
    for (run, wire) in runs {
        for way in Direction::BOTH {
            if let Some(run) = run.and_then(|run| run[way].as_ref()) {
                delays[way].get_or_insert_with(Histogram::new).merge(run);
            }
        }
        counters += wire.unwrap_or_default();
    }
    let direction = |way: Direction| {
        let delay_ns = delays[way].as_ref()?.summary();
        let Counters { marked, queue_dropped: dropped, aqm_dropped, .. } = counters[way];
        Some(QueueDirection { delay_ns, marked, dropped, aqm_dropped })
    };
    let queueing = Queueing::from_fn(direction);
    queueing.iter().any(Option::is_some).then_some(queueing)
}

/// Sums what ECN did in runs. `None` if no link used it.
pub(in crate::experiment) fn ecn(runs: impl Iterator<Item = Option<PerDirection<EcnCounts>>>) -> Option<Ecn> {
    runs.flatten().fold(None, |sum, ecn| {
        let sum = sum.unwrap_or_default();
        Some(Ecn::from_fn(|way| {
            let (sum, ecn): (&EcnDirection, _) = (&sum[way], ecn[way]);
            EcnDirection {
                capable: sum.capable + ecn.capable,
                marked: sum.marked + ecn.marked,
                ce_seen: sum.ce_seen + ecn.ce_seen,
                bleached: sum.bleached + ecn.bleached,
                window_reductions: sum.window_reductions + ecn.window_reductions,
                validation_failed: sum.validation_failed + u64::from(ecn.gave_up),
            }
        }))
    })
}
