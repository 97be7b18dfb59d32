//! Which counted places are free: a set of numbers that finds its next one in a few steps, however many are
//! taken before it.

const BITS: usize = u64::BITS as usize;

/// A set of seat numbers: a bit each, and above them a bit for each word that has one.
#[derive(Debug, Clone)]
pub(super) struct FreePlaces {
    /// From the numbers themselves up to a single word.
    levels: Vec<Vec<u64>>,
}

impl FreePlaces {
    /// The indices for which this is so.
    pub(super) fn new(is_free: impl ExactSizeIterator<Item = bool>) -> Self {
        let mut words = vec![0; is_free.len().div_ceil(BITS).max(1)];
        for (index, _) in is_free.enumerate().filter(|(_, is_free)| *is_free) {
            words[index / BITS] |= 1 << (index % BITS);
        }
        let mut levels = vec![words];
        while let Some(below) = levels.last().filter(|words| words.len() > 1) {
            let mut words = vec![0_u64; below.len().div_ceil(BITS)];
            for (index, _) in below.iter().enumerate().filter(|(_, word)| **word != 0) {
                words[index / BITS] |= 1 << (index % BITS);
            }
            levels.push(words);
        }
        Self { levels }
    }

    pub(super) fn insert(&mut self, mut index: usize) {
        for words in &mut self.levels {
            words[index / BITS] |= 1 << (index % BITS);
            index /= BITS;
        }
    }

    pub(super) fn remove(&mut self, mut index: usize) {
        for words in &mut self.levels {
            words[index / BITS] &= !(1 << (index % BITS));
            if words[index / BITS] != 0 {
                return;
            }
            index /= BITS;
        }
    }

    /// The first one at `from` or behind it.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let mut index = from;
        // Up to the first level that has one behind this place, and down again to the first of it.
        for (level, words) in self.levels.iter().enumerate() {
            let word = words.get(index / BITS)? & (u64::MAX << (index % BITS));
            if word != 0 {
                let found = index / BITS * BITS + word.trailing_zeros() as usize;
                return Some(
                    self.levels[..level]
                        .iter()
                        .rev()
                        .fold(found, |index, words| index * BITS + words[index].trailing_zeros() as usize),
                );
            }
            index = index / BITS + 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            size in 1_usize..10_000,
            orders in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..200),
        ) {
            let mut set: BTreeSet<usize> = (0..size).step_by(7).collect();
            let mut free = FreePlaces::new((0..size).map(|index| index % 7 == 0));
            for (add, index) in orders {
                let index = index.index(size);
                if add {
                    set.insert(index);
                    free.insert(index);
                } else {
                    set.remove(&index);
                    free.remove(index);
                }
                prop_assert_eq!(free.next(index), set.range(index..).next().copied());
                prop_assert_eq!(free.next(0), set.first().copied());
            }
            prop_assert_eq!(free.next(size), None);
        }
    }
}
