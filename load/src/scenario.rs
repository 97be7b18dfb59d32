//! The kinds of load. Each file is one of them: its options, its loop, and what it checks.

pub(crate) mod browse;
pub(crate) mod cold;
pub(crate) mod hot;
pub(crate) mod k6;
pub(crate) mod onsale;
pub(crate) mod steady;
pub(crate) mod sweep;

use std::future::Future;
use std::time::{Duration, Instant};

use crate::stats::Outcome;

/// Runs all at once, to their end. A panic in one is a panic of the run.
pub(crate) async fn run_all<F>(workers: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut set = tokio::task::JoinSet::new();
    for worker in workers {
        set.spawn(worker);
    }
    set.join_all().await
}

/// A server that refuses connections must not be met with a busy loop.
pub(crate) async fn pause_after(outcome: &Outcome) {
    if matches!(outcome, Outcome::Failed(_)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn sleep_until(at: Instant) {
    if at > Instant::now() {
        tokio::time::sleep_until(at.into()).await;
    }
}

/// A positive number of seconds, of a size that makes sense, also a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 86_400.0 => Ok(Duration::from_secs_f64(number)),
        _ => Err("not a number of seconds above 0 and up to 86400".to_owned()),
    }
}

/// A positive number, such as a rate.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 10_000_000.0 => Ok(number),
        _ => Err("not a number above 0 and up to 10000000".to_owned()),
    }
}
