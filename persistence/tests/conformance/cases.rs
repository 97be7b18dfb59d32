//! What every store promises.

use std::sync::Arc;

use engine::{
    AppendError, Batch, BatchId, Change, EventDetails, EventId, EventInfo, EventKey, EventTables, OrphanRule,
    Reservation, ReservationFilter, ReservationStatus, Rules, SeatCounts, SeatStatus, Seating, Store,
    UsedEventKey,
};
use tokio::task::JoinSet;

use crate::helpers::{
    BatchSteps, Database, KEYS, NOW, activate, ended, new_event_at, owned_event, reserved, user,
};
pub use crate::houses::*;

/// What must not change where nothing may be written.
async fn tables(store: &dyn Store, id: EventId) -> EventTables {
    store.tables(id).await.unwrap().unwrap()
}

/// Appends a batch that must leave no trace.
async fn check_refused(store: &dyn Store, batch: Batch, expected: fn(&AppendError) -> bool) {
    let before = store.tables(batch.event_id).await.unwrap();
    let journal_before = store.journal(batch.event_id, 0, 1_000).await.unwrap();
    let error = store.append(&Arc::new(batch.clone())).await.unwrap_err();
    assert!(expected(&error), "{error:?}");
    assert_eq!(store.tables(batch.event_id).await.unwrap(), before);
    assert_eq!(store.journal(batch.event_id, 0, 1_000).await.unwrap(), journal_before);
}

fn fenced(error: &AppendError) -> bool {
    *error == AppendError::Fenced
}

fn aborted(error: &AppendError) -> bool {
    matches!(error, AppendError::Aborted(_))
}

pub async fn a_new_event_reads_back_as_it_was_written(database: &dyn Database) {
    let store = database.connect().await;
    assert!(store.now().await.unwrap() > NOW.minus_s(86_400 * 365 * 10), "it knows the time");
    let event = new_event_at(NOW);
    assert_eq!(store.event(event.id).await, Ok(None));
    store.create_event(&event).await.unwrap();
    let row = store.event(event.id).await.unwrap().unwrap();
    assert_eq!(row.info, event);
    assert_eq!((row.version, row.epoch, row.owner, row.deleted), (0, 0, None, false));
    assert_eq!(row.counts, SeatCounts::default());

    let mut unnamed = new_event_at(NOW.plus_s(1));
    unnamed.seating = Seating::of_seats(25, 0);
    store.create_event(&unnamed).await.unwrap();
    assert_eq!(store.event(unnamed.id).await.unwrap().unwrap().info, unnamed);
}

pub async fn an_event_is_created_once(database: &dyn Database) {
    let store = database.connect().await;
    let event = new_event_at(NOW);
    store.create_event(&event).await.unwrap();
    let mut other = event.clone();
    other.details.name = "Another".to_owned();
    assert!(store.create_event(&other).await.is_err());
    assert_eq!(store.event(event.id).await.unwrap().unwrap().info, event);
}

fn event_key(key: &str, hash: u8) -> EventKey {
    EventKey { key: key.to_owned(), request_hash: [hash; 32] }
}

pub async fn a_key_makes_one_event(database: &dyn Database) {
    let store = database.connect().await;
    let (first, second, third) =
        (new_event_at(NOW), new_event_at(NOW.plus_s(1)), new_event_at(NOW.plus_s(2)));
    assert_eq!(store.create_event_once(&first, &event_key("key", 1)).await, Ok(None));
    let used = UsedEventKey { event_id: first.id, request_hash: [1; 32] };
    for (again, hash) in [(&first, 1), (&second, 1), (&second, 2)] {
        assert_eq!(store.create_event_once(again, &event_key("key", hash)).await, Ok(Some(used)));
    }
    assert_eq!(store.event(second.id).await, Ok(None));
    assert_eq!(store.event(first.id).await.unwrap().unwrap().info, first);
    assert_eq!(store.create_event_once(&second, &event_key("another", 1)).await, Ok(None));
    // What could not be written leaves the key free.
    let refused = store.create_event_once(&first, &event_key("free", 1)).await.unwrap_err();
    assert!(aborted(&refused), "{refused:?}");
    assert_eq!(store.create_event_once(&third, &event_key("free", 2)).await, Ok(None));
}

