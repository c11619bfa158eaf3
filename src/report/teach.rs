//! What a `hol` table shows, in a sentence for each row.

use super::{group::Group, model::Cell, numbers, words};

/// A sentence for each row, then how its delay divides where the congestion window took a part.
pub(super) fn teach(group: &Group<'_>) -> Vec<String> {
    let seen = group.rows().filter_map(|(cell, label)| Some(format!("{label}: {}", seen(cell)?)));
    let window = group.rows().filter_map(|(cell, label)| Some(format!("{label}: {}", window(cell)?)));
    seen.chain(window).collect()
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

/// How the mean delay divides, where the congestion window took a part of it.
fn window(cell: &Cell) -> Option<String> {
    let budget = cell.budget_ns.as_ref()?;
    let (window, recovery, order) = (budget.send_wait?, budget.recovery?, budget.order_wait?);
    // Less than a thousandth of the delay is not worth a sentence.
    if window == 0 || window < (recovery + order) / 1000 {
        return None;
    }
    Some(format!(
        "the mean delay of {} divides into {} before sending (window and pacing: congestion, not order), {} of \
         recovery and {} of waiting for order",
        numbers::time(window + recovery + order),
        numbers::time(window),
        numbers::time(recovery),
        numbers::time(order),
    ))
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
