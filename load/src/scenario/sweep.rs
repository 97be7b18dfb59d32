//! How much the server takes before it bends: an open loop whose rate rises step by step.
//!
//! The knee is the last step that kept up with what was offered and stayed quick.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::{pause_after, positive, run_all, seconds, sleep_until};
use crate::api::{Api, ApiError, House, NewEvent, outcome};
use crate::http::Target;
use crate::progress::Progress;
use crate::report::{Curve, Point, Report};
use crate::schedule::Arrivals;
use crate::stats::{Operation, Recorder, Summary};
use crate::supply::Supply;

const SEATS_PER_EVENT: u32 = 200_000;
const SEATS_PER_RESERVATION: u32 = 2;
/// Below this share of the offered rate the server did not keep up.
const KEPT_UP: f64 = 0.95;
/// More of a step than this share may not fail.
const MAY_FAIL: f64 = 0.01;

/// The options of `load sweep`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The first step's rate, in reservations a second.
    #[arg(long, default_value = "500", value_parser = positive)]
    pub(crate) from_rate: f64,
    /// The rate at which to stop if no knee was found.
    #[arg(long, default_value = "50000", value_parser = positive)]
    pub(crate) to_rate: f64,
    /// By how much each step is faster than the one before.
    #[arg(long, default_value = "1.4", value_parser = factor)]
    pub(crate) factor: f64,
    #[arg(long, default_value = "4", value_parser = seconds)]
    pub(crate) step_s: Duration,
    /// A step with a higher p99 is past the knee, in milliseconds.
    #[arg(long, default_value = "250", value_parser = positive)]
    pub(crate) p99_limit_ms: f64,
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,
}

struct Step {
    rate: f64,
    summary: Summary,
}

impl Step {
    fn all(&self) -> &Operation {
        &self.summary.all
    }

    fn is_good(&self, p99_limit_ms: f64) -> bool {
        let all = self.all();
        let requests = (all.done + all.refused + all.failed) as f64;
        all.done_per_s >= self.rate * KEPT_UP
            && all.p99_ms <= p99_limit_ms
            && all.failed as f64 <= requests * MAY_FAIL
    }

    fn point(&self) -> Point {
        let all = self.all();
        let per_s = |count: u64| count as f64 / self.summary.duration_s.max(0.001);
        Point {
            at: self.rate,
            done_per_s: all.done_per_s,
            refused_per_s: per_s(all.refused),
            failed_per_s: per_s(all.failed),
            p50_ms: all.p50_ms,
            p99_ms: all.p99_ms,
        }
    }
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let mut supply = Arc::new(new_supply(&target, 0).await?);
    let mut steps: Vec<Step> = Vec::new();
    let mut rate = options.from_rate;
    while rate <= options.to_rate {
        let step = step(&target, &mut supply, rate, &options).await?;
        let good = step.is_good(options.p99_limit_ms);
        steps.push(step);
        if !good {
            break;
        }
        rate *= options.factor;
    }
    Ok(report(&steps, options.p99_limit_ms))
}

fn report(steps: &[Step], p99_limit_ms: f64) -> Report {
    let knee = steps.iter().rev().find(|step| step.is_good(p99_limit_ms));
    let empty = || Recorder::new(Instant::now()).summary();
    let shown = knee.or(steps.last()).map_or_else(empty, |step| step.summary.clone());
    let mut report = Report::new("sweep", shown);
    report.curve = Curve { over: "offered reservations/s", points: steps.iter().map(Step::point).collect() };
    for step in steps {
        let all = step.all();
        report.fact(
            if step.is_good(p99_limit_ms) { "step" } else { "step past the knee" },
            json!({"offered_per_s": step.rate.round(), "done_per_s": all.done_per_s.round(), "p50_ms": all.p50_ms,
                "p99_ms": all.p99_ms, "failed": all.failed}),
        );
    }
    match knee {
        Some(knee) => report.fact("knee, reservations/s", knee.rate.round()),
        None => report.fact("knee, reservations/s", "below the first step"),
    }
    report.check("the first step held", knee.is_some(), format!("p99 limit {p99_limit_ms} ms"));
    report
}

async fn step(
    target: &Arc<Target>,
    supply: &mut Arc<Supply>,
    rate: f64,
    options: &Options,
) -> Result<Step, ApiError> {
    let needed = Arrivals::new(Instant::now(), rate, options.step_s).count();
    if !supply.has(needed) {
        *supply = Arc::new(new_supply(target, needed).await?);
    }
    let start = Instant::now() + Duration::from_millis(200);
    let arrivals = Arc::new(Arrivals::new(start, rate, options.step_s));
    let recorder = Arc::new(Recorder::new(start));
    let progress = Progress::show(&recorder, options.step_s);
    run_all((0..options.connections).map(|_| {
        reserve(Api::new(target), Arc::clone(supply), Arc::clone(&arrivals), Arc::clone(&recorder))
    }))
    .await;
    drop(progress);
    Ok(Step { rate, summary: recorder.summary() })
}

async fn reserve(mut api: Api, supply: Arc<Supply>, arrivals: Arc<Arrivals>, recorder: Arc<Recorder>) {
    if api.connect().await.is_err() {
        // The first request will meet the same and be counted as failed.
        tokio::task::yield_now().await;
    }
    while let Some(due) = arrivals.draw() {
        sleep_until(due).await;
        let Some((event, seats)) = supply.draw() else { break };
        let outcome = outcome(&api.reserve(event, seats).await, 201);
        recorder.note("reserve", due, outcome.clone());
        pause_after(&outcome).await;
    }
}

/// Enough for this many reservations, and for some steps more.
async fn new_supply(target: &Arc<Target>, needed: u64) -> Result<Supply, ApiError> {
    let per_event = u64::from(SEATS_PER_EVENT / SEATS_PER_RESERVATION);
    let events = u32::try_from(needed.div_ceil(per_event) + 1).unwrap_or(u32::MAX);
    let event =
        NewEvent { name: "Sweep".to_owned(), seats: SEATS_PER_EVENT, hold_ttl_s: 3600, house: House::Rows };
    Supply::create(target, events, event, SEATS_PER_RESERVATION).await
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (1.01..=10.0).contains(&number) => Ok(number),
        _ => Err("not a number from 1.01 to 10".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Outcome;

    #[test]
    fn a_step_is_good_only_if_it_kept_up_and_was_quick() {
        let start = Instant::now() - Duration::from_secs(1);
        let recorder = Recorder::new(start);
        // The only request took the whole second: one a second, with a p99 of about 1000 ms.
        recorder.note("reserve", start, Outcome::Done);
        let step = |rate| Step { rate, summary: recorder.summary() };
        assert!(step(0.9).is_good(2000.0));
        assert!(!step(0.9).is_good(500.0), "too slow");
        assert!(!step(2.0).is_good(2000.0), "did not keep up");
        let report = report(&[step(0.9), step(2.0)], 2000.0);
        assert!(report.passed());
        assert!(report.to_text().contains("step past the knee"));
        assert_eq!(report.curve.points.len(), 2);
    }
}
