//! Arrivals and reordering of a numbered sequence (RFC 4737).

use proptest::prelude::*;
use wirelab::stats::Sequence;

fn extents(numbers: &[u64]) -> Vec<u64> {
    let mut sequence = Sequence::default();
    numbers.iter().map(|&number| sequence.note(number).extent).collect()
}

#[test]
fn the_example_of_rfc_4737_has_its_extents() {
    // Section 4.2.3 counts from 1: s = 1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11.
    let extents = extents(&[1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11]);
    assert_eq!(extents, [0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 0]);
}

#[test]
fn the_window_shows_which_numbers_are_missing() {
    let mut sequence = Sequence::default();
    for number in [0, 1, 3] {
        sequence.note(number);
    }
    assert_eq!(sequence.note(5).window, 0b11_0101);
    let late = sequence.note(4);
    assert_eq!((late.extent, late.window), (1, 0b1_1011));
    assert!(sequence.note(4).duplicate);
    assert_eq!(sequence.note(1000).window, 1, "nothing near it has arrived");
    assert_eq!(sequence.note(u64::MAX).count, 7);
    assert_eq!(sequence.note(2).count, 8);
}

proptest! {
    #[test]
    fn extents_are_those_of_the_definition(order in Just((0u64..60).collect::<Vec<_>>()).prop_shuffle()) {
        let seen = extents(&order);
        for (i, &number) in order.iter().enumerate() {
            let first = order[..i].iter().position(|&earlier| earlier > number);
            prop_assert_eq!(seen[i], first.map_or(0, |first| (i - first) as u64));
        }
    }

    #[test]
    fn any_numbers_are_taken(numbers: Vec<u64>) {
        let mut sequence = Sequence::default();
        for number in numbers {
            let arrival = sequence.note(number);
            prop_assert!(arrival.window & 1 == 1 && arrival.extent < arrival.count.max(1));
        }
    }
}
