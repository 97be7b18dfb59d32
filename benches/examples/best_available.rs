//! How long one decision takes, in microseconds: the best available seats of a house of 200,000 seats in
//! 2,000 rows of four blocks, and places of a floor of 60,000, from empty to sold out.
//!
//! `cargo run --release -p holdfast-benches --example best_available`

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::testing::event_info as event_info_at;
use engine::{
    Caller, Clock, Command, Event, LayoutBuilder, Prices, SeatSpec, Seating, Section, SystemClock,
    WantedBest, WantedPlaces, Wish,
};
use holdfast_benches::user;

const ROWS: u32 = 2_000;
const SEATS_PER_ROW: u32 = 100;
const BLOCK_SEATS: u32 = 25;
const PLACES: u32 = 60_000;

fn main() {
    println!(
        "{:<44} {:>9} {:>8} {:>8} {:>10}",
        "until sold out", "decisions", "mean µs", "worst µs", "seats left"
    );
    for (name, sizes) in [("pairs", &[2][..]), ("parties of 1 to 6", &[2, 4, 1, 3, 2, 6, 5, 2])] {
        let mut event = Event::new(event_info_at(SystemClock.now(), 1, house()));
        report(&format!("200,000 seats, {name}"), &mut event, sizes, best);
    }
    let mut event = Event::new(event_info_at(SystemClock.now(), 1, floor()));
    report("a floor of 60,000 places, pairs", &mut event, &[2], places);
}

/// Rows of four blocks.
fn house() -> Seating {
    let mut builder = LayoutBuilder::new();
    let category = builder.category("standard").expect("the first");
    let section =
        builder.section(Section { name: Some("House".into()), entrance: None, best: Default::default() });
    let section = section.expect("the first");
    for row in 1..=ROWS {
        builder.row(section, &row.to_string(), false).expect("a label");
        for seat in 0..SEATS_PER_ROW {
            let spec = SeatSpec {
                label: &(seat + 1).to_string(),
                category,
                attributes: 0,
                rank: 0,
                together: false,
                aisle_before: seat % BLOCK_SEATS == 0,
            };
            builder.seat(spec).expect("a seat of its own");
        }
    }
    seating(builder)
}

fn floor() -> Seating {
    let mut builder = LayoutBuilder::new();
    let category = builder.category("standard").expect("the first");
    let section =
        builder.section(Section { name: Some("Floor".into()), entrance: None, best: Default::default() });
    builder.places(section.expect("the first"), category, PLACES).expect("not too many");
    seating(builder)
}

fn seating(builder: LayoutBuilder) -> Seating {
    let layout = builder.build();
    let prices = Prices::by_category(&layout, [12_000]);
    Seating { layout: layout.shared(), prices: Arc::new(prices) }
}

fn best(quantity: usize) -> Wish {
    let wanted = WantedBest { ticket_types: vec![0; quantity], ..WantedBest::default() };
    Wish { best: Some(Box::new(wanted)), ..Wish::default() }
}

fn places(quantity: usize) -> Wish {
    let wanted = WantedPlaces { section: 0, quantity: quantity as u32, ticket_type: 0 };
    Wish { places: vec![wanted], ..Wish::default() }
}

/// Parties of these sizes in turn, until not even the smallest gets anything.
fn report(name: &str, event: &mut Event, sizes: &[usize], wish: fn(usize) -> Wish) {
    let (mut decisions, mut sum, mut worst) = (0_u32, Duration::ZERO, Duration::ZERO);
    let (mut choices, mut worst_choice) = (Duration::ZERO, Duration::ZERO);
    let smallest = sizes.iter().min().copied().unwrap_or(1);
    for (caller, &size) in (0..).zip(sizes.iter().cycle()) {
        let command = |quantity| Command::Reserve {
            user_id: user(caller),
            wish: wish(quantity),
            caller: Caller::User(user(caller)),
            idempotency_key: None,
        };
        let (command, now) = (command(size), SystemClock.now());
        let wanted = WantedBest { ticket_types: vec![0; size], ..WantedBest::default() };
        let begun_at = Instant::now();
        let _ = std::hint::black_box(event.find_best(&wanted));
        let chosen_in = begun_at.elapsed();
        (choices, worst_choice) = (choices + chosen_in, worst_choice.max(chosen_in));
        let begun_at = Instant::now();
        let is_given = event.apply(&command, now).is_ok();
        let took = begun_at.elapsed();
        (decisions, sum, worst) = (decisions + 1, sum + took, worst.max(took));
        if !is_given && size == smallest {
            break;
        }
    }
    let left = event.info().seating.seats() - event.counts().reserved;
    let mean_us = sum.as_secs_f64() * 1e6 / f64::from(decisions);
    println!("{name:<44} {decisions:>9} {mean_us:>8.2} {:>8.0} {left:>10}", worst.as_secs_f64() * 1e6);
    let mean_us = choices.as_secs_f64() * 1e6 / f64::from(decisions);
    println!(
        "{:<44} {:>9} {mean_us:>8.2} {:>8.0}",
        "  of it the choice",
        "",
        worst_choice.as_secs_f64() * 1e6
    );
}