pub async fn equal_keys_at_once_make_one_event(database: &dyn Database) {
    let store = database.connect().await;
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let (store, event) = (Arc::clone(&store), new_event_at(NOW));
        calls.spawn(async move {
            (event.id, store.create_event_once(&event, &event_key("key", 1)).await.unwrap())
        });
    }
    let answers = calls.join_all().await;
    let made: Vec<_> = answers.iter().filter(|(_, used)| used.is_none()).map(|(id, _)| *id).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    let found = answers.iter().filter_map(|(_, used)| used.as_ref());
    assert!(found.into_iter().all(|used| used.event_id == made[0]), "{answers:?}");
    assert_eq!(store.event_ids(None, 100).await, Ok(made));
}

pub async fn every_kind_of_change_shows_in_what_is_read(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let sold = owner.reservation(user(1), &[3, 1], Some("key-1"));
    let cancelled = owner.reservation(user(2), &[4], None);
    let expired = owner.reservation(user(2), &[5], None);
    let extended = owner.reservation(user(3), &[6], None);
    let batch = owner.batch().reserve(&sold).reserve(&cancelled).reserve(&expired).reserve(&extended);
    owner.write(&*store, batch.counts(5, 0)).await;

    for reservation in [&sold, &cancelled, &expired, &extended] {
        assert_eq!(store.reservation(reservation.id).await, Ok(Some(reservation.clone())));
    }

    let sold = ended(&sold, ReservationStatus::Confirmed, 2);
    let cancelled = ended(&cancelled, ReservationStatus::Cancelled, 2);
    let expired = ended(&expired, ReservationStatus::Expired, 2);
    let mut extended = ended(&extended, ReservationStatus::Pending, 2);
    extended.expires_at = extended.expires_at.plus_s(600);
    let batch = owner
        .batch()
        .change(Change::Confirmed { id: sold.id }, &sold)
        .change(Change::Cancelled { id: cancelled.id }, &cancelled)
        .change(Change::Expired { id: expired.id }, &expired)
        .change(Change::Extended { id: extended.id, expires_at: extended.expires_at }, &extended)
        .counts(1, 2);
    let batch = owner.write(&*store, batch).await;

    let found = tables(&*store, owner.event_id).await;
    assert_eq!(found.reservations, [&sold, &cancelled, &expired, &extended].map(Reservation::clone));
    assert_eq!(found.claims, [(1, sold.id), (3, sold.id), (6, extended.id)]);
    assert_eq!(found.event.version, 2);
    assert_eq!(found.event.counts, SeatCounts { reserved: 1, confirmed: 2, not_for_sale: 0 });
    let snapshot = store.activate(owner.event_id, "node-b", KEYS).await.unwrap().unwrap();
    assert_eq!(snapshot.ordered_at, Some(batch.ordered_at));
    assert_eq!(store.reservation(cancelled.id).await, Ok(Some(cancelled)));
}

pub async fn an_earlier_owner_is_fenced(database: &dyn Database) {
    let store = database.connect().await;
    let mut first = owned_event(&*store).await;
    first.reserve(&*store, user(1), &[1]).await;
    let snapshot = store.activate(first.event_id, "node-b", KEYS).await.unwrap().unwrap();
    assert_eq!(snapshot.event.epoch, first.epoch + 1);
    assert_eq!(snapshot.event.owner.as_deref(), Some("node-b"));
    let epochs = store.epochs(&[first.event_id]).await;
    assert_eq!(epochs, Ok(vec![(first.event_id, first.epoch + 1)]));

    let reservation = first.reservation(user(1), &[2], None);
    check_refused(&*store, first.batch().reserve(&reservation), fenced).await;
    let mut second = activate(&*store, first.event_id).await;
    assert_eq!((second.epoch, second.version), (3, 1));
    second.reserve(&*store, user(2), &[2]).await;
}

