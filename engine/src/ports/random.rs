//! The port to randomness.

use std::fmt;

/// Where the engine gets its random bits from: the ids of events and batches, and nothing that decides.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// 128 random bits.
    fn bits(&self) -> u128;
}

/// The generator of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn bits(&self) -> u128 {
        rand::random()
    }
}
