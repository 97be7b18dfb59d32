//! What callers see when something breaks: never a lost seat, never a wrong answer.

use std::time::Duration;

use engine::testing::{InjectedFault, MemoryStore, details};
use engine::{Clock, Currency, EngineConfig, EventId, EventInfo, Fault, Seating, Store, Timestamp};
use tokio::task::JoinSet;

use crate::universe::{Universe, config, eventually, fault, user};

async fn versions(store: &MemoryStore, id: EventId) -> (u64, u64) {
    let row = store.event(id).await.expect("the store is up").expect("it exists");
    (row.version, row.epoch)
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn an_aborted_batch_is_a_fault_and_leaves_nothing() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.inject(InjectedFault::Aborted);
    let answer = fault(universe.reserve(id, 1, &[1]).await);
    assert!(matches!(answer, Fault::Unavailable(_)), "{answer}");
    assert_eq!(versions(&universe.store, id).await.0, 0);
    universe.reserve(id, 2, &[1]).await.expect("the seat stayed free");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_batch_of_unknown_outcome_that_was_written_is_a_success() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.inject(InjectedFault::UnknownWritten);
    let view = universe.reserve(id, 1, &[1]).await.expect("the journal has it");
    assert_eq!(view.reservation.seq, 1);
    let (version, epoch) = versions(&universe.store, id).await;
    assert_eq!((version, epoch), (1, 2), "a new epoch fences what might still be under way");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_deletion_of_unknown_outcome_that_was_written_is_a_success() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.inject(InjectedFault::UnknownWritten);
    universe.engine.delete_event(id).await.expect("the journal has it");
    assert!(universe.engine.event(id).await.is_err());
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_batch_of_unknown_outcome_that_was_not_written_is_a_fault() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.store.inject(InjectedFault::UnknownNotWritten);
    let answer = fault(universe.reserve(id, 1, &[1]).await);
    assert!(matches!(answer, Fault::Unavailable(_)), "{answer}");
    universe.reserve(id, 2, &[1]).await.expect("the seat stayed free");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_batch_whose_outcome_cannot_be_found_out_is_said_to_be_unknown() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 1, &[1]).await.expect("free");
    universe.store.inject(InjectedFault::UnknownWrittenThenDown);
    let reserve = async || universe.engine.reserve(id, user(2), vec![2], Some("key".into())).await;
    let answer = fault(reserve().await);
    assert!(matches!(answer, Fault::Unknown(_)), "{answer}");
    universe.store.set_down(false);
    let found = reserve().await.expect("found by its key");
    assert!(found.replayed);
    universe.end().await;
}

/// Invariant 4: each epoch has one writer; a fenced one drops its memory, and its callers lose nothing.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_4_a_fenced_batch_is_decided_again_by_the_owner() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 1, &[1]).await.expect("free");
    universe.store.inject(InjectedFault::Fenced);
    universe.reserve(id, 2, &[2]).await.expect("decided again under a new epoch");
    let (version, epoch) = versions(&universe.store, id).await;
    assert_eq!((version, epoch), (2, 3));
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn an_owner_that_was_superseded_notices_without_writing() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 1, &[1]).await.expect("free");
    universe.store.activate(id, "another node", 0).await.expect("the store is up");
    eventually("the stale memory is dropped", async || universe.engine.live_events() == 0).await;
    universe.end().await;
}

/// Invariant 9, for a panic.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_9_a_panic_in_one_event_harms_no_other() {
    let universe = Universe::new(config());
    let crashing = universe.event(10).await;
    let other = universe.event(10).await;
    universe.reserve(other, 1, &[1]).await.expect("free");
    universe.reserve(crashing, 1, &[1]).await.expect("free");
    universe.store.inject(InjectedFault::Panic);
    let answer = fault(universe.reserve(crashing, 1, &[2]).await);
    assert!(matches!(answer, Fault::Unknown(_)), "{answer}");
    universe.reserve(crashing, 1, &[2]).await.expect("the event started again from the store");
    universe.reserve(other, 1, &[2]).await.expect("not harmed");
    assert_eq!(universe.engine.live_events(), 2);
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_command_that_crashes_its_event_is_given_up_and_its_neighbours_live() {
    let universe = Universe::new(config());
    let id = poisoned_event(&universe).await;
    let mut calls = JoinSet::new();
    for seat_no in 3..=20 {
        let engine = universe.engine.clone();
        calls.spawn_local(async move { engine.reserve(id, user(1), vec![seat_no], None).await });
    }
    // The sum of these two prices overflows.
    let answer = fault(universe.reserve(id, 1, &[1, 2]).await);
    assert_eq!(answer, Fault::Unavailable("the command crashes the event".into()));
    for result in calls.join_all().await {
        result.expect("a neighbour of the crash");
    }
    assert_eq!(universe.engine.event(id).await.expect("it exists").counts.reserved, 18);
    universe.end().await;
}

