use std::sync::Arc;

use proptest::prelude::*;
use wirelab::link::{OPPORTUNITY_BYTES, RateProfile, Trace};

use super::*;

fn traced(lines: &str, pairs: &str) -> LinkSpec {
    let mut link = spec(pairs);
    link.follow(RateProfile::Trace(Arc::new(Trace::parse(lines.as_bytes()).unwrap()))).unwrap();
    link
}

/// When the last bit of each packet leaves `link`, and its bytes. `offers` are pairs of instant and bytes.
fn departures(link: LinkSpec, offers: &[(Time, usize)]) -> Vec<(Time, usize)> {
    let mut link = Link::new(link, 1, Direction::ToServer);
    let mut departures = Vec::new();
    let mut poll = |link: &mut Link<usize>, until: Time| {
        while let Some(due) = link.poll_timeout().filter(|due| *due <= until) {
            while let Some(event) = link.poll(due) {
                let Event::Delivered(delivered) = event else { continue };
                departures.push((delivered.departs, delivered.packet));
            }
        }
    };
    for &(at, bytes) in offers {
        poll(&mut link, at);
        link.enqueue(at, bytes, bytes);
    }
    poll(&mut link, Time::MAX);
    departures
}

#[test]
fn a_trace_of_two_lines_is_exact() {
    // Opportunities at 3, 10, 13, 20 ms: 1500 bytes at 3, 1000 + 500 at 10, 500 at 13. The rest of the one at 13 is
    // unused.
    let offers = [(0, 1500), (0, 1000), (0, 1000), (13, 40), (19, 40)].map(|(at, bytes)| (ms(at), bytes));
    let sent = departures(traced("3\n10\n", "delay=5ms"), &offers);
    assert_eq!(sent, [(ms(3), 1500), (ms(10), 1000), (ms(13), 1000), (ms(20), 40), (ms(20), 40)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn packets_take_no_more_than_the_opportunities_and_under_saturation_all_of_them(
        gaps in prop::collection::vec(0u64..20, 1..40),
        sizes in prop::collection::vec(20usize..1500, 400),
        codel: bool,
    ) {
        let mut at = 0;
        let mut lines: Vec<u64> = gaps.iter().map(|gap| { at += gap; at }).collect();
        let last = lines.last_mut().unwrap();
        *last = (*last).max(1);
        let text: String = lines.iter().map(|ms| format!("{ms}\n")).collect();
        let period = *lines.last().unwrap();
        let opportunities = |until: Time| -> u64 {
            let until = until.as_nanos() / 1_000_000;
            let rounds = 0..=until / period;
            rounds.map(|round| lines.iter().filter(|ms| round * period + **ms <= until && round * period + **ms > 0)
                .count() as u64).sum()
        };
        // All packets wait from the start, so that each later opportunity is used in full.
        let offers: Vec<(Time, usize)> = sizes.iter().map(|bytes| (Time::ZERO, *bytes)).collect();
        let aqm = if codel { "aqm=codel:1m:1m" } else { "delay=0ms" };
        let mut link = traced(&text, "delay=0ms");
        link.apply_pairs(aqm).unwrap();
        let sent = departures(link, &offers);
        prop_assert_eq!(sent.len(), sizes.len());
        let mut bytes = 0;
        for (index, (at, size)) in sent.iter().enumerate() {
            bytes += *size as u64;
            let offered = opportunities(*at) * u64::from(OPPORTUNITY_BYTES);
            prop_assert!(bytes <= offered, "{} bytes by {} of {}", bytes, at, offered);
            // The next packet did not fit into the opportunities so far.
            let next = sent.get(index + 1).map_or(0, |(_, size)| *size as u64);
            let is_last_of_instant = sent.get(index + 1).is_none_or(|(next, _)| next > at);
            if is_last_of_instant && next > 0 {
                prop_assert!(bytes + next > offered, "{} + {} bytes by {} of {}", bytes, next, at, offered);
            }
        }
    }
}
