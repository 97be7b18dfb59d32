//! The pure state, per command, on events of 100 to 200,000 seats.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::testing::random_batch_id;
use engine::{Caller, Clock, Command, Event, JournalRow, OpenBatch, SystemClock, Timestamp};
use holdfast_benches::{event_info, pair_of_seats, user};

const SEATS: [u32; 3] = [100, 10_000, 200_000];

fn now() -> Timestamp {
    SystemClock.now()
}

fn reserve_of(caller: u32) -> Command {
    Command::reserve(user(caller), pair_of_seats(caller), None)
}

/// An event with half of its seats held, two a reservation, and the journal that led there.
fn half_held(seats: u32) -> (Event, Vec<JournalRow>) {
    let mut event = Event::new(event_info(seats, 1));
    let mut journal = Vec::new();
    let callers: Vec<_> = (0..seats / 4).collect();
    for crowd in callers.chunks(256) {
        let mut batch = OpenBatch::default();
        for &caller in crowd {
            let (outcome, change) = event.apply(&reserve_of(caller), now()).expect("the seats are free");
            batch.push(change.expect("a hold is a change"), outcome.reservation().cloned());
        }
        let batch = batch.close(&mut event, 1, random_batch_id(), now());
        journal.push(batch.journal_row());
    }
    (event, journal)
}

fn reserve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event/reserve");
    for seats in SEATS {
        let (event, _) = half_held(seats);
        let command = reserve_of(seats / 4);
        group.bench_function(BenchmarkId::new("two free seats", seats), |bencher| {
            bencher.iter_batched_ref(
                || event.clone(),
                |event| black_box(event.apply(&command, now()).is_ok()),
                BatchSize::LargeInput,
            );
        });
        let taken = reserve_of(0);
        let mut event = event.clone();
        group.bench_function(BenchmarkId::new("two taken seats", seats), |bencher| {
            bencher.iter(|| black_box(event.apply(&taken, now()).is_err()));
        });
    }
    group.finish();
}

fn confirm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event/confirm");
    for seats in SEATS {
        let (event, _) = half_held(seats);
        let id = event.reservations().next().expect("there are some").id;
        group.bench_function(BenchmarkId::from_parameter(seats), |bencher| {
            bencher.iter_batched_ref(
                || event.clone(),
                |event| black_box(event.apply(&Command::Confirm(id, Caller::Admin), now()).is_ok()),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn expire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event/expire all");
    for seats in SEATS {
        let (event, _) = half_held(seats);
        group.throughput(Throughput::Elements(u64::from(seats / 4)));
        group.bench_function(BenchmarkId::from_parameter(seats), |bencher| {
            bencher.iter_batched_ref(
                || event.clone(),
                |event| black_box(event.expire(now().plus_s(1_000), usize::MAX).len()),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event/replay");
    group.sample_size(20);
    for seats in SEATS {
        let (event, journal) = half_held(seats);
        group.throughput(Throughput::Elements(u64::from(seats / 4)));
        group.bench_function(BenchmarkId::from_parameter(seats), |bencher| {
            bencher.iter_batched(
                || Event::new((**event.info()).clone()),
                |mut replayed| {
                    for row in &journal {
                        replayed.replay(row).expect("the journal is sound");
                    }
                    replayed
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, reserve, confirm, expire, replay);
criterion_main!(benches);
