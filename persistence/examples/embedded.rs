//! Holdfast in process, without a server: an event, a reservation, a refusal and a confirmation.
//!
//! `cargo run --example embedded`

use std::error::Error;
use std::sync::Arc;

use engine::{
    Caller, Clock, Currency, Engine, EngineConfig, EventDetails, LocalLease, NewEvent, Rules, Seating,
    SystemClock, UserId,
};
use persistence::StoreOptions;
use uuid::Uuid;

#[actix_rt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("embedded.db").display());
    let store = persistence::connect(&StoreOptions::new(url)).await?;
    let engine = Engine::start(EngineConfig::default(), store, Arc::new(LocalLease), Arc::new(SystemClock));

    let start_at = SystemClock.now().plus_s(30 * 24 * 60 * 60);
    let details = EventDetails {
        name: "Jazz Night".into(),
        description: "One set, no interval".into(),
        venue: "Blue Note Tokyo".into(),
        start_at,
        end_at: start_at.plus_s(2 * 60 * 60),
        hold_ttl_s: 900,
        max_hold_s: 3_600,
        max_seats_per_reservation: 4,
        rules: Rules::default(),
    };
    let seating = Seating::of_seats(50, 8_000);
    let event = engine
        .create_event(NewEvent { details, currency: Currency::JPY, seating, allocations: Vec::new() })
        .await?;

    let (alice, bob) = (UserId::new(Uuid::new_v4()), UserId::new(Uuid::new_v4()));
    let held = engine.reserve(event.info.id, alice, vec![1, 2], Some("alice-1".into())).await?;
    println!("alice holds seats 1 and 2 until {}", held.reservation.expires_at);

    let refusal = engine.reserve(event.info.id, bob, vec![2, 3], None).await;
    println!("bob is refused: {}", refusal.expect_err("seat 2 is held"));

    let sold = engine.confirm(held.reservation.id, Caller::User(alice)).await?;
    println!("sold to alice for {} yen, in batch {}", sold.reservation.total_minor, sold.reservation.seq);

    engine.shutdown().await;
    Ok(())
}
