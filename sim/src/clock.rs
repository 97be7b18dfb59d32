//! The clocks of the nodes and of the store: they drift, and jump.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Clock, Timestamp};
use tokio::time::Instant;

/// The time at which every run begins: 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A clock.
#[derive(Debug)]
pub struct NodeClock {
    began: Instant,
    offset_us: AtomicI64,
    drift_ppm: i64,
}

impl NodeClock {
    /// A clock that is `offset_ms` ahead and gains `drift_ppm` microseconds a second.
    pub fn new(began: Instant, offset_ms: i64, drift_ppm: i64) -> Self {
        Self { began, offset_us: AtomicI64::new(offset_ms * 1_000), drift_ppm }
    }

    /// Moves the clock, ahead or back.
    pub fn jump(&self, millis: i64) {
        self.offset_us.fetch_add(millis * 1_000, Ordering::SeqCst);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let elapsed_us = self.began.elapsed().as_micros() as i64;
        let drift_us = elapsed_us * self.drift_ppm / 1_000_000;
        let offset_us = self.offset_us.load(Ordering::SeqCst);
        Timestamp::from_micros(START.as_micros() + elapsed_us + drift_us + offset_us)
    }

    /// It drifts with the rest, and does not jump.
    fn monotonic(&self) -> Duration {
        let elapsed_us = self.began.elapsed().as_micros() as i64;
        Duration::from_micros((elapsed_us + elapsed_us * self.drift_ppm / 1_000_000).unsigned_abs())
    }
}
