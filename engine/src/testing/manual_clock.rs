//! A clock that is moved by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::words::{Clock, Timestamp};

/// A clock that is moved by hand: for tests.
#[derive(Debug)]
pub struct ManualClock {
    first: Timestamp,
    moved_micros: AtomicI64,
    /// Since when it goes by itself.
    running_since: Option<Instant>,
}

impl ManualClock {
    /// A clock that stands at `now` until it is moved.
    pub fn new(now: Timestamp) -> Self {
        Self { first: now, moved_micros: AtomicI64::new(0), running_since: None }
    }

    /// A clock that also goes by itself, by tokio's time.
    pub fn running(now: Timestamp) -> Self {
        Self { running_since: Some(Instant::now()), ..Self::new(now) }
    }

    /// Moves the clock `seconds` ahead.
    pub fn advance_s(&self, seconds: u32) {
        self.moved_micros.fetch_add(i64::from(seconds) * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.first.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        let moved = Duration::from_micros(self.moved_micros.load(Ordering::SeqCst).unsigned_abs());
        moved + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
