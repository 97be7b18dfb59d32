//! What was measured: counts and latencies, for each operation and for each second.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

/// An hour. No request is given that long.
const MAX_LATENCY_US: u128 = 3_600_000_000;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// The rules refused it (409): a normal answer.
    Refused,
    /// It was not answered, or not as it should have been. The text says how, to count by.
    Failed(String),
}

/// Collects from all workers of a run.
#[derive(Debug)]
pub(crate) struct Recorder {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: Option<Instant>,
    last_decision: Option<Instant>,
    longest_silence: Duration,
    operations: Vec<(&'static str, Tally)>,
    seconds: Vec<Tally>,
    failures: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Tally {
    done: u64,
    refused: u64,
    failed: u64,
    latency_us: Histogram<u32>,
}

/// The numbers of one operation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) done: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) done_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// One second of a run, all operations together.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Second {
    pub(crate) second: usize,
    pub(crate) done: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// All numbers of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) duration_s: f64,
    /// The longest time in which nothing was done and nothing refused, to nobody.
    pub(crate) longest_silence_s: f64,
    pub(crate) operations: Vec<Operation>,
    pub(crate) all: Operation,
    pub(crate) failures: BTreeMap<String, u64>,
    pub(crate) seconds: Vec<Second>,
}

impl Recorder {
    /// Requests that were due before `start` are the warm-up, and are not counted.
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, inner: Mutex::default() }
    }

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Notes that a request, due at `begin`, has just ended.
    pub(crate) fn note(&self, operation: &'static str, begin: Instant, outcome: Outcome) {
        self.note_at(operation, begin, Instant::now(), outcome);
    }

    fn note_at(&self, operation: &'static str, begin: Instant, end: Instant, outcome: Outcome) {
        if begin < self.start {
            return;
        }
        let latency_us = (end - begin).as_micros().min(MAX_LATENCY_US) as u64;
        let second = (end - self.start).as_secs() as usize;
        let mut inner = self.lock();
        inner.last = inner.last.max(Some(end));
        if !matches!(outcome, Outcome::Failed(_)) {
            let before = inner.last_decision.unwrap_or(self.start);
            inner.longest_silence = inner.longest_silence.max(end.saturating_duration_since(before));
            inner.last_decision = Some(before.max(end));
        }
        if inner.seconds.len() <= second {
            inner.seconds.resize_with(second + 1, Tally::new);
        }
        inner.seconds[second].add(latency_us, &outcome);
        inner.operation(operation).add(latency_us, &outcome);
        if let Outcome::Failed(kind) = outcome {
            *inner.failures.entry(kind).or_default() += 1;
        }
    }

    /// How many requests have ended so far, as done, refused, failed.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let inner = self.lock();
        inner.operations.iter().fold((0, 0, 0), |(done, refused, failed), (_, tally)| {
            (done + tally.done, refused + tally.refused, failed + tally.failed)
        })
    }

    /// Rates are over the time from the start to the last answer.
    pub(crate) fn summary(&self) -> Summary {
        let inner = self.lock();
        let duration = inner.last.map_or(Duration::ZERO, |last| last - self.start);
        let mut all = Tally::new();
        for (_, tally) in &inner.operations {
            all.merge(tally);
        }
        Summary {
            duration_s: duration.as_secs_f64(),
            longest_silence_s: inner.longest_silence.as_secs_f64(),
            operations: inner
                .operations
                .iter()
                .map(|(name, tally)| tally.operation(name, duration))
                .collect(),
            all: all.operation("all", duration),
            failures: inner.failures.clone(),
            seconds: inner.seconds.iter().enumerate().map(|(second, tally)| tally.second(second)).collect(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A worker that panicked left counts behind, and they are still true.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Summary {
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

impl Inner {
    fn operation(&mut self, name: &'static str) -> &mut Tally {
        // A handful of operations: a search is quicker than a map.
        let index = self.operations.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.operations.push((name, Tally::new()));
            self.operations.len() - 1
        });
        &mut self.operations[index].1
    }
}

impl Tally {
    fn new() -> Self {
        // Three digits are always a valid precision.
        let latency_us = Histogram::new(3).expect("three significant digits are allowed");
        Self { done: 0, refused: 0, failed: 0, latency_us }
    }

    fn add(&mut self, latency_us: u64, outcome: &Outcome) {
        match outcome {
            Outcome::Done => self.done += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
        // The histogram grows by itself, so there is always room.
        self.latency_us.record(latency_us).expect("an auto-resizing histogram takes any value");
    }

    fn merge(&mut self, other: &Self) {
        self.done += other.done;
        self.refused += other.refused;
        self.failed += other.failed;
        // The histogram grows by itself, so there is always room.
        self.latency_us.add(&other.latency_us).expect("an auto-resizing histogram takes any value");
    }

    fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1000.0
    }

    fn operation(&self, name: &str, duration: Duration) -> Operation {
        Operation {
            name: name.to_owned(),
            done: self.done,
            refused: self.refused,
            failed: self.failed,
            done_per_s: if duration.is_zero() { 0.0 } else { self.done as f64 / duration.as_secs_f64() },
            p50_ms: self.quantile_ms(0.5),
            p90_ms: self.quantile_ms(0.9),
            p95_ms: self.quantile_ms(0.95),
            p99_ms: self.quantile_ms(0.99),
            max_ms: self.latency_us.max() as f64 / 1000.0,
        }
    }

    fn second(&self, second: usize) -> Second {
        Second {
            second,
            done: self.done,
            refused: self.refused,
            failed: self.failed,
            p50_ms: self.quantile_ms(0.5),
            p99_ms: self.quantile_ms(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_rates_and_seconds_are_right() {
        let start = Instant::now();
        let recorder = Recorder::new(start);
        let ms = Duration::from_millis;
        // 1 ms to 100 ms, one each 20 ms: the last ends after 1980 + 100 ms.
        for number in 0..100 {
            let begin = start + ms(number * 20);
            recorder.note_at("reserve", begin, begin + ms(number + 1), Outcome::Done);
        }
        let summary = recorder.summary();
        let reserve = summary.operation("reserve").unwrap();
        assert_eq!((reserve.done, reserve.refused, reserve.failed), (100, 0, 0));
        for (measured, expected) in
            [(reserve.p50_ms, 50.0), (reserve.p90_ms, 90.0), (reserve.p99_ms, 99.0), (reserve.max_ms, 100.0)]
        {
            assert!((measured - expected).abs() / expected < 0.002, "{measured} is not {expected}");
        }
        assert!((summary.duration_s - 2.08).abs() < 1e-9);
        assert!((reserve.done_per_s - 100.0 / 2.08).abs() < 1e-9);
        assert_eq!(summary.seconds.iter().map(|second| second.done).sum::<u64>(), 100);
        assert_eq!(summary.seconds.len(), 3);
    }

    #[test]
    fn the_longest_silence_lies_between_decisions() {
        let start = Instant::now();
        let recorder = Recorder::new(start);
        let ms = Duration::from_millis;
        for (at, outcome) in [
            (100, Outcome::Done),
            (400, Outcome::Failed("503".to_owned())),
            (900, Outcome::Refused),
            (800, Outcome::Done),
            (1000, Outcome::Done),
        ] {
            recorder.note_at("reserve", start, start + ms(at), outcome);
        }
        assert_eq!(recorder.summary().longest_silence_s, 0.8);
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let start = Instant::now() + Duration::from_secs(1);
        let recorder = Recorder::new(start);
        recorder.note_at("reserve", start - Duration::from_millis(1), start, Outcome::Done);
        assert_eq!(recorder.counts(), (0, 0, 0));
        assert_eq!(recorder.summary().duration_s, 0.0);
    }

    #[test]
    fn outcomes_are_told_apart() {
        let start = Instant::now();
        let recorder = Recorder::new(start);
        recorder.note("reserve", start, Outcome::Refused);
        recorder.note("confirm", start, Outcome::Failed("503".to_owned()));
        recorder.note("confirm", start, Outcome::Failed("503".to_owned()));
        assert_eq!(recorder.counts(), (0, 1, 2));
        let summary = recorder.summary();
        assert_eq!(summary.failures, BTreeMap::from([("503".to_owned(), 2)]));
        assert_eq!(summary.all.refused + summary.all.failed, 3);
    }
}
