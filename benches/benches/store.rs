//! Group commit: what one batch costs on each real store, by how many reservations are in it, and what
//! batches of many events at once cost. Everything is durable.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::Store;
use futures_util::future::join_all;
use holdfast_benches::Sale;
use persistence::StoreOptions;
use tokio::runtime::Runtime;

const BATCH_RESERVATIONS: [u32; 6] = [1, 8, 32, 128, 512, 2_048];
/// Of each event one batch of one reservation.
const EVENTS: [u32; 3] = [1, 16, 128];
const SEATS: u32 = 200_000;

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime starts");
    let folder = tempfile::tempdir().expect("there is room for a database");
    let sqlite = format!("sqlite://{}/holdfast.db", folder.path().display());
    append_to(criterion, &runtime, "sqlite", sqlite);
    match std::env::var("TEST_DATABASE_URL") {
        Ok(postgres) => append_to(criterion, &runtime, "postgres", postgres),
        Err(_) => {
            eprintln!("store/postgres: skipped, TEST_DATABASE_URL is not set (scripts/with-services sets it)")
        }
    }
}

fn append_to(criterion: &mut Criterion, runtime: &Runtime, name: &str, url: String) {
    let options =
        StoreOptions { migrate: true, batch_timeout: Duration::from_secs(30), ..StoreOptions::new(url) };
    let store = runtime.block_on(persistence::connect(&options)).expect("the database is there");
    let mut group = criterion.benchmark_group(format!("store/{name}"));
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    for reservations in BATCH_RESERVATIONS {
        group.throughput(Throughput::Elements(reservations.into()));
        group.bench_function(BenchmarkId::new("reservations a batch", reservations), |bencher| {
            bencher.iter_custom(|rounds| runtime.block_on(time_batches(&*store, reservations, rounds)));
        });
    }
    for events in EVENTS {
        group.throughput(Throughput::Elements(events.into()));
        group.bench_function(BenchmarkId::new("events at once", events), |bencher| {
            bencher.iter_custom(|rounds| runtime.block_on(time_events(&*store, events, rounds)));
        });
    }
    group.finish();
}

/// Only the store's time counts. When the seats of an event are used up, the next begins.
async fn time_batches(store: &dyn Store, reservations: u32, rounds: u64) -> Duration {
    let per_event = SEATS / 2 / reservations;
    let mut elapsed = Duration::ZERO;
    let mut left = rounds;
    while left > 0 {
        let mut sale = Sale::begin(store, SEATS).await;
        for number in (0..per_event).take(left as usize) {
            let batch = sale.next_batch(number * reservations, reservations);
            let begin = Instant::now();
            store.append(&batch).await.expect("the batch is written");
            elapsed += begin.elapsed();
        }
        left = left.saturating_sub(per_event.into());
    }
    elapsed
}

/// Each round appends one batch of each event, all at the same time.
async fn time_events(store: &dyn Store, events: u32, rounds: u64) -> Duration {
    let mut sales = Vec::new();
    for _ in 0..events {
        sales.push(Sale::begin(store, SEATS).await);
    }
    let mut elapsed = Duration::ZERO;
    for caller in 0..rounds as u32 {
        let batches: Vec<_> = sales.iter_mut().map(|sale| sale.next_batch(caller, 1)).collect();
        let begin = Instant::now();
        let appends = join_all(batches.iter().map(|batch| store.append(batch))).await;
        elapsed += begin.elapsed();
        appends.into_iter().for_each(|outcome| outcome.expect("the batch is written"));
    }
    elapsed
}

criterion_group!(benches, append);
criterion_main!(benches);
