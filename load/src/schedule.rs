//! When requests are due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Arrivals at a fixed rate, for an open loop.
///
/// Workers draw from it together. Each arrival has its intended time whether or not the workers keep up,
/// and its latency counts from that time: a server that stalls cannot hide the requests that waited
/// (coordinated omission). The timer adds up to one millisecond.
#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    rate_per_s: f64,
    count: u64,
    next: AtomicU64,
}

impl Arrivals {
    pub(crate) fn new(start: Instant, rate_per_s: f64, duration: Duration) -> Self {
        let count = (rate_per_s * duration.as_secs_f64()).round() as u64;
        Self { start, rate_per_s, count, next: AtomicU64::new(0) }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The next arrival's intended time; `None` after the last.
    pub(crate) fn draw(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.count).then(|| self.start + Duration::from_secs_f64(number as f64 / self.rate_per_s))
    }
}

/// How many virtual users run: from none up to all, a while with all, and down to none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) users: u32,
    pub(crate) up: Duration,
    pub(crate) hold: Duration,
    pub(crate) down: Duration,
}

impl Ramp {
    pub(crate) fn duration(&self) -> Duration {
        self.up + self.hold + self.down
    }

    /// When a user (counted from 0) starts and when it stops, both after the beginning.
    /// The first to come is the last to go.
    pub(crate) fn shift(&self, user: u32) -> (Duration, Duration) {
        let share = f64::from(user) / f64::from(self.users.max(1));
        (self.up.mul_f64(share), self.duration() - self.down.mul_f64(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_keep_their_rate_whoever_draws() {
        let start = Instant::now();
        let arrivals = Arrivals::new(start, 200.0, Duration::from_millis(100));
        let due: Vec<_> = std::iter::from_fn(|| arrivals.draw()).map(|at| at - start).collect();
        assert_eq!(arrivals.count(), 20);
        assert_eq!(due.len(), 20);
        for (number, at) in due.iter().enumerate() {
            assert_eq!(at.as_micros(), number as u128 * 5000);
        }
        assert_eq!(arrivals.draw(), None);
    }

    #[test]
    fn the_ramp_goes_up_holds_and_comes_down() {
        let s = Duration::from_secs;
        let ramp = Ramp { users: 100, up: s(30), hold: s(60), down: s(30) };
        let running =
            |at: Duration| (0..100).map(|u| ramp.shift(u)).filter(|(a, b)| *a <= at && at < *b).count();
        for (at, expected) in [(0, 1), (15, 51), (30, 100), (60, 100), (89, 100), (105, 50), (120, 0)] {
            assert_eq!(running(s(at)), expected, "after {at} s");
        }
    }
}
