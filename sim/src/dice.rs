//! Chance from a seed, by purpose: what one client rolls does not change when another one, or a fault, is
//! left out of the run. That is what makes a run shrink.

use std::ops::Range;
use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Dice {
    /// The dice of a seed for a purpose, such as `client` 3.
    pub fn new(seed: u64, purpose: &str, index: usize) -> Self {
        let named =
            purpose.bytes().fold(mix(seed), |state, byte| mix(state ^ u64::from(byte).wrapping_mul(GAMMA)));
        Self(mix(named ^ (index as u64).wrapping_mul(GAMMA)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number of the range, which is not empty.
    pub fn number(&mut self, range: Range<usize>) -> usize {
        range.start + (self.bits() % (range.end - range.start) as u64) as usize
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.number(0..100) < percent
    }

    /// One of the choices.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.number(0..choices.len())]
    }

    /// A duration of whole milliseconds.
    pub fn millis(&mut self, range: Range<usize>) -> Duration {
        Duration::from_millis(self.number(range) as u64)
    }
}