pub async fn a_batch_of_another_version_is_fenced(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    owner.reserve(&*store, user(1), &[1]).await;
    for seq in [1, 3] {
        let reservation = owner.reservation(user(1), &[2], None);
        let batch = Batch { seq, ..owner.batch().reserve(&reservation) };
        check_refused(&*store, batch, fenced).await;
    }
}

pub async fn a_batch_is_written_once(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let batch = owner.batch().reserve(&reservation);
    owner.write(&*store, batch.clone()).await;
    check_refused(&*store, batch, fenced).await;
}

pub async fn a_batch_without_an_event_is_fenced(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    owner.event_id = new_event_at(NOW.plus_s(9)).id;
    check_refused(&*store, owner.batch(), fenced).await;
}

pub async fn a_seat_is_released_and_claimed_again_in_one_batch(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let old = owner.reserve(&*store, user(1), &[1, 2]).await;
    let cancelled = ended(&old, ReservationStatus::Cancelled, 2);
    let new = owner.reservation(user(2), &[2, 3], None);
    let batch = owner.batch().change(Change::Cancelled { id: old.id }, &cancelled).reserve(&new);
    owner.write(&*store, batch).await;
    let found = tables(&*store, owner.event_id).await;
    assert_eq!(found.claims, [(2, new.id), (3, new.id)]);
    assert_eq!(found.reservations, [cancelled, new]);
}

pub async fn a_reservation_is_made_and_cancelled_in_one_batch(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let made = owner.reservation(user(1), &[1], Some("key"));
    let cancelled = ended(&made, ReservationStatus::Cancelled, 1);
    let again = owner.reservation(user(2), &[1], None);
    let mut batch = owner.batch().reserve(&again);
    batch.changes = vec![reserved(&made), Change::Cancelled { id: made.id }, reserved(&again)];
    batch.created.insert(0, Arc::new(cancelled.clone()));
    let batch = owner.write(&*store, batch).await;

    let found = tables(&*store, owner.event_id).await;
    assert_eq!(found.claims, [(1, again.id)]);
    assert_eq!(found.reservations, [cancelled, again]);
    assert_eq!(store.journal(owner.event_id, 0, 10).await.unwrap()[0].changes, batch.changes);
}

pub async fn a_second_claim_of_a_seat_is_refused(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    owner.reserve(&*store, user(1), &[2]).await;
    let second = owner.reservation(user(2), &[1, 2], None);
    check_refused(&*store, owner.batch().reserve(&second), aborted).await;
    // The refusal does no harm to what comes after.
    owner.reserve(&*store, user(2), &[1]).await;
}

pub async fn two_claims_of_a_seat_in_one_batch_are_refused(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let first = owner.reservation(user(1), &[1], None);
    let second = owner.reservation(user(2), &[1], None);
    check_refused(&*store, owner.batch().reserve(&first).reserve(&second), aborted).await;
}

pub async fn a_release_of_a_free_seat_is_refused(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    owner.reserve(&*store, user(1), &[1]).await;
    check_refused(&*store, Batch { released: vec![1, 2], ..owner.batch() }, aborted).await;
}

pub async fn a_change_of_an_unknown_reservation_is_refused(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let known = owner.reserve(&*store, user(1), &[1]).await;
    let confirmed = ended(&known, ReservationStatus::Confirmed, 2);
    let unknown = owner.reservation(user(1), &[2], None);
    let batch = owner
        .batch()
        .change(Change::Confirmed { id: known.id }, &confirmed)
        .change(Change::Confirmed { id: unknown.id }, &unknown);
    check_refused(&*store, batch, aborted).await;
}

pub async fn a_batch_is_found_by_its_number(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let mut ids = Vec::new();
    for seat_no in 1..=3 {
        let reservation = owner.reservation(user(1), &[seat_no], None);
        let batch = owner.batch().reserve(&reservation);
        ids.push(owner.write(&*store, batch).await.batch_id);
    }
    assert_eq!(store.batch_at(owner.event_id, 0).await, Ok(None));
    for (seq, id) in (1..).zip(&ids) {
        assert_eq!(store.batch_at(owner.event_id, seq).await, Ok(Some(*id)));
    }
    assert_eq!(store.batch_at(owner.event_id, 4).await, Ok(None));
    assert_eq!(store.batch_at(new_event_at(NOW.plus_s(1)).id, 1).await, Ok(None));
}

