use super::*;

#[test]
fn a_bare_wire_delivers_at_once_and_in_order() {
    let mut link = link("mtu=1500", 1);
    assert_eq!(link.poll_timeout(), None);
    for number in 1..=3 {
        link.offer(ms(5), 1500, number);
    }
    assert_eq!(link.poll_timeout(), Some(ms(5)));
    assert_eq!(link.next_delivery(ms(4)), None);
    let numbers: Vec<_> = drain(&mut link).iter().map(|delivered| delivered.packet).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn what_is_above_the_mtu_is_refused_and_still_draws() {
    let mut small = link("loss=20%,mtu=1000", 1);
    let mut large = link("loss=20%", 1);
    for number in 1..=1000 {
        let bytes = if number % 2 == 0 { 1200 } else { 900 };
        let (a, b) = (small.offer(ms(0), bytes, number), large.offer(ms(0), bytes, number));
        let expected = if number % 2 == 0 { Verdict::TooLarge } else { b };
        assert_eq!(a, expected);
    }
    assert_eq!(small.counters().too_large, 500);
    assert_eq!(small.offer(ms(0), usize::MAX, 0), Verdict::TooLarge);
}

#[test]
fn a_drop_list_drops_exactly_its_packets() {
    let verdicts = verdicts(&mut link("loss=drop:40:3:17:3", 1), 100, MS);
    assert_eq!(lost(&verdicts), [3, 17, 40]);
}

#[test]
fn an_outage_drops_exactly_what_ends_in_its_window() {
    let lost_with = |pairs| lost(&verdicts(&mut link(pairs, 1), 100, MS));
    assert_eq!(lost_with("loss=outage:20ms:5ms"), [21, 22, 23, 24, 25]);
    // At 9.6 Mbit/s serialisation takes 1 ms and so ends 1 ms after the offer.
    assert_eq!(lost_with("loss=outage:20ms:5ms,rate=9.6mbit"), [20, 21, 22, 23, 24]);
}

#[test]
fn a_lost_packet_has_used_the_bottleneck() {
    let mut link = link("rate=9.6mbit,loss=drop:1", 1);
    assert_eq!(link.offer(ms(0), 1200, 1), Verdict::Lost);
    let Verdict::Deliver { at, .. } = link.offer(ms(0), 1200, 2) else { panic!() };
    assert_eq!(at, ms(2));
}

#[test]
fn a_copy_follows_its_packet_with_a_jitter_of_its_own() {
    let mut plain = link("delay=10ms,duplicate=100%", 1);
    let Verdict::Deliver { at, duplicate_at, .. } = plain.offer(ms(0), 100, 7) else { panic!() };
    assert_eq!((at, duplicate_at), (ms(10), Some(ms(10))));
    let copies: Vec<_> = drain(&mut plain).iter().map(|d| (d.packet, d.copy)).collect();
    assert_eq!(copies, [(7, false), (7, true)]);

    let mut jittered = link("delay=10ms,duplicate=100%,jitter=5ms", 1);
    let Verdict::Deliver { at, duplicate_at, .. } = jittered.offer(ms(0), 100, 7) else { panic!() };
    assert_ne!(duplicate_at, Some(at));
}

#[test]
fn corruption_gives_a_draw_for_the_bit_and_spares_the_copy() {
    let mut link = link("corrupt=100%,duplicate=100%", 1);
    let verdicts = verdicts(&mut link, 100, MS);
    let delivered = drain(&mut link);
    for (pair, verdict) in delivered.chunks(2).zip(verdicts) {
        let Verdict::Deliver { corrupt, .. } = verdict else { panic!() };
        assert!(corrupt.is_some());
        assert_eq!((pair[0].corrupt, pair[1].corrupt), (corrupt, None));
    }
    assert_eq!(link.counters().corrupted, 100);
}

#[test]
fn a_reordered_packet_skips_the_delay() {
    let mut link = link("delay=10ms,reorder=10%", 1);
    let verdicts = verdicts(&mut link, 1000, MS);
    let mut skipped = 0;
    for (number, verdict) in verdicts.iter().enumerate() {
        let Verdict::Deliver { departs, at, overtaking, .. } = *verdict else { panic!() };
        assert_eq!(departs, ms(number as u64));
        assert!(at == departs || at == departs + 10 * MS);
        skipped += u64::from(at == departs);
        // With every earlier packet skipping too there is nobody to overtake.
        assert!(!overtaking || at == departs);
    }
    // 1000 packets at 10%: 3 standard errors are 28.
    assert!(skipped.abs_diff(100) <= 28, "{skipped}");
    assert!(link.counters().reordered <= skipped && link.counters().reordered > 0);
}

#[test]
fn the_loss_of_a_slot_does_not_depend_on_the_traffic() {
    for model in ["30%", "gilbert:20%:40%"] {
        let pairs = format!("loss={model},loss-by=time:1ms");
        let busy = verdicts(&mut link(&pairs, 3), 10_000, Duration::from_micros(100));
        let sparse = verdicts(&mut link(&pairs, 3), 143, 7 * MS);
        for (index, verdict) in sparse.iter().enumerate() {
            let slot = &busy[index * 70..][..10];
            assert!(slot.iter().all(|v| (*v == Verdict::Lost) == (*verdict == Verdict::Lost)));
        }
        let lost = lost(&busy).len() as f64 / 10_000.0;
        // Both models lose a third or a little less; with 1000 slots this is 5 standard errors.
        assert!((0.2..0.45).contains(&lost), "{model}: {lost}");
    }
}

#[test]
fn switching_an_effect_on_leaves_the_lost_packets_the_same() {
    for loss in ["5%", "gilbert:2%:30%", "gemodel:2%:30%:10%:99%"] {
        let alone = lost(&verdicts(&mut link(&format!("loss={loss}"), 9), 2000, MS));
        assert!(!alone.is_empty());
        for more in [
            "jitter=5ms",
            "jitter=5ms:normal",
            "jitter=5ms:pareto",
            "rate=1mbit",
            "duplicate=10%",
            "corrupt=10%",
            "reorder=10%",
            "delay=5ms,jitter=5ms,rate=1mbit,duplicate=10%,corrupt=10%,reorder=10%,keep-order",
        ] {
            let together = verdicts(&mut link(&format!("loss={loss},{more}"), 9), 2000, MS);
            assert_eq!(lost(&together), alone, "{loss} with {more}");
        }
    }
}

#[test]
fn a_full_queue_leaves_the_draws_where_they_were() {
    let alone = lost(&verdicts(&mut link("loss=5%", 9), 2000, MS));
    let mut narrow = link("loss=5%,rate=5mbit,queue=4p", 9);
    let verdicts = verdicts(&mut narrow, 2000, MS);
    assert!(narrow.counters().queue_dropped > 500);
    for (number, verdict) in (1..).zip(verdicts) {
        if verdict != Verdict::QueueFull {
            assert_eq!(verdict == Verdict::Lost, alone.contains(&number));
        }
    }
}

/// With debug assertions, the link panics if two effects draw from the same generator.
#[test]
fn all_effects_at_once_draw_from_generators_of_their_own() {
    let alone = lost(&verdicts(&mut link("loss=5%", 9), 500, MS));
    for queue in ["pie", "red", "fq-codel"] {
        let pairs = format!(
            "delay=20ms,jitter=5ms,loss=5%,duplicate=5%,corrupt=5%,reorder=5%,replay=5%,inject=5%,\
             rate=onoff:1gbit:1s:1s,queue=1000p,aqm={queue}"
        );
        let verdicts = verdicts(&mut link(&pairs, 9), 500, MS);
        for (number, verdict) in (1..).zip(verdicts) {
            if verdict != Verdict::QueueFull {
                assert_eq!(verdict == Verdict::Lost, alone.contains(&number), "{queue}, packet {number}");
            }
        }
    }
}

#[test]
fn a_seed_and_a_direction_decide_everything() {
    let pairs = "delay=20ms,jitter=5ms:normal,loss=5%,duplicate=5%,corrupt=5%,reorder=5%";
    let of = |seed, direction| verdicts(&mut Watched::new(spec(pairs), seed, direction), 200, MS);
    assert_eq!(of(1, Direction::ToServer), of(1, Direction::ToServer));
    assert_ne!(of(1, Direction::ToServer), of(2, Direction::ToServer));
    assert_ne!(of(1, Direction::ToServer), of(1, Direction::ToClient));
}
