//! What a `hol` table shows, in a sentence for each row.

use super::{group::Group, model::Cell, numbers, words};

/// A sentence for each row, then how its delay divides where messages waited before they were sent.
pub(super) fn teach(group: &Group<'_>) -> Vec<String> {
    let seen = group.rows().filter_map(|(cell, label)| Some(format!("{label}: {}", seen(cell)?)));
    let divided = group.rows().filter_map(|(cell, label)| Some(format!("{label}: {}", divided(cell)?)));
    seen.chain(divided).collect()
}

/// Why no closed form applies to some rows, each reason once.
pub(super) fn no_theory(group: &Group<'_>) -> Vec<String> {
    let mut reasons = Vec::<(&str, Vec<String>)>::new();
    for (cell, label) in group.rows() {
        let Some(reason) = cell.theory_reason.as_deref() else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) => labels.push(label.clone()),
            None => reasons.push((reason, vec![label.clone()])),
        }
    }
    let sentence = |(reason, labels): (&str, Vec<String>)| {
        format!("no closed form for {}: {}", words::list(&labels), words::plain(reason))
    };
    reasons.into_iter().map(sentence).collect()
}

fn seen(cell: &Cell) -> Option<String> {
    let hol = cell.hol.as_ref()?;
    if hol.blocked > 0 {
        let mut sentence = format!(
            "{} of messages arrived complete but waited {} on average for earlier ones",
            numbers::share(hol.blocked_ratio?),
            numbers::time(hol.wait_ns.mean?),
        );
        if cell.workload.flows > 1
            && let Some(ratio) = hol.by_other_flow_ratio
        {
            sentence.push_str(&format!("; {} waited for another flow", fraction(ratio.get())));
        }
        return Some(sentence);
    }
    let lost = cell.messages.as_ref().map_or(0, |messages| messages.lost);
    if lost > 0 {
        let share = numbers::share(cell.loss_ratio?);
        return Some(format!("no message waited for another; {share} were lost for good"));
    }
    match &cell.delayed {
        Some(delayed) if delayed.n > 0 => Some(format!(
            "no message waited for another; {} were retransmitted and arrived {} later on average",
            numbers::share(delayed.ratio?),
            numbers::time(delayed.extra_ns.mean?),
        )),
        Some(_) => Some("no message waited for another, and none was retransmitted".to_owned()),
        None => Some("no message was seen to wait for another".to_owned()),
    }
}

/// How the mean delay divides, where messages waited before they were sent.
fn divided(cell: &Cell) -> Option<String> {
    let budget = cell.budget_ns.as_ref()?;
    let (sending, recovery, order) = (budget.send_wait?, budget.recovery?, budget.order_wait?);
    let cause = cause_of_send_wait(cell)?;
    // Less than a thousandth of the delay is not worth a sentence.
    if sending == 0 || sending < (recovery + order) / 1000 {
        return None;
    }
    Some(format!(
        "the mean delay of {} divides into {} before sending ({cause}), {} of recovery and {} of waiting for order",
        numbers::time(sending + recovery + order),
        numbers::time(sending),
        numbers::time(recovery),
        numbers::time(order),
    ))
}

/// Why messages wait before they are sent. `None` where only the machine can have been late: the flag `send-late` says
/// so if that matters.
fn cause_of_send_wait(cell: &Cell) -> Option<&'static str> {
    match (cell.path.as_str(), &cell.congestion) {
        ("sim", _) => Some("window and pacing: congestion, not order"),
        (_, Some(_)) => Some("window, pacing and this machine's lateness, not order"),
        (_, None) => None,
    }
}

/// A share as "10 of 11": the nearest fraction with a small denominator.
fn fraction(share: f64) -> String {
    const LARGEST: u32 = 20;
    if share <= 0.0 {
        return "none".to_owned();
    }
    if share >= 1.0 {
        return "all".to_owned();
    }
    let error = |(above, below): (u32, u32)| libm::fabs(f64::from(above) / f64::from(below) - share);
    let nearest = (1..=LARGEST)
        .map(|below| (libm::round(share * f64::from(below)) as u32, below))
        // A larger denominator is worth reading only if it is nearer by at least 0.005.
        .fold((0, 1), |best, next| if error(next) + 0.005 < error(best) { next } else { best });
    match nearest {
        (0, _) => "few".to_owned(),
        (above, below) if above == below => "nearly all".to_owned(),
        (above, below) => format!("{above} of {below}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{Budget, Workload};

    #[test]
    fn a_congestion_window_is_blamed_only_where_there_is_one() {
        let budget = Budget {
            send_wait: Some(300_000),
            recovery: Some(1_000_000),
            order_wait: Some(3_000_000),
            ..Budget::default()
        };
        let divided = |path: &str, congestion: Option<&str>| {
            let mut cell = Cell::new("quic-one", path, None, Workload::default());
            (cell.budget_ns, cell.congestion) = (Some(budget.clone()), congestion.map(str::to_owned));
            divided(&cell)
        };
        let sentence = |cause: &str| {
            Some(format!(
                "the mean delay of 4.30 ms divides into 300 us before sending ({cause}), 1.00 ms of recovery and 3.00 ms of \
                 waiting for order"
            ))
        };
        assert_eq!(divided("sim", Some("cubic")), sentence("window and pacing: congestion, not order"));
        let late = sentence("window, pacing and this machine's lateness, not order");
        assert_eq!(divided("netns", Some("cubic")), late);
        assert_eq!(divided("netns", None), None);
    }

    #[test]
    fn a_share_reads_as_a_small_fraction() {
        assert_eq!(fraction(10.0 / 11.0), "10 of 11");
        assert_eq!(fraction(0.5), "1 of 2");
        assert_eq!(fraction(0.876), "7 of 8");
        assert_eq!(fraction(1.0), "all");
        assert_eq!(fraction(0.0), "none");
        assert_eq!(fraction(0.001), "few");
        assert_eq!(fraction(0.999), "nearly all");
    }
}