pub async fn activation_reads_what_an_owner_needs(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    // Batch n is decided n - 1 seconds after NOW, and so are its reservations.
    let mut made = Vec::new();
    for (seat_no, key) in [(1, Some("a")), (2, Some("b")), (3, None), (4, Some("d")), (5, None)] {
        let reservation = owner.reservation(user(u128::from(seat_no)), &[seat_no], key);
        let batch = owner.batch().reserve(&reservation);
        owner.write(&*store, batch).await;
        made.push(reservation);
    }
    let confirmed = ended(&made[0], ReservationStatus::Confirmed, 6);
    let cancelled = ended(&made[3], ReservationStatus::Cancelled, 6);
    let expired = ended(&made[4], ReservationStatus::Expired, 6);
    let batch = owner
        .batch()
        .change(Change::Confirmed { id: confirmed.id }, &confirmed)
        .change(Change::Cancelled { id: cancelled.id }, &cancelled)
        .change(Change::Expired { id: expired.id }, &expired)
        .counts(2, 1);
    owner.write(&*store, batch).await;

    let mut snapshot = store.activate(owner.event_id, "node-b", KEYS).await.unwrap().unwrap();
    snapshot.live.sort_by_key(|reservation| reservation.id);
    // With their keys: those of reservations that have ended stand apart.
    assert_eq!(snapshot.live, [confirmed, made[1].clone(), made[2].clone()]);
    assert_eq!((snapshot.ended_keys, snapshot.has_more_keys), (vec![made[3].ended_key().unwrap()], false));
    assert_eq!(snapshot.last_reservation_id, Some(made[4].id));
    assert_eq!(snapshot.event, store.event(owner.event_id).await.unwrap().unwrap());
    assert_eq!((snapshot.event.version, snapshot.event.epoch), (6, 2));
}

pub async fn activation_of_an_unknown_event_finds_none(database: &dyn Database) {
    let store = database.connect().await;
    assert_eq!(store.activate(new_event_at(NOW).id, "node-a", KEYS).await, Ok(None));
    let event = new_event_at(NOW.plus_s(1));
    store.create_event(&event).await.unwrap();
    let snapshot = store.activate(event.id, "node-a", KEYS).await.unwrap().unwrap();
    assert_eq!((snapshot.live.len(), snapshot.ended_keys.len(), snapshot.has_more_keys), (0, 0, false));
    assert_eq!((snapshot.last_reservation_id, snapshot.ordered_at, snapshot.due_at), (None, None, None));
}

pub async fn keys_of_ended_reservations_are_found_by_their_hashes(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let mut made = Vec::new();
    for (seat_no, key) in [(1, "a"), (2, "b"), (3, "c"), (4, "live")] {
        made.push(owner.reservation(user(1), &[seat_no], Some(key)));
    }
    let batch = made.iter().fold(owner.batch(), |batch, made| batch.reserve(made));
    owner.write(&*store, batch).await;
    let is_ended = |made: &Reservation| ended(made, ReservationStatus::Expired, 2);
    let expired: Vec<_> = made[..3].iter().map(is_ended).collect();
    let end = |batch: Batch, row: &Reservation| batch.change(Change::Expired { id: row.id }, row);
    let batch = expired.iter().fold(owner.batch(), end);
    owner.write(&*store, batch).await;

    let keys: Vec<_> = made.iter().map(|made| made.ended_key().unwrap()).collect();
    let hashes: Vec<_> = keys.iter().map(|key| key.key_hash).collect();
    let mut found = store.ended_keys(owner.event_id, &hashes).await.unwrap();
    found.sort_by_key(|key| key.reservation_id);
    assert_eq!(found, keys[..3]);
    assert_eq!(store.ended_keys(owner.event_id, &hashes[3..]).await, Ok(vec![]));
    let elsewhere = owned_event(&*store).await.event_id;
    assert_eq!(store.ended_keys(elsewhere, &hashes).await, Ok(vec![]));
    // An owner loads as many as it wants, and knows that there are more.
    let snapshot = store.activate(owner.event_id, "node-b", KEYS).await.unwrap().unwrap();
    assert_eq!((snapshot.ended_keys.len(), snapshot.has_more_keys), (KEYS as usize, true));

    // A key that is used again leads to its last reservation.
    let mut owner = activate(&*store, owner.event_id).await;
    let again = owner.reservation(user(1), &[1], Some("a"));
    let batch = owner.batch().reserve(&again);
    owner.write(&*store, batch).await;
    let again = ended(&again, ReservationStatus::Cancelled, 4);
    let batch = owner.batch().change(Change::Cancelled { id: again.id }, &again);
    owner.write(&*store, batch).await;
    assert_eq!(store.ended_keys(owner.event_id, &hashes[..1]).await, Ok(vec![again.ended_key().unwrap()]));
}

