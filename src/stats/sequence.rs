//! What arrived of a numbered sequence, and in which order (RFC 4737).

/// How far back is looked: in numbers below the highest that has arrived.
pub const WINDOW: u64 = 64;

/// Takes in numbers in the order in which they arrive. Its size does not depend on how many.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// Different numbers that have arrived.
    arrived: u64,
    highest: u64,
    /// Bit `k`: the number `k` below the highest has arrived.
    seen: u64,
    /// Bit `k`: and when it did, it was the highest.
    records: u64,
    /// Of those, which arrival it was, by the number's last bits.
    places: [u64; WINDOW as usize],
}

/// What is to be said of a number that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Different numbers that have arrived, this one counted.
    pub count: u64,
    /// How late it is, in arrivals since the first of those that overtook it (RFC 4737 section 4.2.1: reordered
    /// is what is below the next number expected, by this extent). 0: in order. Beyond [`WINDOW`] it is at least
    /// so much.
    pub extent: u64,
    /// Bit `k`: the number `k` below this one has arrived.
    pub window: u64,
    /// It was here before, as far as that is remembered.
    pub duplicate: bool,
}

impl Default for Sequence {
    fn default() -> Self {
        Self { arrived: 0, highest: 0, seen: 0, records: 0, places: [0; WINDOW as usize] }
    }
}

impl Sequence {
    /// `number` arrives.
    pub fn note(&mut self, number: u64) -> Arrival {
        if self.arrived == 0 || number > self.highest {
            return self.note_highest(number);
        }
        let below = self.highest - number;
        let bit = if below < WINDOW { 1 << below } else { 0 };
        let window = if below < WINDOW { (self.seen | bit) >> below } else { 1 };
        if self.seen & bit != 0 {
            return Arrival { count: self.arrived, extent: 0, window, duplicate: true };
        }
        self.seen |= bit;
        self.arrived += 1;
        // The first that overtook it is the lowest record above it.
        let above = if below < WINDOW { self.records & (bit - 1) } else { self.records };
        let record = self.highest - u64::from(above.checked_ilog2().unwrap_or(0));
        let extent = self.arrived - self.places[(record % WINDOW) as usize];
        Arrival { count: self.arrived, extent, window, duplicate: false }
    }

    fn note_highest(&mut self, number: u64) -> Arrival {
        let shift = u32::try_from(number - self.highest).unwrap_or(u32::MAX);
        self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
        self.records = self.records.checked_shl(shift).unwrap_or(0) | 1;
        self.highest = number;
        self.arrived += 1;
        self.places[(number % WINDOW) as usize] = self.arrived;
        Arrival { count: self.arrived, extent: 0, window: self.seen, duplicate: false }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn the_window_tells_who_is_missing() {
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
}
