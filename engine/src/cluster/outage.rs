//! What fails again and again is told once, then once a minute, and once more when it is over.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Something that works, or does not since some time.
pub(crate) struct Outage {
    what: &'static str,
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Outage {
    /// Of something that works; `what` is what to say once it does not.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, since: None, told: None }
    }

    pub(crate) fn note<T, E: Display>(&mut self, result: Result<T, E>) -> Option<T> {
        let now = Instant::now();
        match result {
            Ok(value) => {
                if let Some(lasted) = self.ends(now) {
                    tracing::info!(lasted_s = lasted.as_secs(), "over: {}", self.what);
                }
                Some(value)
            }
            Err(fault) => {
                if let Some(lasts) = self.lasts(now) {
                    tracing::warn!(%fault, lasts_s = lasts.as_secs(), "{}", self.what);
                }
                None
            }
        }
    }

    /// How long it has lasted, if it is time to tell.
    fn lasts(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        if self.told.is_some_and(|told| now - told < TOLD_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(now - since)
    }

    fn ends(&mut self, now: Instant) -> Option<Duration> {
        self.told = None;
        self.since.take().map(|since| now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_and_then_once_a_minute() {
        let mut outage = Outage::new("no heartbeat");
        let begin = Instant::now();
        let told: Vec<u64> = (0..300)
            .filter_map(|half_seconds| outage.lasts(begin + Duration::from_millis(half_seconds * 500)))
            .map(|lasted| lasted.as_secs())
            .collect();
        assert_eq!(told, [0, 60, 120]);
        assert_eq!(outage.ends(begin + Duration::from_secs(150)), Some(Duration::from_secs(150)));
        assert_eq!(outage.ends(begin + Duration::from_secs(151)), None);
        assert_eq!(outage.lasts(begin + Duration::from_secs(152)), Some(Duration::ZERO));
    }
}
