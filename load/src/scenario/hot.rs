//! How many reservations a second one hot event takes, or many at the same time.
//!
//! A closed loop: each connection asks for seats that nobody had before, waits for the answer, asks again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use super::{pause_after, run_all, seconds};
use crate::api::{Api, ApiError, House, NewEvent, outcome};
use crate::http::Target;
use crate::progress::Progress;
use crate::report::Report;
use crate::stats::{Outcome, Recorder};
use crate::supply::Supply;

/// The options of `load hot`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many connections ask at once.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,
    /// How long to measure, in seconds.
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) duration_s: Duration,
    /// How long to load the server before it counts, in seconds.
    #[arg(long, default_value = "2", value_parser = seconds)]
    pub(crate) warmup_s: Duration,
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub(crate) seats_per_reservation: u32,
    /// How many events to create: when one is sold out, the next becomes the hot one, unless `--spread`.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) events: u32,
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    pub(crate) seats_per_event: u32,
    /// Sell only so much of each event.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) sell_percent: u32,
    /// Sell all events at the same time.
    #[arg(long)]
    pub(crate) spread: bool,
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let event = NewEvent {
        name: "Hot event".to_owned(),
        seats: options.seats_per_event,
        hold_ttl_s: 3600,
        house: House::Rows,
    };
    let mut supply = Supply::create(&target, options.events, event, options.seats_per_reservation).await?;
    supply.limit(options.sell_percent);
    let supply = Arc::new(if options.spread { supply.in_turn() } else { supply });
    let recorder = Arc::new(Recorder::new(Instant::now() + options.warmup_s));
    let end = recorder.start() + options.duration_s;

    let told = Arc::new(AtomicU64::new(0));
    let progress = Progress::show(&recorder, options.warmup_s + options.duration_s);
    run_all((0..options.connections).map(|_| {
        buyer(Api::new(&target), Arc::clone(&supply), Arc::clone(&recorder), Arc::clone(&told), end)
    }))
    .await;
    drop(progress);

    let mut report = Report::new("hot", recorder.summary());
    report.fact("events at once", if options.spread { options.events } else { 1 });
    let rate = report.summary.all.done_per_s;
    report.fact("reservations/s", rate);
    report.fact("seats/s", rate * f64::from(options.seats_per_reservation));
    report.fact("reservations in all", told.load(Ordering::Relaxed));
    if supply.is_used_up() {
        report.fact("ended early", "all was sold before the time was over: give more --events");
    }
    report.check_some_done();
    report.check_no_failures();
    let refused = report.summary.all.refused;
    report.check("free seats are never refused", refused == 0, format!("{refused} refused"));
    Ok(report)
}

/// `told` counts the reservations that the server told of, in the warm-up too: there must be as many in its
/// store.
async fn buyer(
    mut api: Api,
    supply: Arc<Supply>,
    recorder: Arc<Recorder>,
    told: Arc<AtomicU64>,
    end: Instant,
) {
    while Instant::now() < end {
        let Some((event, seats)) = supply.draw() else { break };
        let begin = Instant::now();
        let outcome = outcome(&api.reserve(event, seats).await, 201);
        told.fetch_add(u64::from(outcome == Outcome::Done), Ordering::Relaxed);
        recorder.note("reserve", begin, outcome.clone());
        pause_after(&outcome).await;
    }
}