pub async fn due_events_come_longest_overdue_first(database: &dyn Database) {
    let store = database.connect().await;
    let mut owners = Vec::new();
    for due_s in [30, 10, 20, 40] {
        let mut owner = owned_event(&*store).await;
        let reservation = owner.reservation(user(1), &[1], None);
        let at = Some(NOW.plus_s(due_s));
        let batch = Batch { next_expires_at: at, due_at: at, ..owner.batch().reserve(&reservation) };
        owner.write(&*store, batch).await;
        owners.push(owner);
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|index: usize| owners[index].event_id);
    assert_eq!(store.due_events(NOW.plus_s(9), 10).await.unwrap(), []);
    assert_eq!(store.due_events(NOW.plus_s(30), 10).await.unwrap(), [b, c, a]);
    assert_eq!(store.due_events(NOW.plus_s(60), 2).await.unwrap(), [b, c]);
    // Without a hold, or with one that lasts, an event is not due. It stays down for a minute.
    let (without, later) = (owners[1].batch(), owners[0].batch());
    owners[1].write(&*store, without).await;
    owners[0].write(&*store, Batch { next_expires_at: Some(NOW.plus_s(200)), ..later }).await;
    assert_eq!(store.due_events(NOW.plus_s(60), 10).await.unwrap(), [c, d]);
    let due_at = async |id| store.activate(id, "node-b", KEYS).await.unwrap().unwrap().due_at;
    assert_eq!((due_at(b).await, due_at(a).await), (Some(NOW.plus_s(10)), Some(NOW.plus_s(30))));
    assert_eq!(store.due_events(NOW.plus_s(90), 10).await.unwrap(), [c, d]);
    assert_eq!((due_at(b).await, due_at(a).await), (None, Some(NOW.plus_s(200))));
    // An owner may put its event down for another time.
    let mut owner = activate(&*store, b).await;
    let at = Some(NOW.plus_s(5));
    let batch = Batch { next_expires_at: at, due_at: at, ..owner.batch() };
    owner.write(&*store, batch).await;
    assert_eq!(store.due_events(NOW.plus_s(90), 10).await.unwrap(), [b, c, d]);
}

pub async fn events_are_paged_newest_first(database: &dyn Database) {
    let store = database.connect().await;
    let mut ids = Vec::new();
    for age_s in [2, 0, 3, 1] {
        let event = new_event_at(NOW.minus_s(age_s));
        store.create_event(&event).await.unwrap();
        ids.push(event.id);
    }
    let newest_first = [ids[1], ids[3], ids[0], ids[2]];
    let page = async |before, limit| -> Vec<EventId> {
        store.events(before, limit).await.unwrap().into_iter().map(|row| row.info.id).collect()
    };
    assert_eq!(page(None, 10).await, newest_first);
    assert_eq!(page(None, 2).await, newest_first[..2]);
    assert_eq!(page(Some(newest_first[1]), 10).await, newest_first[2..]);
    assert_eq!(page(Some(newest_first[3]), 10).await, []);

    let mut oldest_first = newest_first;
    oldest_first.reverse();
    assert_eq!(store.event_ids(None, 10).await.unwrap(), oldest_first);
    assert_eq!(store.event_ids(Some(oldest_first[0]), 2).await.unwrap(), oldest_first[1..3]);
}

