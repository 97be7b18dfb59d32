//! What a batch costs while a snapshot stays open, as a backup's does: no more than without. On the
//! Postgres of `TEST_DATABASE_URL`.
//!
//! ```text
//! scripts/with-services cargo run --release -p holdfast-benches --example open_snapshot -- BATCHES
//! ```
//!
//! One event is sold in BATCHES batches of a reservation each, then another beside a snapshot that is open
//! from before its first. Prints the mean of the last tenth of the batches in µs, and the ratio.

use std::sync::Arc;
use std::time::Instant;

use engine::testing::random_batch_id;
use engine::{Batch, Clock, Command, Event, OpenBatch, Store, SystemClock, UserId};
use holdfast_benches::event_info;
use persistence::StoreOptions;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

const SEATS: u32 = 200_000;

#[tokio::main]
async fn main() {
    let batches: u32 = std::env::args().nth(1).map_or(40_000, |argument| argument.parse().expect("a number"));
    let url = std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names a Postgres");
    let options = StoreOptions { migrate: true, ..StoreOptions::new(&url) };
    let store = persistence::connect(&options).await.expect("the database is there");
    let without = sell(&*store, batches).await;
    let mut reader = PgConnection::connect(&url).await.expect("the database is there");
    let mut snapshot =
        reader.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("a transaction");
    sqlx::query("SELECT count(*) FROM events").execute(&mut *snapshot).await.expect("the snapshot is taken");
    let with = sell(&*store, batches).await;
    snapshot.rollback().await.expect("it is over");
    println!("us a batch without a snapshot  {without:.0}");
    println!("us a batch beside a snapshot  {with:.0}");
    println!("ratio  {:.2}", with / without);
}

/// Sells one event in so many batches, and returns the mean time of the last tenth, in µs.
async fn sell(store: &dyn Store, batches: u32) -> f64 {
    let info = event_info(SEATS, rand::random());
    store.create_event(&info).await.expect("the event is new");
    let snapshot = store.activate(info.id, "benchmark", 0).await.expect("the store answers");
    let epoch = snapshot.expect("the event is there").event.epoch;
    let mut event = Event::new(info);
    let last = batches / 10;
    let mut began = Instant::now();
    for number in 0..batches {
        if number == batches - last {
            began = Instant::now();
        }
        store.append(&next_batch(&mut event, epoch, number)).await.expect("the batch is written");
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(last)
}

fn next_batch(event: &mut Event, epoch: u64, number: u32) -> Arc<Batch> {
    let now = SystemClock.now();
    let user_id = UserId::new(Uuid::from_u128(rand::random()));
    let command = Command::Reserve { user_id, seats: vec![number % SEATS + 1], idempotency_key: None };
    let (outcome, change) = event.apply(&command, now).expect("the seats are free");
    let mut open = OpenBatch::default();
    open.push(change.expect("a hold is a change"), outcome.reservation().cloned());
    Arc::new(open.close(event, epoch, random_batch_id(), now))
}
