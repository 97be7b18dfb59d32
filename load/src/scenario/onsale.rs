//! The on-sale: a crowd on one event until the last seat is sold, or until everyone has had an answer.
//!
//! Everybody picks from a seat map that is somewhat old, so that many want the same seats. Who is
//! refused picks others, some times, and then goes away; the next customer takes the place.
//! In the end the answers are held against each other, and against the server's counts.

mod ledger;

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use rand::Rng;

use super::{pause_after, run_all, seconds};
use crate::api::{
    Api, ApiError, House, NewEvent, Reservation, is_passing, outcome, problem, random_uuid, read,
};
use crate::http::Target;
use crate::progress::Progress;
use crate::report::Report;
use crate::stats::{Outcome, Recorder};
use ledger::{Ledger, Refusal, Sale};

/// The options of `load onsale`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) seats: u32,
    /// How many people ask at once, each on a connection.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) callers: u32,
    /// How many people come in all, also after the last seat is sold. Without it, they come until then.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) customers: Option<u32>,
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub(crate) seats_per_reservation: u32,
    /// Ask for the best so many seats, in a house of rows with aisles, in place of seats from the map.
    #[arg(long, conflicts_with = "general_admission", value_parser = clap::value_parser!(u32).range(1..=10))]
    pub(crate) best_available: Option<u32>,
    /// Ask for so many counted places of a floor.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub(crate) general_admission: Option<u32>,
    /// With either of them: parties of 1 to 6, in place of one size.
    #[arg(long)]
    pub(crate) parties: bool,
    /// How often a customer picks other seats before giving up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) tries: u32,
    /// How old the crowd's seat map gets, in seconds. Older means more collisions.
    #[arg(long, default_value = "0.5", value_parser = seconds)]
    pub(crate) map_age_s: Duration,
    /// Confirm each reservation too.
    #[arg(long)]
    pub(crate) confirm: bool,
    /// Go on asking for so long, in seconds, by the same idempotency key, where the server cannot be reached
    /// or cannot decide. Without it each request is sent once, and what is not answered counts as failed.
    #[arg(long, value_parser = seconds)]
    pub(crate) retry_s: Option<Duration>,
    /// Give up if seats are left after this time, in seconds.
    #[arg(long, default_value = "300", value_parser = seconds)]
    pub(crate) max_s: Duration,
}

/// What the whole crowd shares.
struct Hall {
    event: String,
    seats: Vec<String>,
    index: HashMap<String, u32>,
    /// Seats that somebody was told are taken: all that a refreshed seat map would show.
    gone: Mutex<Vec<bool>>,
    left: AtomicUsize,
    map: Mutex<Arc<Vec<u32>>>,
    ledger: Mutex<Ledger>,
    arrived: AtomicU64,
    turned_away: AtomicU64,
    retried: AtomicU64,
    /// Refusals that came before the last seat was known to be sold.
    refused_early: AtomicU64,
    recorder: Arc<Recorder>,
    options: Options,
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let mut api = Api::new(&target);
    let house = match (options.best_available, options.general_admission) {
        (Some(_), _) => House::Blocks,
        (None, Some(_)) => House::Floor,
        (None, None) => House::Rows,
    };
    let new = NewEvent { name: "On-sale".to_owned(), seats: options.seats, hold_ttl_s: 3600, house };
    let event = api.create_event(&new).await?;
    let seats = api.seat_ids(&event).await?;
    // For who wants to watch the sale, or to disturb it.
    let _ = writeln!(std::io::stderr(), "on sale: event {event}");
    let hall = Arc::new(Hall::new(event, seats, options.clone()));

    let progress = Progress::show(&hall.recorder, options.max_s);
    let refresher = tokio::spawn(refresh_map(Arc::clone(&hall)));
    run_all((0..options.callers).map(|_| caller(Api::new(&target), Arc::clone(&hall)))).await;
    refresher.abort();
    drop(progress);

    let counts = api.counts(&hall.event).await?;
    let summary = hall.recorder.summary();
    let mut report = Report::new("onsale", summary);
    let ledger = lock(&hall.ledger);
    report.fact(
        "time to sell out, s",
        ledger.last_sale().map_or(0.0, |at| (at - hall.recorder.start()).as_secs_f64()),
    );
    report.fact("reservations", ledger.sales.len());
    report.fact("refusals", ledger.refusals.len());
    report.fact("refused while seats were left", hall.refused_early.load(Ordering::Relaxed));
    report.fact("reservations/s until sold out", ledger.rate_since(hall.recorder.start()));
    report.fact("turned away", hall.turned_away.load(Ordering::Relaxed));
    report.fact("retried", hall.retried.load(Ordering::Relaxed));
    report.fact("longest silence, s", report.summary.longest_silence_s);
    report.check(
        "sold out",
        counts.available_seats == 0,
        format!("{} seats are left", counts.available_seats),
    );
    ledger.check(&mut report, &hall.seats, counts.reserved_seats + counts.confirmed_seats);
    if let Some(customers) = options.customers {
        let answered = ledger.sales.len() as u64 + hall.turned_away.load(Ordering::Relaxed);
        report.fact("time until all were answered, s", report.summary.duration_s);
        report.check(
            "every customer got seats or was refused",
            answered == u64::from(customers),
            format!("{answered} of {customers} did"),
        );
    }
    report.check_no_failures();
    Ok(report)
}

