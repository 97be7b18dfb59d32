//! The switches of chaos runs, by environment variables. Not in a released program.

use std::time::Duration;

use engine::{Clock, SystemClock, Timestamp};

/// `CHAOS_UNFENCED=1`: the database lets stale owners write.
pub fn unfenced() -> bool {
    std::env::var("CHAOS_UNFENCED").is_ok_and(|value| value == "1")
}

/// The machine's clock, off by `CHAOS_CLOCK_OFFSET_MS`.
pub struct OffsetClock {
    offset_micros: i64,
}

impl OffsetClock {
    /// A clock that is off by as much as the environment says.
    pub fn from_env() -> Self {
        let offset_ms: i64 =
            std::env::var("CHAOS_CLOCK_OFFSET_MS").ok().and_then(|value| value.parse().ok()).unwrap_or(0);
        Self { offset_micros: offset_ms * 1_000 }
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.offset_micros)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}
