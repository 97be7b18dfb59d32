//! What answers cost to write: seat maps as JSON and compressed, as the server prepares them, and
//! reservations.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::{Clock, Command, Event, ReservationView, SeatMap, SeatStatus, SystemClock};
use holdfast_benches::{event_info, pair_of_seats, user};
use holdfast_http::encoding::compress;
use holdfast_http::wire::reservation_body::{ReservationBody, SeatLabels};
use holdfast_http::wire::seat_body::render_all;

const SEATS: [u32; 3] = [1_000, 50_000, 200_000];

/// Every third seat is held, and every third sold.
fn seat_map(seats: u32) -> SeatMap {
    let statuses = [SeatStatus::Available, SeatStatus::Reserved, SeatStatus::Confirmed];
    SeatMap {
        info: Arc::new(event_info(seats, 1)),
        version: 1,
        counts: Default::default(),
        statuses: statuses.into_iter().cycle().take(seats as usize).collect(),
    }
}

fn seat_maps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("json/seat map");
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    for seats in SEATS {
        let map = seat_map(seats);
        let json = render_all(&map);
        group.throughput(Throughput::Elements(seats.into()));
        group.bench_function(BenchmarkId::new("render", seats), |bencher| bencher.iter(|| render_all(&map)));
        group.bench_function(BenchmarkId::new("gzip", seats), |bencher| bencher.iter(|| compress(&json)));
    }
    group.finish();
}

fn reservation(criterion: &mut Criterion) {
    let mut event = Event::new(event_info(1_000, 1));
    let now = SystemClock.now();
    let command = Command::reserve(user(1), pair_of_seats(1), None);
    let (outcome, _) = event.apply(&command, now).expect("the seats are free");
    let reservation = outcome.reservation().cloned().expect("a hold has a reservation");
    let view = ReservationView { event: Arc::clone(event.info()), reservation, replayed: false };
    criterion.bench_function("json/reservation of 2 seats", |bencher| {
        bencher.iter(|| {
            let labels = SeatLabels::of(&view);
            serde_json::to_vec(&ReservationBody::new(&view, &labels, None, now)).expect("it is plain data")
        });
    });
}

criterion_group!(benches, seat_maps, reservation);
criterion_main!(benches);
