//! The store as a node reaches it: over a network, at one instant between question and answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{
    AppendError, Batch, BatchId, Charts, EndedKey, EventId, EventInfo, EventKey, EventRow, EventTables,
    JournalRow, KeyHash, Reservation, ReservationFilter, ReservationId, SeatMap, Snapshot, Store, StoreFault,
    Timestamp, UsedEventKey,
};
use tokio::time::Instant;

use crate::network::{Failure, Place, Wire};
use crate::truth::{Truth, at_once};

/// How long a node waits for the store.
pub const PATIENCE: Duration = Duration::from_millis(1_500);

/// The store of one node.
pub struct SimStore {
    /// The node's way to it.
    pub wire: Wire,
    /// The node's number.
    pub node: usize,
    /// What is durable.
    pub truth: Arc<Truth>,
    /// How many of the next batches are aborted.
    pub aborts: Arc<AtomicUsize>,
    /// How the next append panics in the node: one of [`Panics`].
    pub panics: Arc<AtomicUsize>,
}

/// Where an append panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panics {
    /// Nowhere.
    No,
    /// Before the batch is sent.
    Before,
    /// After the answer has come.
    After,
}

fn counts_down(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn not_acknowledged(failure: Failure) -> AppendError {
    match failure {
        Failure::NotSent => AppendError::Aborted("not sent".to_owned()),
        Failure::Unanswered => AppendError::Unknown("unanswered".to_owned()),
    }
}

fn fault(failure: Failure) -> StoreFault {
    StoreFault(format!("{failure:?}"))
}

impl SimStore {
    async fn create(
        &self,
        event: &EventInfo,
        key: Option<&EventKey>,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        let (truth, event, key) = (Arc::clone(&self.truth), event.clone(), key.cloned());
        let create = move || truth.create(&event, key.as_ref());
        let result = self.wire.call(Place::Postgres, PATIENCE, create).await;
        result.unwrap_or_else(|failure| Err(not_acknowledged(failure)))
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl Fn(&Truth) -> Result<T, StoreFault> + Send + Sync + 'static,
    ) -> Result<T, StoreFault> {
        let truth = Arc::clone(&self.truth);
        self.wire.call(Place::Postgres, PATIENCE, move || work(&truth)).await.map_err(fault)?
    }
}

impl Charts for SimStore {}

#[async_trait]
impl Store for SimStore {
    async fn create_event(&self, event: &EventInfo) -> Result<(), AppendError> {
        self.create(event, None).await.map(|_| ())
    }

    async fn create_event_once(
        &self,
        event: &EventInfo,
        key: &EventKey,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        self.create(event, Some(key)).await
    }

    async fn activate(&self, id: EventId, owner: &str, keys: u32) -> Result<Option<Snapshot>, StoreFault> {
        let (node, owner) = (self.node, owner.to_owned());
        self.ask(move |truth| truth.activate(node, id, &owner, keys)).await
    }

    async fn ended_keys(&self, id: EventId, keys: &[KeyHash]) -> Result<Vec<EndedKey>, StoreFault> {
        let keys = keys.to_vec();
        self.ask(move |truth| at_once(truth.store.ended_keys(id, &keys))).await
    }

    async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        let panics = self.panics.swap(Panics::No as usize, Ordering::SeqCst);
        assert_ne!(panics, Panics::Before as usize, "a panic on purpose");
        let (node, batch) = (self.node, Arc::clone(batch));
        let decided = Instant::now();
        let (truth, aborts) = (Arc::clone(&self.truth), Arc::clone(&self.aborts));
        let append = move || {
            if counts_down(&aborts) {
                return Err(AppendError::Aborted("on purpose".to_owned()));
            }
            truth.append(node, &batch, decided)
        };
        let result = self.wire.call(Place::Postgres, PATIENCE, append).await;
        assert_ne!(panics, Panics::After as usize, "a panic on purpose");
        result.unwrap_or_else(|failure| Err(not_acknowledged(failure)))
    }

    async fn batch_at(&self, id: EventId, seq: u64) -> Result<Option<BatchId>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.batch_at(id, seq))).await
    }

    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.due_events(now, limit))).await
    }

    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.event(id))).await
    }

    async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventRow>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.events(before, limit))).await
    }

    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.seat_map(id))).await
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.reservation(id))).await
    }

    async fn reservations(&self, filter: ReservationFilter) -> Result<Vec<Reservation>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.reservations(filter))).await
    }

    async fn journal(&self, id: EventId, after_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.journal(id, after_seq, limit))).await
    }

    async fn tables(&self, id: EventId) -> Result<Option<EventTables>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.tables(id))).await
    }

    async fn event_ids(&self, after: Option<EventId>, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        self.ask(move |truth| at_once(truth.store.event_ids(after, limit))).await
    }

    async fn epochs(&self, ids: &[EventId]) -> Result<Vec<(EventId, u64)>, StoreFault> {
        let ids = ids.to_vec();
        self.ask(move |truth| at_once(truth.store.epochs(&ids))).await
    }

    async fn now(&self) -> Result<Timestamp, StoreFault> {
        self.ask(|truth| at_once(truth.store.now())).await
    }
}
