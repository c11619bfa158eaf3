//! The replay window (RFC 4303 section 3.4.3, with the ring of RFC 6479).

/// Counters that may arrive late, behind the highest one. A round trip's worth of packets at a few thousand a second.
const WINDOW: u64 = 1024;
const WORD: u64 = u64::BITS as u64;
const WORDS: u64 = WINDOW / WORD;

/// Which counters of a sender have been received.
#[derive(Debug, Default)]
pub(super) struct ReplayWindow {
    highest: Option<u64>,
    /// A bit for each of the last counters: bit `counter % WINDOW`.
    seen: [u64; WORDS as usize],
}

impl ReplayWindow {
    /// Takes note of `counter`. Returns `false` if it was received before or is too old to tell.
    pub(super) fn accept(&mut self, counter: u64) -> bool {
        match self.highest {
            Some(highest) if counter <= highest => {
                if highest - counter >= WINDOW {
                    return false;
                }
            }
            highest => {
                self.advance(highest, counter);
                self.highest = Some(counter);
            }
        }
        let (word, bit) = position(counter);
        let fresh = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        fresh
    }

    /// The highest counter received.
    pub(super) fn highest(&self) -> u64 {
        self.highest.unwrap_or(0)
    }

    /// Clears the bits of the counters that come into the window.
    fn advance(&mut self, from: Option<u64>, to: u64) {
        let Some(from) = from.filter(|from| to - from < WINDOW) else {
            self.seen.fill(0);
            return;
        };
        for counter in from + 1..=to {
            let (word, bit) = position(counter);
            self.seen[word] &= !bit;
        }
    }
}

fn position(counter: u64) -> (usize, u64) {
    let index = counter % WINDOW;
    ((index / WORD) as usize, 1 << (index % WORD))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn late_counters_are_accepted_once_and_only_within_the_window() {
        let mut window = ReplayWindow::default();
        assert!(window.accept(5000) && !window.accept(5000));
        assert!(window.accept(5000 - (WINDOW - 1)), "the oldest in the window");
        assert!(!window.accept(5000 - WINDOW), "older than the window");
        assert!(window.accept(u64::MAX) && !window.accept(u64::MAX) && !window.accept(5000));
    }

    proptest! {
        #[test]
        fn accepts_what_a_set_of_all_counters_accepts(
            steps in prop::collection::vec(prop_oneof![0u64..40, 900u64..1200, 0u64..100_000], 1..200),
            back in any::<bool>(),
        ) {
            let (mut window, mut all) = (ReplayWindow::default(), BTreeSet::new());
            let mut at = 10_000u64;
            for step in steps {
                at = if back && step % 2 == 1 { at.saturating_sub(step) } else { at + step };
                let highest = all.last().copied();
                let in_window = highest.is_none_or(|highest| at > highest || highest - at < WINDOW);
                let expected = in_window && !all.contains(&at);
                prop_assert_eq!(window.accept(at), expected, "counter {}", at);
                if in_window { all.insert(at); }
            }
        }
    }
}
