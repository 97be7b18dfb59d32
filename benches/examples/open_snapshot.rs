//! What a batch costs while a snapshot stays open, as a backup's does: no more than without. On the
//! Postgres of `TEST_DATABASE_URL`.
//!
//! ```text
//! scripts/with-services cargo run --release -p holdfast-benches --example open_snapshot -- BATCHES
//! ```
//!
//! One event is sold in BATCHES batches of a reservation each, then another beside a snapshot that is open
//! from before its first. Prints the mean of the last tenth of the batches in µs, and the ratio.

use std::time::Instant;

use engine::Store;
use holdfast_benches::Sale;
use persistence::StoreOptions;
use sqlx::{Connection, PgConnection};

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
    let mut sale = Sale::begin(store, SEATS).await;
    let last = batches / 10;
    let mut began = Instant::now();
    for number in 0..batches {
        if number == batches - last {
            began = Instant::now();
        }
        store.append(&sale.next_batch(number, 1)).await.expect("the batch is written");
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(last)
}
