//! The same as `load/k6/reservation_test.js`, for where k6 is not at hand.
//!
//! 100 virtual users come over 30 s, stay 60 s, and leave over 30 s. Each lists the events, lists the
//! seats of the newest, reserves the first one that is free, and thinks for a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;

use super::{positive, run_all, sleep_until};
use crate::api::{Api, ApiError, HasId, House, NewEvent, outcome, read};
use crate::http::Target;
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Ramp;
use crate::stats::Recorder;

const USERS: u32 = 100;
const P95_LIMIT_MS: f64 = 500.0;
const ERROR_LIMIT: f64 = 0.01;

/// The options of `load k6`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Multiplies the 30 s, 60 s and 30 s: 0.1 makes a run of 12 s.
    #[arg(long, default_value = "1", value_parser = positive)]
    pub(crate) time_scale: f64,
    /// How long a user thinks between two rounds, in seconds. Not scaled.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) think_s: f64,
    /// How many seats the event has.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) seats: u32,
}

#[derive(Deserialize)]
struct Seat {
    id: String,
    status: String,
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let new = NewEvent { name: "k6".to_owned(), seats: options.seats, hold_ttl_s: 3600, house: House::Rows };
    Api::new(&target).create_event(&new).await?;
    let scaled = |seconds: f64| Duration::from_secs_f64(seconds * options.time_scale);
    let ramp = Ramp { users: USERS, up: scaled(30.0), hold: scaled(60.0), down: scaled(30.0) };
    let recorder = Arc::new(Recorder::new(Instant::now()));

    let progress = Progress::show(&recorder, ramp.duration());
    let think = Duration::try_from_secs_f64(options.think_s).unwrap_or_default();
    run_all((0..USERS).map(|user| virtual_user(Api::new(&target), Arc::clone(&recorder), ramp, user, think)))
        .await;
    drop(progress);

    let mut report = Report::new("k6", recorder.summary());
    judge(&mut report);
    Ok(report)
}

fn judge(report: &mut Report) {
    let all = report.summary.all.clone();
    let requests = all.done + all.refused + all.failed;
    let errors = all.failed as f64 / (requests as f64).max(1.0);
    report.fact("virtual users", USERS);
    report.check_some_done();
    report.check("p95 below 500 ms", all.p95_ms < P95_LIMIT_MS, format!("{:.1} ms", all.p95_ms));
    report.check(
        "errors below 1 %",
        errors < ERROR_LIMIT,
        format!("{} of {requests}; a seat that is taken (409) is no error", all.failed),
    );
}

async fn virtual_user(mut api: Api, recorder: Arc<Recorder>, ramp: Ramp, user: u32, think: Duration) {
    let (from, to) = ramp.shift(user);
    let (from, to) = (recorder.start() + from, recorder.start() + to);
    sleep_until(from).await;
    while Instant::now() < to {
        round(&mut api, &recorder).await;
        sleep_until((Instant::now() + think).min(to)).await;
        // Without a time to think, the others must get their turn all the same.
        tokio::task::yield_now().await;
    }
}

/// `None` where a step has nothing to go on with.
async fn round(api: &mut Api, recorder: &Recorder) -> Option<()> {
    let begin = Instant::now();
    let answer = api.events().await;
    recorder.note("list events", begin, outcome(&answer, 200));
    let events: Vec<HasId> = read("GET /events", &answer.ok()?, 200).ok()?;
    let event = &events.first()?.id;

    let begin = Instant::now();
    let answer = api.seats(event, "", None, false).await;
    recorder.note("list seats", begin, outcome(&answer, 200));
    let seats: Vec<Seat> = read("GET /events/{id}/seats", &answer.ok()?, 200).ok()?;
    let free = seats.into_iter().find(|seat| seat.status == "available")?;

    let begin = Instant::now();
    let answer = api.reserve(event, &[&free.id]).await;
    recorder.note("reserve", begin, outcome(&answer, 201));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Outcome;

    fn verdict(outcomes: &[(Outcome, u32)], took: Duration) -> bool {
        let start = Instant::now() - took;
        let recorder = Recorder::new(start);
        for (outcome, times) in outcomes {
            for _ in 0..*times {
                recorder.note("reserve", start, outcome.clone());
            }
        }
        let mut report = Report::new("k6", recorder.summary());
        judge(&mut report);
        report.passed()
    }

    #[test]
    fn the_thresholds_hold() {
        let ms = Duration::from_millis;
        let failed = || Outcome::Failed("500".to_owned());
        assert!(verdict(&[(Outcome::Done, 200), (Outcome::Refused, 200), (failed(), 1)], ms(10)));
        assert!(!verdict(&[(Outcome::Done, 200), (failed(), 3)], ms(10)), "too many errors");
        assert!(!verdict(&[(Outcome::Done, 200)], ms(600)), "too slow");
        assert!(!verdict(&[(Outcome::Refused, 200)], ms(10)), "nothing was done");
    }
}
