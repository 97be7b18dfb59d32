//! People who only look: seat maps, most of them seen before (`If-None-Match`), and counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use rand::Rng;

use super::{pause_after, run_all, seconds};
use crate::api::{Api, ApiError, House, NewEvent, Reservation, outcome, read};
use crate::http::Target;
use crate::progress::Progress;
use crate::report::Report;
use crate::stats::{Outcome, Recorder};

/// The options of `load browse`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) duration_s: Duration,
    /// How many seats the map has.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) seats: u32,
    /// Ask for seat maps in gzip.
    #[arg(long)]
    pub(crate) gzip: bool,
    /// How many of a hundred requests are for a seat map without `If-None-Match`.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) first_views_percent: u32,
    /// How many of a hundred requests are for the event with its counts. The others come with
    /// `If-None-Match`.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) counts_percent: u32,
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let mut api = Api::new(&target);
    let new = NewEvent {
        name: "Browsed event".to_owned(),
        seats: options.seats,
        hold_ttl_s: 3600,
        house: House::Rows,
    };
    let event: Arc<str> = api.create_event(&new).await?.into();
    // One sale, since an event that nothing was asked of is not in the server's memory.
    let seats = api.seat_ids(&event).await?;
    read::<Reservation>("POST /reservations", &api.reserve(&event, &seats[..1]).await?, 201)?;
    let recorder = Arc::new(Recorder::new(Instant::now()));
    let end = recorder.start() + options.duration_s;

    let progress = Progress::show(&recorder, options.duration_s);
    run_all(
        (0..options.connections).map(|_| {
            look(Api::new(&target), Arc::clone(&event), Arc::clone(&recorder), end, options.clone())
        }),
    )
    .await;
    drop(progress);

    let mut report = Report::new("browse", recorder.summary());
    report.fact("seats in the map", options.seats);
    report.check_some_done();
    report.check_no_failures();
    Ok(report)
}

async fn look(mut api: Api, event: Arc<str>, recorder: Arc<Recorder>, end: Instant, options: Options) {
    let mut etag: Option<String> = None;
    while Instant::now() < end {
        let dice = rand::rng().random_range(0..100);
        let begin = Instant::now();
        let outcome = if dice < options.counts_percent {
            let outcome = outcome(&api.event(&event).await, 200);
            recorder.note("event", begin, outcome.clone());
            outcome
        } else {
            let known = etag.take().filter(|_| dice >= options.counts_percent + options.first_views_percent);
            seat_map(&mut api, &event, &recorder, known, options.gzip, &mut etag).await
        };
        pause_after(&outcome).await;
    }
}

/// With a known tag the map is not sent again, unless a seat has changed meanwhile.
async fn seat_map(
    api: &mut Api,
    event: &str,
    recorder: &Recorder,
    known: Option<String>,
    gzip: bool,
    etag: &mut Option<String>,
) -> Outcome {
    let begin = Instant::now();
    let answer = api.seats(event, "", known.as_deref(), gzip).await;
    let unchanged = known.is_some() && matches!(&answer, Ok(response) if response.status == 304);
    let (operation, expected) = if unchanged { ("seat map, unchanged", 304) } else { ("seat map", 200) };
    let outcome = outcome(&answer, expected);
    *etag = match answer {
        Ok(response) => response.etag.or(known),
        Err(_) => known,
    };
    recorder.note(operation, begin, outcome.clone());
    outcome
}
