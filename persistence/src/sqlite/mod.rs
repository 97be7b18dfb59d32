//! Events in SQLite: the embedded store, for one node.

mod activate;
mod append;
mod backup;
mod charts;
mod close;
mod connect;
mod create;
mod groups;
mod layouts;
mod read;
mod row_values;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{
    AppendError, Batch, BatchId, Chart, ChartId, Charts, Clock, EndedKey, EventId, EventInfo, EventKey,
    EventRow, EventTables, JournalRow, KeyHash, Reservation, ReservationFilter, ReservationId, SeatMap,
    SeatNo, Snapshot, Store, StoreFault, SystemClock, Timestamp, UsedEventKey,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row, SqlitePool};
use uuid::Uuid;

use crate::columns::{Columns, parse};
use crate::writer::Writer;

pub(crate) use backup::backup;
pub(crate) use connect::migrate;

/// A SQLite database.
pub(crate) struct SqliteStore {
    /// Writes batches, through the pool that follows.
    writer: Writer,
    /// One connection, for SQLite has one writer at a time.
    writers: SqlitePool,
    /// Reads go on while a batch is written.
    readers: SqlitePool,
    batch_timeout: Duration,
}

#[async_trait]
impl Charts for SqliteStore {
    async fn put_seat_keys(&self, id: Uuid, keys: &[String]) -> Result<(), StoreFault> {
        charts::put_seat_keys(&self.writers, id, keys).await.map_err(store_fault)
    }

    async fn seat_keys(&self, id: Uuid) -> Result<Option<Vec<String>>, StoreFault> {
        charts::seat_keys(&self.readers, id).await.map_err(store_fault)
    }

    async fn put_chart(&self, chart: &Chart) -> Result<(), StoreFault> {
        charts::put_chart(&self.writers, chart).await.map_err(store_fault)
    }

    async fn chart(&self, id: ChartId) -> Result<Option<Chart>, StoreFault> {
        charts::chart(&self.readers, id).await.map_err(store_fault)
    }

    async fn charts(&self, after: Option<ChartId>, limit: u32) -> Result<Vec<Chart>, StoreFault> {
        charts::charts(&self.readers, after, limit).await.map_err(store_fault)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_event(&self, event: &EventInfo) -> Result<(), AppendError> {
        create::create_event(&self.writers, event, None).await.map(|_| ())
    }

    async fn create_event_once(
        &self,
        event: &EventInfo,
        key: &EventKey,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        create::create_event(&self.writers, event, Some(key)).await
    }

    async fn activate(&self, id: EventId, owner: &str, keys: u32) -> Result<Option<Snapshot>, StoreFault> {
        activate::activate(&self.writers, &self.readers, id, owner, keys).await.map_err(store_fault)
    }

    async fn ended_keys(&self, id: EventId, keys: &[KeyHash]) -> Result<Vec<EndedKey>, StoreFault> {
        activate::ended_keys(&self.readers, id, keys).await.map_err(store_fault)
    }

    async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        match tokio::time::timeout(self.batch_timeout, self.writer.append(batch)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(AppendError::Unknown("no answer within the time for a batch".to_owned())),
        }
    }

    async fn batch_at(&self, id: EventId, seq: u64) -> Result<Option<BatchId>, StoreFault> {
        read::batch_at(&self.readers, id, seq).await.map_err(store_fault)
    }

    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        read::due_events(&self.readers, &self.writers, now, limit).await.map_err(store_fault)
    }

    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault> {
        read::event(&self.readers, id).await.map_err(store_fault)
    }

    async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventRow>, StoreFault> {
        read::events(&self.readers, before, limit).await.map_err(store_fault)
    }

    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault> {
        read::seat_map(&self.readers, id).await.map_err(store_fault)
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreFault> {
        read::reservation(&self.readers, id).await.map_err(store_fault)
    }

    async fn reservations(&self, filter: ReservationFilter) -> Result<Vec<Reservation>, StoreFault> {
        read::reservations(&self.readers, filter).await.map_err(store_fault)
    }

    async fn journal(&self, id: EventId, after_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreFault> {
        read::journal(&self.readers, id, after_seq, limit).await.map_err(store_fault)
    }

    async fn tables(&self, id: EventId) -> Result<Option<EventTables>, StoreFault> {
        read::tables(&self.readers, id).await.map_err(store_fault)
    }

    async fn event_ids(&self, after: Option<EventId>, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        read::event_ids(&self.readers, after, limit).await.map_err(store_fault)
    }

    async fn epochs(&self, ids: &[EventId]) -> Result<Vec<(EventId, u64)>, StoreFault> {
        read::epochs(&self.readers, ids).await.map_err(store_fault)
    }

    async fn now(&self) -> Result<Timestamp, StoreFault> {
        read::answers(&self.readers).await.map_err(store_fault)?;
        // The database has no clock but the machine's.
        Ok(SystemClock.now())
    }

    async fn check_write(&self) -> Result<(), StoreFault> {
        read::check_write(&self.writers).await.map_err(store_fault)
    }

    async fn close(&self) {
        close::close(&self.readers, &self.writers).await;
    }
}

fn store_fault(error: Error) -> StoreFault {
    StoreFault(error.to_string())
}

impl Columns for SqliteRow {
    fn uuid(&self, column: &'static str) -> Result<Uuid, Error> {
        self.try_get(column)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        self.try_get(column)
    }

    fn integer(&self, column: &'static str) -> Result<i64, Error> {
        self.try_get(column)
    }

    fn boolean(&self, column: &'static str) -> Result<bool, Error> {
        self.try_get(column)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        Ok(self.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
    }

    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, Error> {
        self.try_get(column)
    }

    fn seats(&self, column: &'static str) -> Result<Vec<SeatNo>, Error> {
        parse(&self.text(column)?)
    }
}
