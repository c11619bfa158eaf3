use super::*;

fn arrivals(link: &mut Watched) -> Vec<u64> {
    drain(link).iter().map(|delivered| delivered.packet).collect()
}

#[test]
fn jitter_lets_packets_overtake() {
    let mut link = link("delay=20ms,jitter=10ms", 1);
    verdicts(&mut link, 1000, MS);
    let numbers = arrivals(&mut link);
    assert!(!numbers.is_sorted());
    // A packet is marked if it arrives before one that was sent earlier.
    let overtaking = |(place, number): (usize, &u64)| numbers[place..].iter().any(|n| n < number);
    let marked = numbers.iter().enumerate().filter(|entry| overtaking(*entry)).count();
    assert_eq!(link.counters().reordered, marked as u64);
}

#[test]
fn with_keep_order_jitter_lets_none_overtake() {
    for more in ["", ",duplicate=20%", ",rate=12mbit", ",loss=10%"] {
        let mut link = link(&format!("delay=20ms,jitter=10ms:pareto,keep-order{more}"), 1);
        verdicts(&mut link, 1000, MS);
        assert!(arrivals(&mut link).is_sorted(), "{more}");
        assert_eq!(link.counters().reordered, 0);
    }
}

#[test]
fn with_keep_order_only_a_reordered_packet_overtakes() {
    let mut link = link("delay=20ms,jitter=10ms,keep-order,reorder=5%,duplicate=5%", 1);
    let verdicts = verdicts(&mut link, 1000, MS);
    let mut lane = Time::ZERO;
    for verdict in verdicts {
        let Verdict::Deliver { departs, at, duplicate_at, .. } = verdict else { panic!() };
        for at in [Some(at), duplicate_at].into_iter().flatten().filter(|at| *at != departs) {
            assert!(at >= lane);
            lane = at;
        }
    }
    assert!(link.counters().reordered > 0);
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut link = link("rate=9.6mbit,queue=10p", 1);
    link.offer(ms(10), 1200, 1);
    let Verdict::Deliver { departs, .. } = link.offer(ms(3), 1200, 2) else { panic!() };
    assert_eq!(departs, ms(12));
}

#[test]
fn the_end_of_time_is_no_overflow() {
    let mut link = link("delay=1h,jitter=1h:normal,rate=1bit,queue=2p", 1);
    link.offer(Time::MAX, 1500, 1);
    link.offer(Time::MAX, 1500, 2);
    assert_eq!(drain(&mut link).len(), 2);
}

/// Guards the draws: these instants must not change between versions, machines or releases of a
/// dependency, because published results rest on them.
#[test]
fn the_verdicts_of_one_seed_are_fixed() {
    let shown = |pairs: &str| {
        let verdicts = verdicts(&mut link(pairs, 42), 6, MS);
        let line = |verdict: &Verdict| match *verdict {
            Verdict::Deliver { at, overtaking, duplicate_at, corrupt, .. } => {
                let copy = duplicate_at.map(|at| format!(" copy {}", at.as_nanos()));
                let bit = corrupt.map(|draw| format!(" bit {draw:x}"));
                let overtaking = if overtaking { " overtaking" } else { "" };
                let more = copy.unwrap_or_default() + &bit.unwrap_or_default();
                format!("{}{overtaking}{more}", at.as_nanos())
            }
            other => format!("{other:?}"),
        };
        verdicts.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(shown("delay=20ms,jitter=5ms,loss=30%,rate=7mbit,queue=3p"), @r"
        25857166
        24005453 overtaking
        Lost
        22053096 overtaking
        27248094
        30091207
    ");
    insta::assert_snapshot!(shown("delay=20ms,jitter=5ms:normal,loss=gilbert:60%:50%"), @r"
        Lost
        Lost
        19833154
        19913657
        19340986 overtaking
        21301073
    ");
    insta::assert_snapshot!(
        shown("delay=20ms,jitter=5ms:pareto,duplicate=50%,corrupt=50%,reorder=30%"), @r"
        16785029 copy 18014604
        1000000 overtaking copy 30088943 bit 638a577903aae8f6
        19521865
        3000000 overtaking copy 20703649 bit 352b55b5e35414dd
        4000000 overtaking bit 3b82286a53c8c406
        22558085 copy 22708594 bit 6f2ed1a52cfa411
    ");
}
