//! Reservations through the engine on a store that commits at once: what the actors and their batches cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::testing::NullStore;
use engine::{Engine, EngineConfig, EventId, LocalLease, SystemClock};
use futures_util::future::join_all;
use holdfast_benches::{event_info, pair_of_seats, user};

const SEATS: u32 = 200_000;

/// How many reservations one event can take before it is full.
const PER_EVENT: u32 = SEATS / 2;

fn reserve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/reserve");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (events, callers) in
        [(1, 1), (1, 100), (1, 1_000), (1, 10_000), (100, 1_000), (1_000, 1_000), (1_000, 10_000)]
    {
        let name = format!("{events} events, {callers} callers");
        group.throughput(Throughput::Elements(callers));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|rounds| run(events, callers as u32, rounds));
        });
    }
    group.finish();
}

/// In every round each caller reserves once, all at the same time. Full events are replaced between rounds.
fn run(events: u32, callers: u32, rounds: u64) -> Duration {
    actix_rt::System::new().block_on(async {
        let seats = if events == 1 { SEATS } else { 2_000 };
        let engine = Engine::start(
            EngineConfig::default(),
            NullStore::new(seats),
            Arc::new(LocalLease),
            Arc::new(SystemClock),
        );
        let mut next_tag = 0;
        let mut fresh_ids = || {
            let tags = next_tag..next_tag + events;
            next_tag = tags.end;
            tags.map(|tag| event_info(1, tag).id).collect::<Vec<EventId>>()
        };
        let mut ids = fresh_ids();
        let mut sold = 0;
        let mut elapsed = Duration::ZERO;
        for _ in 0..rounds {
            let share = callers.div_ceil(events);
            if sold + share > PER_EVENT.min(seats / 2) {
                ids = fresh_ids();
                sold = 0;
            }
            let calls = (0..callers).map(|caller| {
                let seats = pair_of_seats(sold + caller / events);
                engine.reserve(ids[(caller % events) as usize], user(caller), seats, None)
            });
            let begin = Instant::now();
            let results = join_all(calls).await;
            elapsed += begin.elapsed();
            assert!(results.iter().all(Result::is_ok));
            sold += share;
        }
        engine.shutdown().await;
        elapsed
    })
}

criterion_group!(benches, reserve);
criterion_main!(benches);
