//! What an event of 200,000 seats costs in memory, in bytes that its state has allocated, a seat: what the
//! allocator adds and what the server keeps beside the state is not in it (`scripts/bars cold` has both in
//! it).
//!
//! `cargo run --release -p holdfast-benches --example memory`

use engine::{Caller, Clock, Command, Event, SystemClock};
use holdfast_benches::{event_info, pair_of_seats, user};
use peak_alloc::PeakAlloc;

const SEATS: u32 = 200_000;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() {
    println!("{:<44} {:>12}", "200,000 seats, 2 a reservation", "bytes a seat");
    for (name, reservations, confirmed, keys) in [
        ("empty", 0, false, false),
        ("half held", SEATS / 4, false, false),
        ("half sold", SEATS / 4, true, false),
        ("all held", SEATS / 2, false, false),
        ("all sold", SEATS / 2, true, false),
        ("all sold, each with a key of 36 characters", SEATS / 2, true, true),
    ] {
        let before = ALLOCATOR.current_usage();
        let event = event_with(reservations, confirmed, keys);
        let bytes = ALLOCATOR.current_usage() - before;
        println!("{name:<44} {:>12.1}", bytes as f64 / f64::from(SEATS));
        drop(event);
    }
    println!();
    println!("{:<44} {:>12.1}", "1,000 events of 20,000 seats, nothing sold", many_events());
}

/// Bytes a seat and event.
fn many_events() -> f64 {
    const EVENTS: u32 = 1_000;
    const SEATS_EACH: u32 = 20_000;
    let before = ALLOCATOR.current_usage();
    let events: Vec<_> = (0..EVENTS).map(|tag| Event::new(event_info(SEATS_EACH, tag))).collect();
    let bytes = ALLOCATOR.current_usage() - before;
    bytes as f64 / f64::from(SEATS_EACH) / events.len() as f64
}

fn event_with(reservations: u32, confirmed: bool, keys: bool) -> Event {
    let mut event = Event::new(event_info(SEATS, 1));
    for caller in 0..reservations {
        let idempotency_key = keys.then(|| format!("{caller:036}"));
        let command = Command::reserve(user(caller), pair_of_seats(caller), idempotency_key);
        let (outcome, _) = event.apply(&command, SystemClock.now()).expect("the seats are free");
        if confirmed {
            let id = outcome.reservation().expect("a hold has a reservation").id;
            event.apply(&Command::Confirm(id, Caller::Admin), SystemClock.now()).expect("it is held");
        }
    }
    event
}
