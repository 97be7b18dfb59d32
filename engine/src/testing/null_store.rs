//! A store that writes nowhere: for benchmarks of what stands before a store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use super::fixtures::event_info;
use crate::ports::{AppendError, Charts, EventTables, ReservationFilter, Store, StoreFault, UsedEventKey};
use crate::words::{
    Batch, BatchId, Clock, EndedKey, EventId, EventInfo, EventKey, EventRow, JournalRow, KeyHash,
    Reservation, ReservationId, SeatMap, Seating, Snapshot, SystemClock, Timestamp,
};

/// A store that commits every batch at once and writes nowhere: what is left is the engine's own cost. It
/// knows the events that were made, and nothing of what became of them.
#[derive(Default)]
pub struct NullStore {
    events: RwLock<HashMap<EventId, EventInfo>>,
    default_seats: u32,
}

impl NullStore {
    /// A store that also has every event that was never made, with `default_seats` seats.
    pub fn new(default_seats: u32) -> Arc<Self> {
        Arc::new(Self { default_seats, ..Self::default() })
    }

    fn made(&self, id: EventId) -> Option<EventInfo> {
        self.events.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

/// There is one owner, ever, so there is one epoch.
fn row(info: EventInfo, owner: Option<String>) -> EventRow {
    let counts = info.free_counts();
    EventRow { info, counts, version: 0, epoch: 1, owner, deleted: false }
}

impl Charts for NullStore {}

#[async_trait]
impl Store for NullStore {
    async fn create_event(&self, event: &EventInfo) -> Result<(), AppendError> {
        self.events.write().unwrap_or_else(PoisonError::into_inner).insert(event.id, event.clone());
        Ok(())
    }

    /// Keeps no keys.
    async fn create_event_once(
        &self,
        event: &EventInfo,
        _: &EventKey,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        self.create_event(event).await.map(|()| None)
    }

    async fn activate(&self, id: EventId, owner: &str, _: u32) -> Result<Option<Snapshot>, StoreFault> {
        let info = self.made(id);
        if info.is_none() && self.default_seats == 0 {
            return Ok(None);
        }
        let info = info.unwrap_or_else(|| EventInfo {
            id,
            ..event_info(SystemClock.now(), 0, Seating::of_seats(self.default_seats, 12_000))
        });
        let event = row(info, Some(owner.to_owned()));
        Ok(Some(Snapshot {
            event,
            live: Vec::new(),
            ended_keys: Vec::new(),
            has_more_keys: false,
            due_at: None,
            ordered_at: None,
            last_reservation_id: None,
        }))
    }

    async fn ended_keys(&self, _: EventId, _: &[KeyHash]) -> Result<Vec<EndedKey>, StoreFault> {
        Ok(Vec::new())
    }

    async fn append(&self, _: &Arc<Batch>) -> Result<(), AppendError> {
        Ok(())
    }

    async fn batch_at(&self, _: EventId, _: u64) -> Result<Option<BatchId>, StoreFault> {
        Ok(None)
    }

    async fn due_events(&self, _: Timestamp, _: u32) -> Result<Vec<EventId>, StoreFault> {
        Ok(Vec::new())
    }

    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault> {
        Ok(self.made(id).map(|info| row(info, None)))
    }

    async fn events(&self, _: Option<EventId>, _: u32) -> Result<Vec<EventRow>, StoreFault> {
        Ok(Vec::new())
    }

    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault> {
        Ok(self.made(id).map(|info| SeatMap {
            statuses: info.free_statuses(),
            counts: info.free_counts(),
            info: Arc::new(info),
            version: 0,
        }))
    }

    async fn reservation(&self, _: ReservationId) -> Result<Option<Reservation>, StoreFault> {
        Ok(None)
    }

    async fn reservations(&self, _: ReservationFilter) -> Result<Vec<Reservation>, StoreFault> {
        Ok(Vec::new())
    }

    async fn journal(&self, _: EventId, _: u64, _: u32) -> Result<Vec<JournalRow>, StoreFault> {
        Ok(Vec::new())
    }

    async fn tables(&self, _: EventId) -> Result<Option<EventTables>, StoreFault> {
        Ok(None)
    }

    async fn event_ids(&self, _: Option<EventId>, _: u32) -> Result<Vec<EventId>, StoreFault> {
        Ok(Vec::new())
    }

    async fn now(&self) -> Result<Timestamp, StoreFault> {
        Ok(SystemClock.now())
    }
}
