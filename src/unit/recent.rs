//! A map of bounded size.

use std::collections::{BTreeMap, VecDeque};

/// Number of entries kept. A flood of forged sources costs only this much memory.
pub(crate) const RECENT_CAPACITY: usize = 16_384;

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

impl<K: Ord + Copy, V> Recent<K, V> {
    /// The value of `key`, inserted as the default if it is not there.
    pub(crate) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if !self.entries.contains_key(&key) {
            self.make_room();
            self.oldest_first.push_back(key);
        }
        self.entries.entry(key).or_default()
    }

    /// Inserts `value`, and returns the value that was forgotten for it.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(known) = self.entries.get_mut(&key) {
            return Some(std::mem::replace(known, value));
        }
        let forgotten = self.make_room();
        self.oldest_first.push_back(key);
        self.entries.insert(key, value);
        forgotten
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    fn make_room(&mut self) -> Option<V> {
        if self.oldest_first.len() < RECENT_CAPACITY {
            return None;
        }
        self.entries.remove(&self.oldest_first.pop_front()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::<usize, bool>::default();
        for key in 0..RECENT_CAPACITY + 10 {
            *recent.entry(key) = true;
        }
        assert_eq!(recent.entries.len(), RECENT_CAPACITY);
        assert!(!*recent.entry(0), "the oldest entry was forgotten");
        assert!(*recent.entry(RECENT_CAPACITY + 9));
        assert_eq!(recent.insert(RECENT_CAPACITY + 10, true), Some(true), "another was forgotten for it");
    }
}
