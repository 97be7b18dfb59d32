//! Batches of many events that a store writes in one transaction: each has an outcome of its own.

use std::sync::Arc;

use async_trait::async_trait;
use engine::testing::random_batch_id;
use engine::{
    AppendError, Batch, Change, EventDetails, EventInfo, ReservationStatus, SeatCounts, Store, verify,
};

use crate::helpers::{BatchSteps, NOW, Owner, activate, ended, new_event_at, owned_event, user};

/// A store whose writer can be held up, so that what comes meanwhile is one group.
#[async_trait]
pub trait Grouping: Sync {
    fn store(&self) -> &dyn Store;

    /// Appends the batches as one group.
    async fn append_together(&self, batches: &[Arc<Batch>]) -> Vec<Result<(), AppendError>>;
}

pub async fn owners(grouping: &impl Grouping, count: usize) -> Vec<Owner> {
    let mut owners = Vec::new();
    for _ in 0..count {
        owners.push(owned_event(grouping.store()).await);
    }
    owners
}

/// What is in the store agrees with the journal, and of these events there are so many batches.
pub async fn check(grouping: &impl Grouping, owners: &[Owner], versions: &[u64]) {
    let report = verify(grouping.store()).await.unwrap();
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    let mut found = Vec::new();
    for owner in owners {
        found.push(grouping.store().event(owner.event_id).await.unwrap().unwrap().version);
    }
    assert_eq!(found, versions);
}

/// The first batch of an owner: it reserves a seat.
pub fn reserve(owner: &mut Owner) -> Arc<Batch> {
    let reservation = owner.reservation(user(1), &[1, 2], Some("key"));
    Arc::new(owner.batch().reserve(&reservation).counts(2, 0))
}

pub async fn each_batch_of_a_group_is_written_to_its_event(grouping: &impl Grouping) {
    let mut owners = owners(grouping, 30).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let outcomes = grouping.append_together(&batches).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    check(grouping, &owners, &[1; 30]).await;
    for (owner, batch) in owners.iter().zip(&batches) {
        let tables = grouping.store().tables(owner.event_id).await.unwrap().unwrap();
        assert_eq!(tables.reservations, [(*batch.created[0]).clone()]);
        assert_eq!(tables.claims, batch.claimed);
        assert_eq!(tables.event.counts, SeatCounts { reserved: 2, ..SeatCounts::default() });
        let journal = grouping.store().journal(owner.event_id, 0, 10).await.unwrap();
        assert_eq!(journal, [batch.journal_row()]);
    }
}

pub async fn every_kind_of_change_finds_its_event(grouping: &impl Grouping) {
    let store = grouping.store();
    let mut owners = owners(grouping, 6).await;
    let mut first = Vec::new();
    for owner in &mut owners[..4] {
        first.push(owner.reserve(store, user(1), &[1, 2]).await);
    }
    let sold = ended(&first[0], ReservationStatus::Confirmed, 2);
    let cancelled = ended(&first[1], ReservationStatus::Cancelled, 2);
    let moved = ended(&first[2], ReservationStatus::Cancelled, 2);
    let next = owners[2].reservation(user(2), &[2, 1], None);
    let details = EventDetails { name: "Night of Strings".to_owned(), ..new_event_at(NOW).details };
    let batches = [
        owners[0].batch().change(Change::Confirmed { id: sold.id }, &sold).counts(0, 2),
        owners[1].batch().change(Change::Cancelled { id: cancelled.id }, &cancelled),
        owners[2].batch().change(Change::Cancelled { id: moved.id }, &moved).reserve(&next).counts(2, 0),
        Batch { changes: vec![Change::Deleted], deleted: true, ..owners[3].batch().counts(2, 0) },
        Batch {
            changes: vec![Change::Amended { details: details.clone() }],
            info: Some(Arc::new(EventInfo { details: details.clone(), ..new_event_at(NOW) })),
            ..owners[4].batch()
        },
        (*reserve(&mut owners[5])).clone(),
    ]
    .map(Arc::new);
    let outcomes = grouping.append_together(&batches).await;
    assert_eq!(outcomes, vec![Ok(()); 6]);

    let mut tables = Vec::new();
    for owner in &owners {
        tables.push(store.tables(owner.event_id).await.unwrap().unwrap());
    }
    assert_eq!(tables[0].reservations, [sold]);
    assert_eq!(tables[1].reservations, [cancelled]);
    assert_eq!(tables[1].claims, []);
    assert_eq!(tables[2].reservations, [moved, next.clone()]);
    assert_eq!(tables[2].claims, [(1, next.id), (2, next.id)]);
    assert_eq!(
        tables.iter().map(|t| t.event.deleted).collect::<Vec<_>>(),
        [false, false, false, true, false, false]
    );
    assert_eq!(tables[4].event.info.details, details);
    assert_eq!(tables[5].claims.len(), 2);
}

pub async fn a_fenced_batch_harms_no_other_of_its_group(grouping: &impl Grouping) {
    let mut owners = owners(grouping, 5).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    activate(grouping.store(), owners[2].event_id).await;
    let outcomes = grouping.append_together(&batches).await;
    assert_eq!(outcomes, [Ok(()), Ok(()), Err(AppendError::Fenced), Ok(()), Ok(())]);
    check(grouping, &owners, &[1, 1, 0, 1, 1]).await;
}

pub async fn a_batch_that_cannot_be_written_harms_no_other_of_its_group(grouping: &impl Grouping) {
    let mut owners = owners(grouping, 5).await;
    let mut batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let other = owners[3].reservation(user(2), &[2], None);
    batches[3] = Arc::new((*batches[3]).clone().reserve(&other));
    let outcomes = grouping.append_together(&batches).await;
    let aborted = |outcome: &Result<(), AppendError>| matches!(outcome, Err(AppendError::Aborted(_)));
    assert_eq!(outcomes.iter().map(aborted).collect::<Vec<_>>(), [false, false, false, true, false]);
    check(grouping, &owners, &[1, 1, 1, 0, 1]).await;
}

pub async fn two_batches_of_one_event_in_a_group_have_one_winner(grouping: &impl Grouping) {
    let mut owners = owners(grouping, 2).await;
    let mut batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    batches.push(Arc::new(Batch { batch_id: random_batch_id(), ..(*batches[0]).clone() }));
    let outcomes = grouping.append_together(&batches).await;
    assert_eq!(outcomes[1], Ok(()));
    assert!([&outcomes[0], &outcomes[2]].contains(&&Ok(())), "{outcomes:?}");
    assert!([&outcomes[0], &outcomes[2]].contains(&&Err(AppendError::Fenced)), "{outcomes:?}");
    check(grouping, &owners, &[1, 1]).await;
}
