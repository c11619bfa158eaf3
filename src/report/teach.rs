//! What a `hol` table shows, in a sentence for each row.

use super::{model::Cell, table::Group, words};

/// A sentence for each row, and then why theory is silent where it is.
pub(crate) fn teach(group: &Group<'_>) -> Vec<String> {
    let rows = group.cells.iter().zip(&group.labels);
    let mut sentences: Vec<String> =
        rows.clone().filter_map(|(cell, label)| Some(format!("{label}: {}", seen(cell)?))).collect();
    sentences.extend(rows.filter_map(|(cell, label)| Some(format!("{label}: {}", window(cell)?))));
    sentences
}

/// Why there is no closed form for some rows, each reason once.
pub(crate) fn silent_theory(group: &Group<'_>) -> Vec<String> {
    let mut reasons = Vec::<(&str, Vec<String>)>::new();
    for (cell, label) in group.cells.iter().zip(&group.labels) {
        let Some(reason) = cell.theory_reason.as_deref() else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) => labels.push(label.clone()),
            None => reasons.push((reason, vec![label.clone()])),
        }
    }
    let line = |(reason, labels): (&str, Vec<String>)| {
        format!("no closed form for {}: {}", words::list(&labels), words::plain(reason))
    };
    reasons.into_iter().map(line).collect()
}

fn seen(cell: &Cell) -> Option<String> {
    let hol = cell.hol.as_ref()?;
    let lost = cell.messages.as_ref().map_or(0, |messages| messages.lost);
    if hol.blocked > 0 {
        let mut sentence = format!(
            "{} of messages lay complete for {} on average, waiting for earlier ones",
            words::share(hol.blocked_ratio?),
            words::time(hol.wait_ns.mean?),
        );
        if cell.workload.flows > 1
            && let Some(ratio) = hol.by_other_flow_ratio
        {
            sentence.push_str(&format!(", {} of them for another flow's", fraction(ratio.get())));
        }
        return Some(sentence);
    }
    if lost > 0 {
        let share = words::share(cell.loss_ratio?);
        return Some(format!("no message waited for another; {share} were lost and stay lost"));
    }
    match &cell.delayed {
        Some(delayed) if delayed.n > 0 => Some(format!(
            "no message waited for another; {} were sent again and came {} later on average",
            words::share(delayed.ratio?),
            words::time(delayed.extra_ns.mean?),
        )),
        Some(_) => Some("no message waited for another, and none was sent again".to_owned()),
        None => Some("no message was seen to wait for another".to_owned()),
    }
}

/// How the mean delay divides, where a window took part of it.
fn window(cell: &Cell) -> Option<String> {
    let budget = cell.budget_ns.as_ref()?;
    let (window, recovery, order) = (budget.send_wait?, budget.recovery?, budget.order_wait?);
    // Less than a thousandth of the delay is not worth a sentence.
    if window == 0 || window < (recovery + order) / 1000 {
        return None;
    }
    Some(format!(
        "of a mean delay of {}, {} went by before bytes left (window and pacing: congestion, not order), {} in \
         recovery and {} in order",
        words::time(window + recovery + order),
        words::time(window),
        words::time(recovery),
        words::time(order),
    ))
}

/// A share as "10 in 11": the nearest fraction whose denominator is small.
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
        // A larger denominator must be nearer by half a hundredth to be worth reading.
        .fold((0, 1), |best, next| if error(next) + 0.005 < error(best) { next } else { best });
    match nearest {
        (0, _) => "few".to_owned(),
        (above, below) if above == below => "nearly all".to_owned(),
        (above, below) => format!("{above} in {below}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_read_as_small_fractions() {
        assert_eq!(fraction(10.0 / 11.0), "10 in 11");
        assert_eq!(fraction(0.5), "1 in 2");
        assert_eq!(fraction(0.876), "7 in 8");
        assert_eq!(fraction(1.0), "all");
        assert_eq!(fraction(0.0), "none");
        assert_eq!(fraction(0.001), "few");
        assert_eq!(fraction(0.999), "nearly all");
    }
}
