//! A map of bounded size.

use std::collections::{BTreeMap, VecDeque};

/// Number of entries kept. A forgotten source has its full rate again. A flood of forged sources costs only this
/// much memory.
pub(super) const CAPACITY: usize = 16_384;

/// A map that forgets its oldest entry when it is full.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    entries: BTreeMap<K, V>,
    oldest_first: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), oldest_first: VecDeque::new() }
    }
}

impl<K: Ord + Copy, V: Default> Recent<K, V> {
    /// The value of `key`, inserted as the default if it is not there.
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        if !self.entries.contains_key(&key) {
            if self.oldest_first.len() >= CAPACITY
                && let Some(oldest) = self.oldest_first.pop_front()
            {
                self.entries.remove(&oldest);
            }
            self.oldest_first.push_back(key);
        }
        self.entries.entry(key).or_default()
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::<usize, bool>::default();
        for key in 0..CAPACITY + 10 {
            *recent.entry(key) = true;
        }
        assert_eq!(recent.entries.len(), CAPACITY);
        assert!(!*recent.entry(0), "the oldest entry was forgotten");
        assert!(*recent.entry(CAPACITY + 9));
    }
}
