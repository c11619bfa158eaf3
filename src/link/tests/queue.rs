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

/// Holds packets, and drops those that waited for longer than a limit when their turn comes.
#[derive(Debug)]
struct Impatient {
    limit: Duration,
    waiting: std::collections::VecDeque<Queued<u64>>,
}

impl Queue<u64> for Impatient {
    fn enqueue(&mut self, packet: Queued<u64>) -> Result<(), Queued<u64>> {
        self.waiting.push_back(packet);
        Ok(())
    }

    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<u64>, Queued<u64>>> {
        let packet = self.waiting.pop_front()?;
        Some(if now.since(packet.offered) > self.limit { Err(packet) } else { Ok(packet) })
    }

    fn transmitted(&mut self, _bytes: u16, _departs: Time) {}

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn decides_at_offer(&self) -> bool {
        false
    }
}

#[test]
fn a_queue_may_drop_a_packet_when_its_turn_comes() {
    // 1 ms a packet. Four come at once; the first two wait for at most 1 ms, the others would wait for 2 ms.
    let mut link = link("rate=9.6mbit,delay=10ms", 1);
    link.queue = Box::new(Impatient { limit: MS, waiting: std::collections::VecDeque::new() });
    (1..=4).for_each(|number| link.enqueue(ms(0), 1200, number));
    let mut events = Vec::new();
    while let Some(due) = link.poll_timeout() {
        events.extend(std::iter::from_fn(|| link.poll(due)).map(|event| match event {
            Event::Delivered(delivered) => (delivered.packet, delivered.at, true),
            Event::Dropped(dropped) => (dropped.packet, dropped.at, false),
        }));
    }
    assert_eq!(events, [(3, ms(2), false), (4, ms(2), false), (1, ms(11), true), (2, ms(12), true)]);
    let counters = link.counters();
    assert_eq!((counters.packets, counters.delivered, counters.queue_dropped), (4, 2, 2));
    // An idle transmitter takes a packet at once, however late the link is polled.
    link.enqueue(ms(100), 1200, 5);
    link.enqueue(ms(100), 1200, 6);
    let delivered: Vec<_> =
        drain(&mut link).iter().map(|delivered| (delivered.packet, delivered.at)).collect();
    assert_eq!(delivered, [(5, ms(111)), (6, ms(112))]);
}
