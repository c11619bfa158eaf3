//! Loads of a page: sentences, and waterfalls as text.

use super::{
    block::Block,
    group::Group,
    model::{Bar, Cell, Page, PagePhases, Waterfall},
    numbers, words,
};

/// When the page was complete on each row, and what it waited for.
pub(super) fn pages(group: &Group<'_>) -> Vec<String> {
    let rows = || group.rows().filter_map(|(cell, label)| Some((cell.page.as_ref()?, label)));
    let complete: Vec<String> = rows()
        .filter_map(|(page, label)| Some(format!("{} over {label}", numbers::time(page.complete_ns.p50?))))
        .collect();
    let first = (!complete.is_empty())
        .then(|| format!("the page was complete after {} (medians)", words::list(&complete)));
    let waited = rows().filter_map(|(page, label)| waited(page, label));
    let failed = rows().filter_map(|(page, label)| failed(page, label));
    first.into_iter().chain(waited).chain(failed).collect()
}

/// What the page waited for. The parts add up to the mean time of a load, but for those below half a percent.
fn waited(page: &Page, label: &str) -> Option<String> {
    let mean = page.complete_ns.mean?;
    let PagePhases { connecting_ns, waiting_ns, request_ns, receiving_ns } = page.phases_mean_ns?;
    let parts: Vec<String> = [
        (connecting_ns, "for handshakes"),
        (waiting_ns, "for a free connection"),
        (request_ns, "for first bytes"),
        (receiving_ns, "for the rest of answers"),
    ]
    .into_iter()
    .filter(|(ns, _)| *ns > mean / 200)
    .map(|(ns, what)| format!("{} {what}", numbers::time(ns)))
    .collect();
    Some(format!("over {label} a load took {} on average: {}", numbers::time(mean), words::list(&parts)))
}

fn failed(page: &Page, label: &str) -> Option<String> {
    let problem = page.problem.as_ref()?;
    let loads = numbers::plural(page.loads, "load");
    Some(format!(
        "over {label} {} of {loads} failed, the first because: {}",
        numbers::count(page.failed),
        words::plain(problem)
    ))
}

/// Characters of a bar.
const WIDTH: u64 = 50;

/// The waterfalls of a group as text. HTML has them as charts.
pub(super) fn waterfalls<'a>(group: &Group<'a>) -> Option<Block<'a>> {
    let drawn = |(cell, label): (&'a Cell, &String)| {
        Some((cell.pictures.as_ref()?.waterfall.as_ref()?, label.clone()))
    };
    let drawn: Vec<(&Waterfall, String)> = group.rows().filter_map(drawn).collect();
    let longest = drawn.iter().map(|(waterfall, _)| end(waterfall)).max()?;
    let bars = |(waterfall, label): (&Waterfall, String)| {
        let title = format!(
            "The first load over {label} (seed {}), on a scale of {}: w waits for a free connection, c connects, r \
             requests, d receives data",
            waterfall.seed,
            numbers::time(longest)
        );
        let titles = ["object", "bytes", "connection", "complete", "time"].map(str::to_owned);
        let rows = waterfall.bars.iter().enumerate().map(|(index, bar)| row(index, bar, longest));
        Block::Bars { title, rows: std::iter::once(titles.to_vec()).chain(rows).collect() }
    };
    Some(Block::Details(drawn.into_iter().map(bars).collect()))
}

/// When the last object was complete.
pub(super) fn end(waterfall: &Waterfall) -> u64 {
    waterfall.bars.iter().map(|bar| bar.complete_ns).max().unwrap_or(0)
}

/// What an object waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A handshake.
    Connecting,
    /// A connection that is free.
    Waiting,
    /// The first bytes of the answer.
    Requesting,
    /// The rest of the answer.
    Receiving,
}

/// What an object waited for from when it was known, and from when until when, in order. A connection that was opened
/// for another object may be taken by that first, so an object may also wait after the handshake.
pub(super) fn phases(bar: &Bar) -> [(Phase, u64, u64); 5] {
    let connecting = bar.connecting_from_ns.max(bar.known_ns);
    let connected = connecting.saturating_add(bar.connecting_ns);
    [
        (Phase::Waiting, bar.known_ns, connecting),
        (Phase::Connecting, connecting, connected),
        (Phase::Waiting, connected, bar.sent_ns),
        (Phase::Requesting, bar.sent_ns, bar.first_byte_ns),
        (Phase::Receiving, bar.first_byte_ns, bar.complete_ns),
    ]
}

/// The name of an object: its number, and the number of the one that it came after.
pub(super) fn name(index: usize, bar: &Bar) -> String {
    match bar.after {
        Some(after) => format!("{} after {after}", index + 1),
        None => format!("{}", index + 1),
    }
}

fn row(index: usize, bar: &Bar, longest: u64) -> Vec<String> {
    vec![
        name(index, bar),
        numbers::count(bar.bytes),
        numbers::count(bar.connection),
        numbers::time(bar.complete_ns),
        drawn(bar, longest),
    ]
}

/// The bar of an object, after dots for the time in which it was not known.
fn drawn(bar: &Bar, longest: u64) -> String {
    // A file may say that an object was known, or waited, after the end.
    let at =
        |ns: u64| (u128::from(ns.min(longest)) * u128::from(WIDTH) / u128::from(longest.max(1))) as usize;
    let letter = |phase| match phase {
        Phase::Waiting => 'w',
        Phase::Connecting => 'c',
        Phase::Requesting => 'r',
        Phase::Receiving => 'd',
    };
    let phases = phases(bar).map(|(phase, _, until)| (letter(phase), until));
    let parts = std::iter::once(('.', bar.known_ns)).chain(phases);
    let mut text = String::new();
    for (letter, until) in parts {
        let until = at(until);
        text.extend(std::iter::repeat_n(letter, until.saturating_sub(text.len())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_letter_for_each_phase() {
        let bar = Bar {
            known_ns: 10,
            connecting_from_ns: 10,
            connecting_ns: 8,
            sent_ns: 25,
            first_byte_ns: 40,
            complete_ns: 50,
            ..Bar::default()
        };
        let expected = [(".", 10), ("c", 8), ("w", 7), ("r", 15), ("d", 10)];
        assert_eq!(drawn(&bar, 50), expected.map(|(letter, times)| letter.repeat(times)).concat());
    }

    #[test]
    fn a_bar_with_impossible_instants_is_no_longer_than_others() {
        let bar = Bar { known_ns: u64::MAX, connecting_ns: u64::MAX, complete_ns: 50, ..Bar::default() };
        assert_eq!(drawn(&bar, 50), ".".repeat(usize::try_from(WIDTH).unwrap()));
    }

    #[test]
    fn the_parts_of_a_load_are_named_if_it_waited_for_them() {
        let phases = PagePhases {
            connecting_ns: 50_000_000,
            waiting_ns: 0,
            request_ns: 100_000_000,
            receiving_ns: 20_000_000,
        };
        let mut page = Page::of(crate::report::HandshakeMode::Cold);
        page.phases_mean_ns = Some(phases);
        page.complete_ns.mean = Some(170_000_000);
        assert_eq!(
            waited(&page, "tls 1 connection").unwrap(),
            "over tls 1 connection a load took 170 ms on average: 50.0 ms for handshakes, 100 ms for first bytes and \
             20.0 ms for the rest of answers"
        );
    }
}
