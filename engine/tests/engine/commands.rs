//! What callers see while all is well.

use std::collections::HashMap;
use std::time::Duration;

use engine::{
    CallError, Caller, Conflict, ConflictReason, EventPatch, Rejection, ReservationStatus, SeatStatus, Store,
};
use tokio::task::JoinSet;

use crate::universe::{HOLD_TTL_S, Universe, config, eventually, rejection, user};

#[actix_rt::test(system = "crate::universe::Paused")]
async fn ten_callers_on_one_seat_have_one_winner() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    let results = crowd(&universe, id, 10, |_| 1).await;
    assert_eq!(results.iter().filter(|(_, result)| result.is_ok()).count(), 1);
    assert_refused_with_conflicts(results);
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn two_hundred_callers_on_fifty_seats_have_one_winner_a_seat() {
    let universe = Universe::new(config());
    let id = universe.event(50).await;
    let results = crowd(&universe, id, 200, |caller| caller % 50 + 1).await;
    let mut winners = HashMap::new();
    for (seat_no, result) in &results {
        if result.is_ok() {
            *winners.entry(*seat_no).or_insert(0) += 1;
        }
    }
    assert_eq!(winners.len(), 50);
    assert!(winners.values().all(|&count| count == 1));
    assert_refused_with_conflicts(results);
    universe.end().await;
}

type CrowdResult = (u32, Result<engine::ReservationView, CallError>);

async fn crowd(
    universe: &Universe,
    id: engine::EventId,
    callers: u32,
    seat_of: fn(u32) -> u32,
) -> Vec<CrowdResult> {
    let mut calls = JoinSet::new();
    for caller in 0..callers {
        let engine = universe.engine.clone();
        let seat_no = seat_of(caller);
        calls.spawn_local(async move {
            (seat_no, engine.reserve(id, user(caller.into()), vec![seat_no], None).await)
        });
    }
    calls.join_all().await
}

fn assert_refused_with_conflicts(results: Vec<CrowdResult>) {
    for (seat_no, result) in results {
        if result.is_err() {
            let conflicts = vec![Conflict { seat_no, reason: ConflictReason::Reserved }];
            assert_eq!(rejection(result), Rejection::SeatUnavailable(conflicts));
        }
    }
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn what_waits_during_a_commit_is_written_in_one_batch() {
    let universe = Universe::new(config());
    let id = universe.event(100).await;
    universe.store.hold_appends();
    let mut calls = JoinSet::new();
    for caller in 0..100 {
        let engine = universe.engine.clone();
        calls.spawn_local(
            async move { engine.reserve(id, user(caller.into()), vec![caller + 1], None).await },
        );
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    universe.store.release_appends();
    assert!(calls.join_all().await.into_iter().all(|result| result.is_ok()));
    let batches = universe.store.journal(id, 0, 1_000).await.expect("the store is up").len();
    assert!((1..=3).contains(&batches), "{batches} batches");
    universe.end().await;
}

/// Invariant 2, and no reply that reveals what might not last: also a rejection waits for the commit.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_2_nothing_is_answered_before_it_is_in_the_journal() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 9, &[10]).await.expect("the seat is free");
    universe.store.hold_appends();

    let mut calls = JoinSet::new();
    for caller in 0..2 {
        let engine = universe.engine.clone();
        calls.spawn_local(async move { engine.reserve(id, user(caller), vec![1], None).await });
    }
    let engine = universe.engine.clone();
    let map = tokio::task::spawn_local(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        engine.seat_map(id).await
    });
    let early = tokio::time::timeout(Duration::from_millis(100), calls.join_next()).await;
    assert!(early.is_err(), "answered before the commit");
    assert!(!map.is_finished(), "the seat map was shown before the commit");
    assert_eq!(universe.engine.event(id).await.expect("it exists").counts.reserved, 1);

    universe.store.release_appends();
    let results = calls.join_all().await;
    let journal = universe.store.journal(id, 0, 10).await.expect("the store is up");
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results {
        match result {
            Ok(view) => assert_eq!(journal.last().map(|row| row.seq), Some(view.reservation.seq)),
            Err(CallError::Rejected { seq, .. }) => assert_eq!(seq, Some(2)),
            Err(error) => panic!("{error}"),
        }
    }
    let map = map.await.expect("no panic").expect("it exists");
    assert_eq!((map.version, map.statuses[0]), (2, SeatStatus::Reserved));
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_key_used_twice_at_once_waits_for_the_same_commit() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.hold_appends();
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        let engine = universe.engine.clone();
        calls.spawn_local(async move { engine.reserve(id, user(1), vec![1], Some("key".into())).await });
    }
    tokio::time::sleep(Duration::from_millis(30)).await;
    universe.store.release_appends();
    let views: Vec<_> =
        calls.join_all().await.into_iter().map(|result| result.expect("one effect")).collect();
    assert_eq!(views.iter().filter(|view| !view.replayed).count(), 1);
    assert!(views.iter().all(|view| view.reservation.id == views[0].reservation.id));
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_caller_that_hangs_up_finds_its_reservation_by_the_key() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.hold_appends();
    let engine = universe.engine.clone();
    let call =
        tokio::task::spawn_local(
            async move { engine.reserve(id, user(1), vec![1], Some("key".into())).await },
        );
    tokio::time::sleep(Duration::from_millis(30)).await;
    call.abort();
    universe.store.release_appends();
    let found =
        universe.engine.reserve(id, user(1), vec![1], Some("key".into())).await.expect("it was reserved");
    assert!(found.replayed);
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_reservation_that_ended_is_answered_from_the_store() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    let own = Caller::User(user(1));
    let cancelled =
        universe.engine.reserve(id, user(1), vec![1], Some("key".into())).await.expect("free").reservation.id;
    let expired = universe.reserve(id, 1, &[2]).await.expect("free").reservation.id;
    let first = universe.engine.cancel(cancelled, own).await.expect("it is pending");
    assert_eq!(first.reservation.status, ReservationStatus::Cancelled);
    let again = universe.engine.cancel(cancelled, own).await.expect("cancelling again is no error");
    assert_eq!(again.reservation, first.reservation);
    let replayed = universe.engine.reserve(id, user(1), vec![1], Some("key".into())).await.expect("a replay");
    assert_eq!((replayed.replayed, replayed.reservation), (true, first.reservation));
    assert_eq!(rejection(universe.engine.confirm(cancelled, own).await), Rejection::ReservationCancelled);
    let stranger = Caller::User(user(2));
    assert_eq!(rejection(universe.engine.cancel(cancelled, stranger).await), Rejection::ReservationNotFound);

    universe.clock.advance_s(HOLD_TTL_S);
    let answer = rejection(universe.engine.confirm(expired, own).await);
    assert!(matches!(answer, Rejection::ReservationExpired(_)), "{answer}");
    eventually("the hold has expired", async || {
        let view = universe.engine.reservation(expired, own).await.expect("it is in the store");
        view.reservation.status == ReservationStatus::Expired
    })
    .await;
    let answer = rejection(universe.engine.cancel(expired, own).await);
    assert!(matches!(answer, Rejection::ReservationExpired(_)), "{answer}");
    universe.end().await;
}