pub async fn reservations_are_paged_and_filtered(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let first = owner.reserve(&*store, user(1), &[1]).await;
    let second = owner.reserve(&*store, user(1), &[2]).await;
    owner.reserve(&*store, user(2), &[3]).await;
    let third = owner.reserve(&*store, user(1), &[4]).await;
    let second = ended(&second, ReservationStatus::Cancelled, 5);
    let batch = owner.batch().change(Change::Cancelled { id: second.id }, &second);
    owner.write(&*store, batch).await;

    let all = ReservationFilter { user_id: user(1), status: None, before: None, limit: 10 };
    let list = async |filter| store.reservations(filter).await.unwrap();
    assert_eq!(list(all).await, [third.clone(), second.clone(), first.clone()]);
    assert_eq!(list(ReservationFilter { limit: 2, ..all }).await, [third.clone(), second.clone()]);
    assert_eq!(
        list(ReservationFilter { before: Some(second.id), ..all }).await,
        std::slice::from_ref(&first)
    );
    let pending = ReservationFilter { status: Some(ReservationStatus::Pending), ..all };
    assert_eq!(list(pending).await, [third, first]);
    let cancelled = ReservationFilter { status: Some(ReservationStatus::Cancelled), ..all };
    assert_eq!(list(cancelled).await, [second]);
    assert_eq!(list(ReservationFilter { user_id: user(3), ..all }).await, []);
}

pub async fn the_seat_map_shows_every_status(database: &dyn Database) {
    let store = database.connect().await;
    assert_eq!(store.seat_map(new_event_at(NOW.plus_s(1)).id).await, Ok(None));
    let mut owner = owned_event(&*store).await;
    let empty = store.seat_map(owner.event_id).await.unwrap().unwrap();
    assert_eq!((empty.version, empty.statuses), (0, vec![SeatStatus::Available; 12]));

    let sold = owner.reserve(&*store, user(1), &[12, 1]).await;
    let held = owner.reserve(&*store, user(1), &[5]).await;
    let given_back = owner.reserve(&*store, user(1), &[6]).await;
    let sold = ended(&sold, ReservationStatus::Confirmed, 4);
    let given_back = ended(&given_back, ReservationStatus::Cancelled, 4);
    let batch = owner
        .batch()
        .change(Change::Confirmed { id: sold.id }, &sold)
        .change(Change::Cancelled { id: given_back.id }, &given_back)
        .counts(1, 2);
    owner.write(&*store, batch).await;

    let map = store.seat_map(owner.event_id).await.unwrap().unwrap();
    let mut expected = vec![SeatStatus::Available; 12];
    expected[0] = SeatStatus::Confirmed;
    expected[11] = SeatStatus::Confirmed;
    expected[held.seats[0] as usize - 1] = SeatStatus::Reserved;
    assert_eq!(map.statuses, expected);
    assert_eq!((map.version, map.counts), (4, SeatCounts { reserved: 1, confirmed: 2, not_for_sale: 0 }));
    assert_eq!(*map.info, store.event(owner.event_id).await.unwrap().unwrap().info);
}

pub async fn the_journal_is_read_in_pages(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let mut batches = Vec::new();
    for seat_no in 1..=5 {
        let reservation = owner.reservation(user(1), &[seat_no], None);
        let batch = owner.batch().reserve(&reservation);
        batches.push(owner.write(&*store, batch).await);
    }
    let rows = store.journal(owner.event_id, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 5);
    for (row, batch) in rows.iter().zip(&batches) {
        assert_eq!((row.seq, row.batch_id, row.epoch), (batch.seq, batch.batch_id, batch.epoch));
        assert_eq!((row.decided_at, &row.changes), (batch.decided_at, &batch.changes));
    }
    assert_eq!(store.journal(owner.event_id, 1, 2).await.unwrap(), rows[1..3]);
    assert_eq!(store.journal(owner.event_id, 5, 2).await.unwrap(), []);
}

