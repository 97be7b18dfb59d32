//! Expiry, passivation, restart and stop.

use std::time::Duration;

use engine::{Caller, EngineConfig, Fault, Rejection, ReservationStatus};
use tokio::task::JoinSet;

use crate::universe::{HOLD_TTL_S, Universe, config, eventually, fault, rejection, user};

async fn expires(universe: &Universe, id: engine::ReservationId) {
    eventually("the hold has expired", async || {
        let view = universe.engine.reservation(id, Caller::Admin).await.expect("it is in the store");
        view.reservation.status == ReservationStatus::Expired
    })
    .await;
}

/// Invariant 7: every hold ends, also of an event that nobody asks for.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_7_a_hold_expires_by_the_timer() {
    let universe = Universe::new(EngineConfig { sweep_every: Duration::from_secs(60), ..config() });
    let id = universe.event(10).await;
    let held = universe.reserve(id, 1, &[1]).await.expect("free").reservation.id;
    universe.clock.advance_s(HOLD_TTL_S - 1);
    tokio::time::sleep(Duration::from_millis(30)).await;
    universe.engine.extend(held, Caller::Admin).await.expect("still pending");
    universe.clock.advance_s(HOLD_TTL_S);
    expires(&universe, held).await;
    universe.reserve(id, 2, &[1]).await.expect("free again");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_7_a_hold_of_an_event_out_of_memory_is_swept() {
    let universe = Universe::new(EngineConfig { idle_after: Duration::ZERO, ..config() });
    let id = universe.event(10).await;
    let held = universe.reserve(id, 1, &[1]).await.expect("free").reservation.id;
    eventually("the event has left memory", async || universe.engine.live_events() == 0).await;
    universe.clock.advance_s(HOLD_TTL_S);
    expires(&universe, held).await;
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_7_a_hold_expires_after_a_restart() {
    let mut universe = Universe::new(config());
    let id = universe.event(10).await;
    let held = universe.reserve(id, 1, &[1]).await.expect("free").reservation.id;
    universe.engine.shutdown().await;
    universe.clock.advance_s(HOLD_TTL_S);
    universe.restart();
    expires(&universe, held).await;
    universe.end().await;
}

/// Invariant 5, over a restart: what was in memory is what is read again.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_5_a_restart_finds_what_was_left() {
    let mut universe = Universe::new(config());
    let id = universe.event(10).await;
    let sold = universe.reserve(id, 1, &[1, 2]).await.expect("free").reservation.id;
    universe.engine.confirm(sold, Caller::Admin).await.expect("pending");
    universe.engine.reserve(id, user(2), vec![3], Some("key".into())).await.expect("free");
    let before = universe.engine.seat_map(id).await.expect("it exists");
    universe.engine.shutdown().await;
    universe.restart();
    assert!(
        universe.engine.reserve(id, user(2), vec![3], Some("key".into())).await.expect("a replay").replayed
    );
    assert_eq!(universe.engine.seat_map(id).await.expect("it exists"), before);
    let answer = rejection(universe.reserve(id, 3, &[2]).await);
    assert!(matches!(answer, Rejection::SeatUnavailable(_)), "{answer}");
    let next = universe.reserve(id, 3, &[4]).await.expect("free");
    assert!(next.reservation.id > sold);
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn events_that_leave_memory_lose_no_command() {
    let idle_at_once =
        EngineConfig { idle_after: Duration::ZERO, tick: Duration::from_millis(1), ..config() };
    let universe = Universe::new(idle_at_once);
    let id = universe.event(200).await;
    let mut calls = JoinSet::new();
    for seat_no in 1..=200 {
        let engine = universe.engine.clone();
        calls.spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(seat_no) * 3)).await;
            engine.reserve(id, user(1), vec![seat_no], None).await
        });
    }
    for result in calls.join_all().await {
        result.expect("no command is lost");
    }
    let epoch = engine::Store::event(&*universe.store, id).await.expect("up").expect("it exists").epoch;
    assert!(epoch > 10, "the event left memory only {epoch} times");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_stop_answers_what_waits_and_refuses_what_comes_after() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 9, &[10]).await.expect("free");
    universe.store.hold_appends();
    let mut calls = JoinSet::new();
    for seat_no in 1..=5 {
        let engine = universe.engine.clone();
        calls.spawn_local(async move { engine.reserve(id, user(1), vec![seat_no], None).await });
    }
    tokio::time::sleep(Duration::from_millis(30)).await;
    let engine = universe.engine.clone();
    let stop = tokio::task::spawn_local(async move { engine.shutdown().await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!stop.is_finished(), "stopped before what waits was written");
    universe.store.release_appends();
    stop.await.expect("no panic");
    for result in calls.join_all().await {
        result.expect("it was waiting when the stop began");
    }
    let answer = fault(universe.reserve(id, 1, &[6]).await);
    assert!(matches!(answer, Fault::Unavailable(_)), "{answer}");
    universe.end().await;
}
