//! A day of ordinary sales: an open loop at a fixed rate. Of the holds most are confirmed, some
//! are cancelled, and some run out. In the end every hold must have ended, and each as it should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use rand::Rng;

use super::{positive, run_all, seconds, sleep_until};
use crate::api::{Api, ApiError, House, NewEvent, Reservation, outcome, read};
use crate::http::Target;
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Arrivals;
use crate::stats::{Outcome, Recorder};
use crate::supply::Supply;

const SEATS_PER_EVENT: u32 = 200_000;
const SEATS_PER_RESERVATION: u32 = 2;

/// The options of `load steady`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// New customers a second. Each one reserves, and most of them then confirm or cancel.
    #[arg(long, default_value = "200", value_parser = positive)]
    pub(crate) rate: f64,
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(crate) duration_s: Duration,
    /// The most customers that are served at once.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) hold_ttl_s: u32,
    /// How much later than its time a hold may end, in seconds.
    #[arg(long, default_value = "15", value_parser = seconds)]
    pub(crate) grace_s: Duration,
}

#[derive(Debug, Default)]
struct Tally {
    seats_confirmed: AtomicU64,
    unknown: AtomicU64,
}

#[derive(Clone)]
struct Shop {
    supply: Arc<Supply>,
    arrivals: Arc<Arrivals>,
    recorder: Arc<Recorder>,
    tally: Arc<Tally>,
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let customers = (options.rate * options.duration_s.as_secs_f64()).ceil() as u32;
    let seats = customers.saturating_mul(SEATS_PER_RESERVATION);
    let events = seats.div_ceil(SEATS_PER_EVENT).max(1);
    let event = NewEvent {
        name: "Steady sale".to_owned(),
        seats: seats.clamp(SEATS_PER_RESERVATION, SEATS_PER_EVENT),
        hold_ttl_s: options.hold_ttl_s,
        house: House::Rows,
    };
    let supply = Arc::new(Supply::create(&target, events, event, SEATS_PER_RESERVATION).await?);
    let start = Instant::now();
    let shop = Shop {
        supply: Arc::clone(&supply),
        arrivals: Arc::new(Arrivals::new(start, options.rate, options.duration_s)),
        recorder: Arc::new(Recorder::new(start)),
        tally: Arc::default(),
    };

    let progress = Progress::show(&shop.recorder, options.duration_s);
    run_all((0..options.connections).map(|_| serve_customers(Api::new(&target), shop.clone()))).await;
    drop(progress);

    let mut report = Report::new("steady", shop.recorder.summary());
    report.fact("offered, customers/s", options.rate);
    let reserved_per_s = report.summary.operation("reserve").map_or(0.0, |reserve| reserve.done_per_s);
    report.fact("reservations/s", reserved_per_s);
    report.check_some_done();
    report.check_no_failures();
    let acknowledged = shop.tally.seats_confirmed.load(Ordering::Relaxed);
    let unknown = shop.tally.unknown.load(Ordering::Relaxed);
    let longest_hold = Duration::from_secs(u64::from(options.hold_ttl_s)) + options.grace_s;
    check_every_hold_ended(&mut report, &target, &supply, longest_hold, acknowledged, unknown).await?;
    Ok(report)
}

async fn serve_customers(mut api: Api, shop: Shop) {
    while let Some(due) = shop.arrivals.draw() {
        sleep_until(due).await;
        let Some((event, seats)) = shop.supply.draw() else { break };
        let answer = api.reserve(event, seats).await;
        shop.recorder.note("reserve", due, outcome(&answer, 201));
        let reservation =
            answer.ok().and_then(|response| read::<Reservation>("POST /reservations", &response, 201).ok());
        if let Some(reservation) = reservation {
            finish(&mut api, &shop, &reservation).await;
        }
    }
}

/// 80 % confirm, 10 % cancel, 10 % walk away and let the hold run out.
async fn finish(api: &mut Api, shop: &Shop, reservation: &Reservation) {
    let choice = rand::rng().random_range(0..10);
    let begin = Instant::now();
    if choice < 8 {
        let outcome = outcome(&api.confirm(&reservation.id).await, 200);
        match outcome {
            Outcome::Done => {
                shop.tally.seats_confirmed.fetch_add(reservation.seat_ids.len() as u64, Ordering::Relaxed)
            }
            Outcome::Failed(_) => {
                shop.tally.unknown.fetch_add(reservation.seat_ids.len() as u64, Ordering::Relaxed)
            }
            Outcome::Refused => 0,
        };
        shop.recorder.note("confirm", begin, outcome);
    } else if choice < 9 {
        let outcome = outcome(&api.cancel(&reservation.id).await, 200);
        shop.recorder.note("cancel", begin, outcome);
    }
}

/// Waits until the last hold has run out, then compares the server's counts with the answers it gave.
async fn check_every_hold_ended(
    report: &mut Report,
    target: &Arc<Target>,
    supply: &Supply,
    longest_hold: Duration,
    acknowledged: u64,
    unknown: u64,
) -> Result<(), ApiError> {
    let give_up = Instant::now() + longest_hold;
    let mut api = Api::new(target);
    let (mut reserved, mut confirmed);
    loop {
        (reserved, confirmed) = (0, 0);
        for event in supply.event_ids() {
            let counts = api.counts(event).await?;
            reserved += counts.reserved_seats;
            confirmed += counts.confirmed_seats;
        }
        if reserved == 0 || Instant::now() > give_up {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    report.check("every hold ended", reserved == 0, format!("{reserved} seats are still reserved"));
    report.check(
        "what was confirmed is sold, and no more",
        (acknowledged..=acknowledged + unknown).contains(&confirmed),
        format!("{confirmed} seats are sold, {acknowledged} were acknowledged, {unknown} were not answered"),
    );
    Ok(())
}