pub async fn the_journal_keeps_every_kind_of_change(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let id = owner.reservation(user(1), &[1], None).id;
    let with_key = owner.reservation(user(1), &[1, 2], Some("key"));
    let changes = vec![
        reserved(&with_key),
        Change::Confirmed { id },
        Change::Cancelled { id },
        Change::Extended { id, expires_at: NOW },
        Change::Expired { id },
        Change::Amended { details: new_event_at(NOW).details },
        Change::Deleted,
    ];
    let batch = Batch { changes: changes.clone(), ..owner.batch() };
    owner.write(&*store, batch).await;
    assert_eq!(store.journal(owner.event_id, 0, 10).await.unwrap()[0].changes, changes);
}

pub async fn amended_details_replace_the_old_ones(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let before = store.event(owner.event_id).await.unwrap().unwrap();
    let details = EventDetails {
        name: "Another night".to_owned(),
        description: String::new(),
        venue: "The \"Barn\"".to_owned(),
        start_at: NOW.plus_s(5),
        end_at: NOW.plus_s(6),
        hold_ttl_s: 7,
        max_hold_s: 8,
        max_seats_per_reservation: 9,
        rules: Rules { orphan_rule: OrphanRule::Refuse },
    };
    owner.reserve(&*store, user(1), &[1]).await;
    let batch = Batch {
        changes: vec![Change::Amended { details: details.clone() }],
        info: Some(Arc::new(EventInfo {
            details: details.clone(),
            updated_at: owner.batch().decided_at,
            ..before.info.clone()
        })),
        ..owner.batch()
    };
    let batch = owner.write(&*store, batch).await;
    let after = store.event(owner.event_id).await.unwrap().unwrap();
    assert_eq!(after.info.details, details);
    assert_eq!(after.info.updated_at, batch.decided_at);
    assert_eq!((after.info.created_at, &after.info.seating), (before.info.created_at, &before.info.seating));
    // Only a change of the details moves `updated_at`.
    owner.reserve(&*store, user(1), &[2]).await;
    assert_eq!(store.event(owner.event_id).await.unwrap().unwrap().info, after.info);
}

pub async fn a_deleted_event_is_read_but_not_listed(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let batch = Batch { changes: vec![Change::Deleted], deleted: true, ..owner.batch() };
    owner.write(&*store, batch).await;
    assert!(store.event(owner.event_id).await.unwrap().unwrap().deleted);
    assert_eq!(store.events(None, 10).await, Ok(vec![]));
    assert_eq!(store.event_ids(None, 10).await, Ok(vec![owner.event_id]));
    assert_eq!(store.activate(owner.event_id, "node-b", KEYS).await, Ok(None));
    assert_eq!(store.seat_map(owner.event_id).await, Ok(None));
    let row = store.event(owner.event_id).await.unwrap().unwrap();
    assert_eq!((row.epoch, row.owner.as_deref()), (owner.epoch, Some("node-a")));
    assert!(store.tables(owner.event_id).await.unwrap().is_some());
    assert_eq!(store.journal(owner.event_id, 0, 10).await.unwrap().len(), 1);
}

pub async fn texts_of_all_kinds_are_kept(database: &dyn Database) {
    let store = database.connect().await;
    let text = "'; DROP TABLE events; -- \"{1,2}\" \\N NULL \t\n 席 🎺";
    let mut event = new_event_at(NOW);
    event.details.name = text.to_owned();
    event.seating = Seating::of_sections([(text.to_owned(), 1, 2, 100)]);
    store.create_event(&event).await.unwrap();
    assert_eq!(store.event(event.id).await.unwrap().unwrap().info, event);

    let mut owner = activate(&*store, event.id).await;
    let made = ["", "null", text, "{}"].map(|key| owner.reservation(user(1), &[2], Some(key)));
    let cancelled: Vec<_> = made.iter().map(|r| ended(r, ReservationStatus::Cancelled, 1)).collect();
    let batch = Batch {
        created: cancelled.iter().cloned().map(Arc::new).collect(),
        changes: made.iter().map(reserved).collect(),
        info: Some(Arc::new(event.clone())),
        ..owner.batch()
    };
    let batch = owner.write(&*store, batch).await;
    assert_eq!(tables(&*store, event.id).await.reservations, cancelled);
    assert_eq!(store.event(event.id).await.unwrap().unwrap().info.details.name, text);
    assert_eq!(store.journal(event.id, 0, 1).await.unwrap()[0].changes, batch.changes);
}