impl Hall {
    fn new(event: String, seats: Vec<String>, options: Options) -> Self {
        let all: Vec<u32> = (0..).take(seats.len()).collect();
        Self {
            event,
            index: seats.iter().cloned().zip(all.iter().copied()).collect(),
            gone: Mutex::new(vec![false; seats.len()]),
            left: AtomicUsize::new(seats.len()),
            seats,
            map: Mutex::new(Arc::new(all)),
            ledger: Mutex::default(),
            arrived: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            refused_early: AtomicU64::new(0),
            recorder: Arc::new(Recorder::new(Instant::now())),
            options,
        }
    }

    fn is_over(&self) -> bool {
        let nobody_waits = self.options.customers.is_none() && self.left.load(Ordering::Relaxed) == 0;
        nobody_waits || self.recorder.start().elapsed() > self.options.max_s
    }

    /// Whether one more customer comes.
    fn admits(&self) -> bool {
        let number = self.arrived.fetch_add(1, Ordering::Relaxed);
        !self.is_over() && self.options.customers.is_none_or(|customers| number < u64::from(customers))
    }

    fn mark_gone(&self, seats: &[u32]) {
        let mut gone = lock(&self.gone);
        for &seat in seats {
            if !std::mem::replace(&mut gone[seat as usize], true) {
                self.left.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn refresh(&self) {
        let gone = lock(&self.gone);
        let free: Vec<u32> =
            (0..).zip(gone.iter()).filter(|(_, gone)| !**gone).map(|(seat, _)| seat).collect();
        // Who comes after the last sale still has the map of before, and is to be refused by the server.
        if !free.is_empty() {
            *lock(&self.map) = Arc::new(free);
        }
    }

    fn indices<'a>(&self, ids: impl Iterator<Item = &'a String>) -> Vec<u32> {
        ids.filter_map(|id| self.index.get(id).copied()).collect()
    }
}

async fn refresh_map(hall: Arc<Hall>) {
    loop {
        tokio::time::sleep(hall.options.map_age_s).await;
        hall.refresh();
    }
}

async fn caller(mut api: Api, hall: Arc<Hall>) {
    while hall.admits() {
        if !serve_customer(&mut api, &hall).await {
            hall.turned_away.fetch_add(1, Ordering::Relaxed);
            // Nothing on the map is free for this caller: the next customer sees a newer one.
            tokio::task::yield_now().await;
        }
    }
}

/// Whether the customer got what it wished for; a party that is refused goes in one by one.
async fn serve_wish(api: &mut Api, hall: &Hall, quantity: u32) -> bool {
    let party = if hall.options.parties { rand::rng().random_range(1..=6) } else { quantity };
    for size in [party, 1] {
        let wish = match hall.options.general_admission {
            Some(_) => format!(r#""places":[{{"section":"Floor","quantity":{size}}}]"#),
            None => format!(r#""best_available":{{"quantity":{size}}}"#),
        };
        match try_reserve(api, hall, Asked::Wish(&wish), size).await {
            Attempt::Sold(id) => {
                if hall.options.confirm {
                    let begin = Instant::now();
                    let outcome = confirm(api, hall, &id).await;
                    hall.recorder.note("confirm", begin, outcome);
                }
                return true;
            }
            Attempt::Taken(_) if size > 1 && !hall.is_over() => {}
            Attempt::Taken(_) => {
                // Not even one seat is left.
                hall.left.store(0, Ordering::Relaxed);
                return false;
            }
            Attempt::Failed => return false,
        }
    }
    false
}

/// Whether the customer got seats.
async fn serve_customer(api: &mut Api, hall: &Hall) -> bool {
    if let Some(quantity) = hall.options.best_available.or(hall.options.general_admission) {
        return serve_wish(api, hall, quantity).await;
    }
    let map = Arc::clone(&lock(&hall.map));
    let mut refused = HashSet::new();
    for _ in 0..hall.options.tries {
        let seats = pick(&map, &refused, hall.options.seats_per_reservation);
        if seats.is_empty() || hall.is_over() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            return false;
        }
        match try_seats(api, hall, &seats).await {
            Attempt::Sold(id) => {
                if hall.options.confirm {
                    let begin = Instant::now();
                    let outcome = confirm(api, hall, &id).await;
                    hall.recorder.note("confirm", begin, outcome);
                }
                return true;
            }
            Attempt::Taken(conflicts) if conflicts.is_empty() => refused.extend(seats),
            Attempt::Taken(conflicts) => refused.extend(conflicts),
            Attempt::Failed => return false,
        }
    }
    false
}

enum Attempt {
    Sold(String),
    Taken(Vec<u32>),
    Failed,
}

async fn try_seats(api: &mut Api, hall: &Hall, seats: &[u32]) -> Attempt {
    let ids: Vec<&str> = seats.iter().map(|&seat| hall.seats[seat as usize].as_str()).collect();
    try_reserve(api, hall, Asked::Seats(&ids), seats.len() as u32).await
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    /// By id.
    Seats(&'a [&'a str]),
    /// As JSON fields.
    Wish(&'a str),
}

async fn try_reserve(api: &mut Api, hall: &Hall, asked: Asked<'_>, quantity: u32) -> Attempt {
    let sent = Instant::now();
    let (user, key) = (random_uuid(), hall.options.retry_s.map(|_| random_uuid()));
    let answer = loop {
        let answer = match asked {
            Asked::Seats(ids) => api.reserve_as(&hall.event, ids, user, key).await,
            Asked::Wish(wish) => api.wish(&hall.event, wish, user, key).await,
        };
        if !ask_again(hall, sent, is_passing(&answer)).await {
            break answer;
        }
    };
    let received = Instant::now();
    let outcome = outcome(&answer, 201);
    hall.recorder.note("reserve", sent, outcome.clone());
    let attempt = match (&outcome, &answer) {
        (Outcome::Done, Ok(response)) => match read::<Reservation>("POST /reservations", response, 201) {
            Ok(reservation) => {
                let seats = hall.indices(reservation.seat_ids.iter());
                hall.mark_gone(&seats);
                lock(&hall.ledger).sales.push(Sale { seats, seq: reservation.seq, sent, received });
                return Attempt::Sold(reservation.id);
            }
            Err(_) => Attempt::Failed,
        },
        (Outcome::Refused, Ok(response)) => {
            let problem = problem(response.body);
            let seats = hall.indices(problem.conflicts.iter().map(|conflict| &conflict.seat_id));
            hall.mark_gone(&seats);
            if hall.left.load(Ordering::Relaxed) >= quantity as usize {
                hall.refused_early.fetch_add(1, Ordering::Relaxed);
            }
            lock(&hall.ledger).refusals.push(Refusal { seats: seats.clone(), seq: problem.seq });
            return Attempt::Taken(seats);
        }
        _ => Attempt::Failed,
    };
    lock(&hall.ledger).unknown_seats += u64::from(quantity);
    pause_after(&outcome).await;
    attempt
}

/// A second confirmation is the same as the first, so it needs no key.
async fn confirm(api: &mut Api, hall: &Hall, id: &str) -> Outcome {
    let begin = Instant::now();
    loop {
        let answer = api.confirm(id).await;
        if !ask_again(hall, begin, is_passing(&answer)).await {
            return outcome(&answer, 200);
        }
    }
}

/// Whether to ask once more, after a pause: there was no decision, and the patience is not at an end.
async fn ask_again(hall: &Hall, since: Instant, is_passing: bool) -> bool {
    let is_patient = hall.options.retry_s.is_some_and(|patience| since.elapsed() < patience);
    if !is_passing || !is_patient {
        return false;
    }
    hall.retried.fetch_add(1, Ordering::Relaxed);
    // Not all at the same moment.
    let pause_ms = rand::rng().random_range(50..150);
    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    true
}

/// Random distinct seats of the map without those already refused; fewer if there are not enough.
fn pick(map: &[u32], refused: &HashSet<u32>, count: u32) -> Vec<u32> {
    let mut seats = Vec::new();
    if map.is_empty() {
        return seats;
    }
    let mut rng = rand::rng();
    // A bounded number of draws: near the end of the sale the map holds little that is not refused.
    for _ in 0..count * 8 {
        let seat = map[rng.random_range(0..map.len())];
        if !refused.contains(&seat) && !seats.contains(&seat) {
            seats.push(seat);
            if seats.len() == count as usize {
                break;
            }
        }
    }
    seats
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_distinct_and_not_refused() {
        let map: Vec<u32> = (0..20).collect();
        let refused: HashSet<u32> = (0..10).collect();
        for _ in 0..100 {
            let seats = pick(&map, &refused, 3);
            let distinct: HashSet<_> = seats.iter().collect();
            assert_eq!(distinct.len(), seats.len());
            assert!(seats.iter().all(|seat| (10..20).contains(seat)), "{seats:?}");
        }
        assert!(pick(&[], &refused, 3).is_empty());
        assert!(pick(&[1, 2], &refused, 3).is_empty());
    }
}
