//! The port to durable storage, and how it reports what it did.

use std::sync::Arc;

use async_trait::async_trait;

use super::charts::Charts;
use super::store_fault::StoreFault;
use crate::words::{
    Batch, BatchId, EndedKey, EventId, EventInfo, EventKey, EventRow, JournalRow, KeyHash, Reservation,
    ReservationId, ReservationStatus, SeatMap, SeatNo, Snapshot, Timestamp, UserId,
};

/// What became of a batch, or of a new event, that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The event's epoch or version is another one: somebody else owns the event now. Nothing was written.
    #[error("fenced: another node owns the event")]
    Fenced,
    /// Certainly nothing was written.
    #[error("aborted: {0}")]
    Aborted(String),
    /// It may or may not have been written; only a look at the journal tells.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// What the key of a request for an event was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedEventKey {
    /// The event that it made.
    pub event_id: EventId,
    /// Of the request.
    pub request_hash: [u8; 32],
}

/// One event's tables as they are: for checks, not for the way of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTables {
    /// Its row.
    pub event: EventRow,
    /// Every reservation, by id.
    pub reservations: Vec<Reservation>,
    /// Every claim, by seat number.
    pub claims: Vec<(SeatNo, ReservationId)>,
}

/// Which reservations of a user to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservationFilter {
    /// Whose.
    pub user_id: UserId,
    /// In which status; `None`: in any.
    pub status: Option<ReservationStatus>,
    /// Only those with a smaller id; `None`: from the newest.
    pub before: Option<ReservationId>,
    /// How many at most.
    pub limit: u32,
}

/// Durable storage. Every method may be repeated after a [`StoreFault`].
#[async_trait]
pub trait Store: Charts + 'static {
    /// Writes a new event. Writing one whose id exists is aborted.
    async fn create_event(&self, event: &EventInfo) -> Result<(), AppendError>;

    /// Writes a new event with its key in one transaction. `Some`: the key made an event before, and nothing
    /// is written. Of two that come at once with one key, the second waits for what becomes of the first.
    async fn create_event_once(
        &self,
        event: &EventInfo,
        key: &EventKey,
    ) -> Result<Option<UsedEventKey>, AppendError>;

    /// Makes `owner` the event's owner: raises the epoch by one, and commits that; then reads what the owner
    /// needs, with at most `keys` keys of ended reservations. So whatever an earlier owner still has under
    /// way is either in the snapshot or fenced, and nobody waits for the reads. A fault if the epoch is
    /// raised again meanwhile. `None`: there is no such event, or it is deleted.
    ///
    /// It costs as much as there is live, whatever the event's past.
    async fn activate(&self, id: EventId, owner: &str, keys: u32) -> Result<Option<Snapshot>, StoreFault>;

    /// Those of these keys that belong to reservations of the event that have ended.
    async fn ended_keys(&self, id: EventId, keys: &[KeyHash]) -> Result<Vec<EndedKey>, StoreFault>;

    /// Writes a batch in one transaction and one round trip, if the event still has the batch's epoch and
    /// the version before its `seq`.
    async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError>;

    /// The id of the batch at `seq` of an event's journal.
    async fn batch_at(&self, id: EventId, seq: u64) -> Result<Option<BatchId>, StoreFault>;

    /// Events that are due at or before `now` and have a hold that has run out, at most `limit`, the
    /// longest overdue first. `now` must not lie ahead of the owners' clocks by more than half a minute: an
    /// event that has been due for a minute without such a hold is taken off the list.
    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<EventId>, StoreFault>;

    /// One event, deleted or not.
    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault>;

    /// Events that are not deleted, newest first, with ids smaller than `before`.
    async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventRow>, StoreFault>;

    /// The status of each seat, as of one version. `None`: there is no such event, or it is deleted.
    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault>;

    /// One reservation.
    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreFault>;

    /// A user's reservations, newest first.
    async fn reservations(&self, filter: ReservationFilter) -> Result<Vec<Reservation>, StoreFault>;

    /// An event's journal after `after_seq`, at most `limit` rows, in order.
    async fn journal(&self, id: EventId, after_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreFault>;

    /// An event's tables, read at one point in time. `None`: there is no such event.
    async fn tables(&self, id: EventId) -> Result<Option<EventTables>, StoreFault>;

    /// The ids of all events, deleted ones too, in order, after `after`: for checks.
    async fn event_ids(&self, after: Option<EventId>, limit: u32) -> Result<Vec<EventId>, StoreFault>;

    /// The epochs of the events of these ids, so that an owner that lost one notices without writing.
    async fn epochs(&self, ids: &[EventId]) -> Result<Vec<(EventId, u64)>, StoreFault> {
        let mut epochs = Vec::with_capacity(ids.len());
        for &id in ids {
            epochs.extend(self.event(id).await?.map(|row| (id, row.epoch)));
        }
        Ok(epochs)
    }

    /// The time by the store's clock, by which deadlines are judged on every node.
    async fn now(&self) -> Result<Timestamp, StoreFault>;

    /// Whether the store can write, found out by writing something that changes nothing.
    async fn check_write(&self) -> Result<(), StoreFault> {
        self.now().await.map(drop)
    }

    /// Lets go of the database, once nothing is asked any more, and leaves it in order.
    async fn close(&self) {}
}