pub async fn batches_of_any_size_are_written_whole(database: &dyn Database) {
    let store = database.connect().await;
    for size in [1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 1_024, 1_025] {
        let mut event = new_event_at(NOW);
        event.seating = Seating::of_seats(1_025, 100);
        store.create_event(&event).await.unwrap();
        let mut owner = activate(&*store, event.id).await;
        let mut batch = owner.batch();
        let mut held = Vec::new();
        for seat_no in 1..=size {
            held.push(owner.reservation(user(1), &[seat_no], None));
            batch = batch.reserve(&held[held.len() - 1]);
        }
        owner.write(&*store, batch.counts(size, 0)).await;
        let found = tables(&*store, event.id).await;
        assert_eq!((&found.reservations, found.claims.len()), (&held, held.len()));

        let sold: Vec<_> = held.iter().map(|r| ended(r, ReservationStatus::Confirmed, 2)).collect();
        let batch = sold.iter().fold(owner.batch(), |b, r| b.change(Change::Confirmed { id: r.id }, r));
        owner.write(&*store, batch.counts(0, size)).await;
        let found = tables(&*store, event.id).await;
        assert_eq!((found.reservations, found.claims.len()), (sold, held.len()));
    }
}

pub async fn a_large_batch_is_written_whole(database: &dyn Database) {
    let store = database.connect().await;
    let mut event = new_event_at(NOW);
    event.seating = Seating::of_seats(6_000, 100);
    store.create_event(&event).await.unwrap();
    let mut owner = activate(&*store, event.id).await;
    let mut batch = owner.batch();
    let mut made = Vec::new();
    for first in (1..=5_000).step_by(5) {
        let seats: Vec<u32> = (first..first + 5).rev().collect();
        let reservation = owner.reservation(user(1), &seats, None);
        batch = batch.reserve(&reservation);
        made.push(reservation);
    }
    owner.write(&*store, batch.counts(5_000, 0)).await;
    let found = tables(&*store, event.id).await;
    assert_eq!((found.reservations, found.claims.len()), (made.clone(), 5_000));

    let expired: Vec<_> = made.iter().map(|r| ended(r, ReservationStatus::Expired, 2)).collect();
    let mut batch = owner.batch();
    for reservation in &expired {
        batch = batch.change(Change::Expired { id: reservation.id }, reservation);
    }
    owner.write(&*store, batch).await;
    let found = tables(&*store, event.id).await;
    assert_eq!((found.reservations, found.claims), (expired, vec![]));
}

pub async fn concurrent_batches_of_one_version_have_one_winner(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let appends: Vec<_> = (1..=6)
        .map(|seat_no| {
            let reservation = owner.reservation(user(1), &[seat_no], None);
            let batch = Arc::new(owner.batch().reserve(&reservation));
            let store = Arc::clone(&store);
            tokio::spawn(async move { (batch.batch_id, store.append(&batch).await) })
        })
        .collect();
    let mut winners: Vec<BatchId> = Vec::new();
    for append in appends {
        match append.await.unwrap() {
            (id, Ok(())) => winners.push(id),
            (_, outcome) => assert_eq!(outcome, Err(AppendError::Fenced)),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.batch_at(owner.event_id, 1).await, Ok(Some(winners[0])));
    assert_eq!(tables(&*store, owner.event_id).await.claims.len(), 1);
}

pub async fn what_was_written_outlasts_the_connection(database: &dyn Database) {
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    owner.reserve(&*store, user(1), &[1]).await;
    let before = tables(&*store, owner.event_id).await;
    drop(store);

    let store = database.connect().await;
    assert_eq!(tables(&*store, owner.event_id).await, before);
    owner.reserve(&*store, user(1), &[2]).await;
    let mut owner = activate(&*store, owner.event_id).await;
    assert_eq!((owner.epoch, owner.version), (2, 2));
    owner.reserve(&*store, user(1), &[3]).await;
}
