use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn share() -> impl Strategy<Value = String> {
    prop_oneof![Just("0%".to_owned()), (0u32..=100).prop_map(|p| format!("{p}%"))]
}

fn loss() -> impl Strategy<Value = String> {
    prop_oneof![
        share(),
        (1u32..=100, 0u32..=100).prop_map(|(p, r)| format!("gilbert:{p}%:{r}%")),
        (1u32..=100, 0u32..=100, 0u32..=100, 0u32..=100)
            .prop_map(|(p, r, h, k)| format!("gemodel:{p}%:{r}%:{h}%:{k}%")),
        prop::collection::vec(1u64..60, 1..5)
            .prop_map(|n| n.iter().fold("drop".to_owned(), |text, n| format!("{text}:{n}"))),
        (0u32..50, 1u32..50).prop_map(|(start, length)| format!("outage:{start}ms:{length}ms")),
    ]
}

fn any_spec() -> impl Strategy<Value = LinkSpec> {
    let jitter = prop_oneof![
        Just("none".to_owned()),
        (0u32..30, prop::sample::select(vec!["uniform", "normal", "pareto"]))
            .prop_map(|(ms, shape)| format!("{ms}ms:{shape}")),
    ];
    let bottleneck = prop_oneof![
        Just("rate=none".to_owned()),
        (1u64..50_000_000).prop_map(|bits| format!("rate={bits}bit")),
        (1u64..50_000_000, 1u64..20).prop_map(|(bits, p)| format!("rate={bits}bit,queue={p}p")),
        (1u64..50_000_000, 1500u64..20_000)
            .prop_map(|(bits, bytes)| format!("rate={bits}bit,queue={bytes}B")),
    ];
    let shares = (share(), share(), share());
    (0u32..50, jitter, any::<bool>(), loss(), bottleneck, shares, 576u16..=1500).prop_map(
        |(delay, jitter, keep, loss, bottleneck, (reorder, duplicate, corrupt), mtu)| {
            spec(&format!(
                "delay={delay}ms,jitter={jitter},keep-order={keep},loss={loss},{bottleneck},\
                 reorder={reorder},duplicate={duplicate},corrupt={corrupt},mtu={mtu}"
            ))
        },
    )
}

/// Gaps in nanoseconds and sizes in bytes.
fn traffic() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((prop_oneof![Just(0), 0u64..3_000_000], 20usize..1600), 1..120)
}

proptest! {
    #[test]
    fn nothing_is_created_or_lost_but_by_its_effects(
        spec in any_spec(), traffic in traffic(), seed: u64,
    ) {
        let mut link = Watched::new(spec, seed, Direction::ToClient);
        let (mut now, mut last, mut delivered) = (Time::ZERO, Time::ZERO, 0);
        let mut expected = Vec::new();
        for (number, (gap, bytes)) in (0u64..).zip(traffic) {
            now += Duration::from_nanos(gap);
            if let Verdict::Deliver { departs, at, corrupt, duplicate_at, .. } =
                link.offer(now, bytes, number)
            {
                prop_assert!(now <= departs && departs <= at);
                expected.push((at, number, corrupt, false));
                expected.extend(duplicate_at.map(|at| (at, number, None, true)));
            }
            while let Some(packet) = link.next_delivery(now) {
                prop_assert!(packet.at <= now && packet.at >= last);
                last = packet.at;
                delivered += 1;
                let found = (packet.at, packet.packet, packet.corrupt, packet.copy);
                let place = expected.iter().position(|entry| *entry == found);
                expected.swap_remove(place.unwrap());
            }
            prop_assert!(link.poll_timeout().is_none_or(|due| due > now));
            let c = link.counters();
            prop_assert_eq!(c.delivered, delivered);
            prop_assert_eq!(
                c.packets + c.duplicated,
                c.delivered + c.lost + c.queue_dropped + c.too_large + expected.len() as u64
            );
        }
    }

    #[test]
    fn the_queue_is_never_above_its_limit_nor_the_rate_exceeded(
        bits in 1u64..50_000_000, by_bytes: bool, room in 1u64..20, traffic in traffic(),
    ) {
        let queue = if by_bytes { format!("{}B", room * 1500) } else { format!("{room}p") };
        let mut link = link(&format!("rate={bits}bit,queue={queue}"), 1);
        let (mut now, mut queued) = (Time::ZERO, VecDeque::<(Time, u64)>::new());
        let mut sent: Vec<(Time, u64)> = Vec::new();
        for (gap, bytes) in traffic {
            now += Duration::from_nanos(gap);
            queued.retain(|(departs, _)| *departs > now);
            let fits = |queued: &VecDeque<(Time, u64)>| {
                let bytes: u64 = queued.iter().map(|(_, bytes)| bytes).sum();
                if by_bytes { bytes <= room * 1500 } else { queued.len() as u64 <= room }
            };
            match link.offer(now, bytes, 0) {
                Verdict::Deliver { departs, .. } => {
                    queued.push_back((departs, bytes as u64));
                    prop_assert!(fits(&queued));
                    sent.push((departs, bytes as u64));
                }
                Verdict::QueueFull => {
                    queued.push_back((now, bytes as u64));
                    prop_assert!(!fits(&queued));
                    queued.pop_back();
                }
                verdict => prop_assert_eq!(verdict, Verdict::TooLarge),
            }
        }
        for (first, (start, _)) in sent.iter().enumerate() {
            let mut bytes = 0;
            for (end, more) in &sent[first + 1..] {
                bytes += more;
                // An instant is the exact one rounded up: a window may seem 1 ns short.
                let window = u128::from(end.as_nanos() - start.as_nanos() + 1);
                prop_assert!(u128::from(bytes) * 8_000_000_000 <= window * u128::from(bits));
            }
        }
    }

    #[test]
    fn what_is_displayed_reads_back(spec in any_spec()) {
        prop_assert_eq!(spec.loss.to_string().parse(), Ok(spec.loss));
        prop_assert_eq!(spec.queue.to_string().parse(), Ok(spec.queue));
        if let Some(jitter) = spec.jitter {
            prop_assert_eq!(jitter.to_string().parse(), Ok(jitter));
        }
    }

    #[test]
    fn nothing_that_is_typed_panics(text in "[a-z-]{0,10}=?.*") {
        let mut spec = LinkSpec::default();
        if let Err(error) = spec.apply_pairs(&text) {
            prop_assert!(!error.to_string().contains('\n'));
            prop_assert_eq!(&spec, &LinkSpec::default());
        }
        let _ = text.parse::<Loss>();
        let _ = text.parse::<LossBy>();
        let _ = text.parse::<Jitter>();
        let _ = text.parse::<QueueLimit>();
        let _ = text.parse::<Preset>();
    }
}
