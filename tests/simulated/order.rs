//! Messages in the order of one stream: when each is released, and which one it waited for.

use proptest::prelude::*;
use wirelab::{
    channel::order::{Order, Release},
    unit::Time,
    wire::{MessageId, Probe},
};

const LENGTH: usize = 40;

fn stream(messages: u64) -> Vec<u8> {
    (0..messages).flat_map(|seq| probe(seq).message(LENGTH)).collect()
}

fn probe(seq: u64) -> Probe {
    Probe::new(MessageId { flow: 0, seq }, Time::from_nanos(seq))
}

fn insert(order: &mut Order, now: u64, offset: usize, bytes: &[u8]) -> Vec<Release> {
    let mut deliveries = Vec::new();
    order.insert(Time::from_nanos(now), offset as u64, bytes, |d| deliveries.push(d));
    deliveries
}

#[test]
fn a_message_in_order_is_released_as_it_arrives() {
    let bytes = stream(1);
    let mut order = Order::new(LENGTH);
    assert_eq!(insert(&mut order, 1, 0, &bytes[..30]), []);
    let released = insert(&mut order, 2, 30, &bytes[30..]);
    let now = Time::from_nanos(2);
    assert_eq!(
        released,
        [Release { probe: probe(0), arrived: now, released: now, last: LENGTH as u64 - 1, blocker: None }]
    );
}

#[test]
fn messages_behind_a_gap_wait_for_the_one_that_fills_it() {
    let bytes = stream(3);
    let mut order = Order::new(LENGTH);
    assert_eq!(insert(&mut order, 1, LENGTH, &bytes[LENGTH..2 * LENGTH]), []);
    assert_eq!(insert(&mut order, 2, 2 * LENGTH, &bytes[2 * LENGTH..]), []);
    let released = insert(&mut order, 9, 0, &bytes[..LENGTH]);
    let waits: Vec<_> = released
        .iter()
        .map(|d| (d.probe.id.seq, d.arrived.as_nanos(), d.blocker.map(|b| b.id.seq)))
        .collect();
    assert_eq!(waits, [(0, 9, None), (1, 1, Some(0)), (2, 2, Some(0))]);
}

#[test]
fn of_two_gaps_the_one_filled_last_is_what_was_waited_for() {
    let bytes = stream(3);
    let mut order = Order::new(LENGTH);
    assert_eq!(insert(&mut order, 1, 2 * LENGTH, &bytes[2 * LENGTH..]), []);
    assert_eq!(insert(&mut order, 2, LENGTH, &bytes[LENGTH..2 * LENGTH]), []);
    let released = insert(&mut order, 3, 0, &bytes[..LENGTH]);
    assert_eq!(released[2].blocker.map(|b| b.id), Some(MessageId { flow: 0, seq: 0 }));
}

#[test]
fn the_byte_that_decides_is_the_one_that_came_last_wherever_it_stands() {
    let bytes = stream(2);
    let mut order = Order::new(LENGTH);
    assert_eq!(insert(&mut order, 1, 10, &bytes[10..2 * LENGTH]), []);
    assert_eq!(order.released(), 0);
    let released = insert(&mut order, 2, 0, &bytes[..10]);
    assert_eq!((released[0].last, released[1].last), (9, 2 * LENGTH as u64 - 1));
    assert_eq!(released[1].blocker.map(|blocker| blocker.last), Some(9));
    assert_eq!(order.released(), 2 * LENGTH as u64);
}

#[test]
fn a_shorter_message_states_its_length_and_is_found_wherever_its_bytes_arrive_first() {
    let short = Probe { is_short: true, ..probe(1) };
    let lengths = [LENGTH, LENGTH - 5, LENGTH];
    let messages = [probe(0).message(LENGTH), short.message(LENGTH - 5), probe(2).message(LENGTH)];
    let bytes = messages.concat();
    // Two bytes before the end of the short message.
    let cut = 2 * LENGTH - 7;
    let mut order = Order::new(LENGTH);
    assert_eq!(insert(&mut order, 1, cut, &bytes[cut..]), []);
    assert_eq!(insert(&mut order, 2, 1, &bytes[1..cut]), []);
    let released = insert(&mut order, 3, 0, &bytes[..1]);
    let seen: Vec<_> = released
        .iter()
        .map(|d| (d.probe.id.seq, d.arrived.as_nanos(), d.blocker.map(|b| b.id.seq)))
        .collect();
    assert_eq!(seen, [(0, 3, None), (1, 2, Some(0)), (2, 1, Some(0))]);
    assert_eq!(order.released(), lengths.iter().sum::<usize>() as u64);
    assert!(released[1].probe.is_short && !released[2].probe.is_short);
}

proptest! {
    #[test]
    fn every_message_is_released_once_and_in_order_whatever_the_cuts(
        cuts in prop::collection::btree_set(1usize..LENGTH * 10, 0..30),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let bytes = stream(10);
        let mut edges: Vec<usize> = cuts.into_iter().collect();
        edges.insert(0, 0);
        edges.push(bytes.len());
        let mut parts: Vec<_> = edges.windows(2).map(|w| w[0]..w[1]).collect();
        let mut order = Order::new(LENGTH);
        let (mut released, mut now) = (Vec::new(), 0);
        for pick in shuffle.iter().chain(shuffle.iter()) {
            if parts.is_empty() { break }
            let part = parts.swap_remove(pick.index(parts.len()));
            now += 1;
            released.extend(insert(&mut order, now, part.start, &bytes[part]));
        }
        prop_assert!(parts.is_empty());
        let ids: Vec<_> = released.iter().map(|d| d.probe.id.seq).collect();
        prop_assert_eq!(ids, (0..10).collect::<Vec<_>>());
        for delivery in &released {
            let waited = delivery.arrived < delivery.released;
            prop_assert_eq!(waited, delivery.blocker.is_some());
        }
    }
}
