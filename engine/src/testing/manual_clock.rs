//! A clock that is moved by hand.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::words::{Clock, Timestamp};

/// A clock that stands until it is moved: for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves the clock `seconds` ahead.
    pub fn advance_s(&self, seconds: u32) {
        self.advance_micros(i64::from(seconds) * 1_000_000);
    }

    /// Moves the clock `micros` microseconds ahead.
    pub fn advance_micros(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
