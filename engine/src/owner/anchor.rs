//! The time that an owner goes by.

use std::time::Duration;

use crate::words::Timestamp;

/// A moment at which the time by the store's clock was known. From then on time goes by the node's
/// monotonic clock: whatever the clocks of nodes do, a hold lasts as long as was promised, for one owner as
/// for the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    /// By the store's clock.
    pub(crate) wall: Timestamp,
    /// By the node's.
    pub(crate) monotonic: Duration,
}

impl Anchor {
    /// The time by the store's clock, as far as is known.
    pub(crate) fn at(&self, monotonic: Duration) -> Timestamp {
        match monotonic.checked_sub(self.monotonic) {
            Some(since) => self.wall.plus(since),
            None => self.wall.minus(self.monotonic - monotonic),
        }
    }
}