/// An event with prices that the engine itself would refuse.
async fn poisoned_event(universe: &Universe) -> EventId {
    let now = engine::Clock::now(&*universe.clock);
    let info = EventInfo {
        id: EventId::mint(now, 5),
        details: details(Clock::now(&*universe.clock)),
        currency: Currency::JPY,
        seating: Seating::of_sections([("Front".into(), 1, 2, i64::MAX), ("Back".into(), 1, 18, 100)]),
        allocations: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    universe.store.create_event(&info).await.expect("the store takes any price");
    info.id
}

/// No read is more than a second old, whatever the store does with a batch.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn past_a_second_what_is_at_the_store_is_looked_for_there() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 1, &[1]).await.expect("free");
    universe.store.hold_appends();
    let engine = universe.engine.clone();
    let held = tokio::task::spawn_local(async move { engine.reserve(id, user(1), vec![2], None).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(universe.engine.event(id).await.expect("it is shown from memory").version, 1);
    universe.store.set_down(true);
    assert_eq!(universe.engine.event(id).await.expect("it still is").version, 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(universe.engine.event(id).await.is_err(), "nobody knows whether it is of now");
    universe.store.set_down(false);
    universe.store.release_appends();
    held.await.expect("no panic").expect("free");
    assert_eq!(universe.engine.event(id).await.expect("it is shown again").version, 2);
    universe.end().await;
}

/// Invariant 9, for a full queue.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn invariant_9_a_full_queue_of_one_event_harms_no_other() {
    let universe = Universe::new(EngineConfig { queue_per_event: 5, ..config() });
    let full = universe.event(100).await;
    universe.reserve(full, 1, &[100]).await.expect("free");
    universe.store.hold_appends();
    let mut calls = JoinSet::new();
    for seat_no in 1..=20 {
        let engine = universe.engine.clone();
        calls.spawn_local(async move { engine.reserve(full, user(1), vec![seat_no], None).await });
    }
    for _ in 0..15 {
        let refused = calls.join_next().await.expect("there are more").expect("no panic");
        assert_eq!(fault(refused), Fault::Overloaded);
    }
    let other = universe.event(10).await;
    let engine = universe.engine.clone();
    let on_other =
        tokio::task::spawn_local(async move { engine.reserve(other, user(1), vec![1], None).await });
    universe.store.release_appends();
    on_other.await.expect("no panic").expect("another event has a queue of its own");
    assert!(calls.join_all().await.into_iter().all(|result| result.is_ok()));
    universe.reserve(full, 1, &[50]).await.expect("there is room again");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn a_store_that_is_down_is_a_fault_until_it_is_back() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 1, &[1]).await.expect("free");
    universe.store.set_down(true);
    for _ in 0..3 {
        let answer = fault(universe.reserve(id, 1, &[2]).await);
        assert!(matches!(answer, Fault::Unavailable(_)), "{answer}");
    }
    assert!(universe.engine.ping().await.is_err());
    universe.store.set_down(false);
    universe.reserve(id, 1, &[2]).await.expect("the store is back");
    universe.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn time_never_goes_back_in_a_journal() {
    let universe = Universe::new(config());
    let id = universe.event(10).await;
    universe.reserve(id, 1, &[1]).await.expect("free");
    let behind =
        std::sync::Arc::new(engine::testing::ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)));
    let lease = std::sync::Arc::new(engine::LocalLease);
    let late = engine::Engine::start(config(), std::sync::Arc::clone(&universe.store) as _, lease, behind);
    late.reserve(id, user(1), vec![2], None).await.expect("free");
    eventually("both engines have ended", async || {
        late.shutdown().await;
        late.live_events() == 0
    })
    .await;
    universe.end().await;
}
