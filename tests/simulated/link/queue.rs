use super::*;

#[test]
fn the_rate_is_exact_over_a_busy_period() {
    // 1200 bytes at 7 Mbit/s take 1371428.57 ns: rounding each would drift by 428 ns in 1000.
    let mut link = link("rate=7mbit", 1);
    for number in 1..=1000 {
        let Verdict::Deliver { departs, .. } = link.offer(ms(0), 1200, number) else { panic!() };
        assert_eq!(departs.as_nanos(), (number * 1200 * 8_000).div_ceil(7));
    }
}

#[test]
fn an_idle_bottleneck_starts_afresh() {
    let mut link = link("rate=7mbit", 1);
    link.offer(ms(0), 1200, 1);
    let Verdict::Deliver { departs, .. } = link.offer(ms(100), 1200, 2) else { panic!() };
    assert_eq!(departs.as_nanos(), 100_000_000 + 1_371_429);
}

#[test]
fn the_packet_in_transmission_counts_until_its_last_bit_is_out() {
    for queue in ["2p", "2400B"] {
        // 1 ms a packet.
        let mut link = link(&format!("rate=9.6mbit,queue={queue}"), 1);
        assert!(matches!(link.offer(ms(0), 1200, 1), Verdict::Deliver { .. }));
        assert!(matches!(link.offer(ms(0), 1200, 2), Verdict::Deliver { .. }));
        assert_eq!(link.offer(us(999), 1200, 3), Verdict::QueueFull);
        assert!(matches!(link.offer(us(1000), 1200, 4), Verdict::Deliver { .. }));
        assert_eq!(link.offer(us(1000), 1200, 5), Verdict::QueueFull);
    }
}

#[test]
fn a_queue_in_bytes_takes_what_fits() {
    let mut link = link("rate=9.6mbit,queue=2KB", 1);
    link.offer(ms(0), 1200, 1);
    assert_eq!(link.offer(ms(0), 801, 2), Verdict::QueueFull);
    assert!(matches!(link.offer(ms(0), 800, 3), Verdict::Deliver { .. }));
}

#[test]
fn packets_in_flight_do_not_count_against_the_queue() {
    let mut link = link("rate=9.6mbit,queue=1p,mtu=1200,delay=1h", 1);
    verdicts(&mut link, 1000, MS);
    assert_eq!((link.counters().queue_dropped, drain(&mut link).len()), (0, 1000));
}

#[test]
fn an_event_tells_how_long_its_packet_waited_for_the_transmitter() {
    // 1 ms a packet; the last finds a free transmitter.
    let mut link = Link::new(spec("rate=9.6mbit,delay=5ms,loss=drop:2,queue=3p"), 1, Direction::ToServer);
    for (at, number) in [(0, 1), (0, 2), (0, 3), (0, 4), (10, 5)] {
        link.enqueue(ms(at), 1200, number);
    }
    let waits = std::iter::from_fn(|| link.poll(Time::MAX)).map(|event| match event {
        Event::Delivered(delivered) => (delivered.packet, delivered.queue.delay.as_millis(), None),
        Event::Dropped(dropped) => (dropped.packet, dropped.queue.delay.as_millis(), Some(dropped.reason)),
    });
    let mut waits: Vec<_> = waits.collect();
    waits.sort_unstable_by_key(|(number, ..)| *number);
    let dropped = [Some(DropReason::Lost), Some(DropReason::QueueFull)];
    assert_eq!(waits, [(1, 0, None), (2, 1, dropped[0]), (3, 2, None), (4, 0, dropped[1]), (5, 0, None)]);
}