/// Invariant 3: what is answered as refused has no effect.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn an_event_that_is_deleted_in_the_batch_that_amends_it_was_amended() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.hold_appends();
    let amend = |name: &str| {
        let (engine, name) = (universe.engine.clone(), Some(name.to_owned()));
        let patch = EventPatch { name, ..EventPatch::default() };
        tokio::task::spawn_local(async move { engine.amend_event(id, patch).await })
    };
    // It is at the store, so what comes now waits for the next batch.
    let first = amend("Folk Festival");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let second = amend("Rock Festival");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let engine = universe.engine.clone();
    let deletion = tokio::task::spawn_local(async move { engine.delete_event(id).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    universe.store.release_appends();
    first.await.expect("no panic").expect("it is valid");
    deletion.await.expect("no panic").expect("nothing is held");
    let amended = second.await.expect("no panic").expect("it was amended before it was deleted");
    assert_eq!((amended.info.details.name.as_str(), amended.version), ("Rock Festival", 2));
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn an_event_is_amended_and_deleted_through_its_journal() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    let patch = EventPatch { name: Some("Rock Festival".into()), ..EventPatch::default() };
    let view = universe.engine.amend_event(id, patch).await.expect("it is valid");
    assert_eq!((view.info.details.name.as_str(), view.version), ("Rock Festival", 1));
    let key = Some("order-1".to_owned());
    let reserve = async |seats: &[u32], key| universe.engine.reserve(id, user(1), seats.to_vec(), key).await;
    let held = reserve(&[1], key.clone()).await.expect("free").reservation.id;
    assert_eq!(rejection(universe.engine.delete_event(id).await), Rejection::EventInUse);
    universe.engine.cancel(held, Caller::Admin).await.expect("it is pending");
    universe.engine.delete_event(id).await.expect("nothing is held");
    assert_eq!(rejection(universe.engine.event(id).await), Rejection::EventNotFound);
    assert_eq!(rejection(universe.engine.seat_map(id).await), Rejection::EventNotFound);
    assert_eq!(rejection(universe.reserve(id, 1, &[1]).await), Rejection::EventNotFound);
    // What was done before is answered as before.
    let again = universe.engine.cancel(held, Caller::Admin).await.expect("it is cancelled");
    assert_eq!(again.reservation.status, ReservationStatus::Cancelled);
    assert_eq!(
        rejection(universe.engine.confirm(held, Caller::Admin).await),
        Rejection::ReservationCancelled
    );
    let stranger = Caller::User(user(2));
    assert_eq!(rejection(universe.engine.cancel(held, stranger).await), Rejection::ReservationNotFound);
    let again = reserve(&[1], key.clone()).await.expect("the key was used");
    assert_eq!((again.replayed, again.reservation.id), (true, held));
    assert_eq!(rejection(reserve(&[2], key).await), Rejection::IdempotencyKeyReused);
    assert_eq!(rejection(reserve(&[1], Some("order-2".to_owned())).await), Rejection::EventNotFound);
    assert!(universe.engine.events(None, 10).await.expect("the store is up").is_empty());
    universe.end().await;
}
