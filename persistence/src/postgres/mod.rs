//! Events in Postgres: the store for many nodes.

mod activate;
mod append;
mod charts;
mod connect;
mod create;
mod fault;
mod lane;
mod lanes;
mod layouts;
mod read;
mod sessions;
mod timeouts;
#[cfg(feature = "chaos")]
mod unfenced;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{
    AppendError, Batch, BatchId, Chart, ChartId, Charts, EndedKey, EventId, EventInfo, EventKey, EventRow,
    EventTables, JournalRow, KeyHash, Reservation, ReservationFilter, ReservationId, SeatMap, SeatNo,
    Snapshot, Store, StoreFault, Timestamp, UsedEventKey,
};
use sqlx::postgres::PgRow;
use sqlx::{Error, PgPool, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::columns::Columns;
use crate::retry;
use crate::writer::Writer;

use timeouts::{ACTIVATION_TIMEOUT, READ_TIMEOUT};

pub(crate) use connect::migrate;

/// A Postgres database.
pub(crate) struct PostgresStore {
    /// Writes batches.
    writer: Writer,
    /// For what an owner needs to go on: few connections, kept from those who only look.
    owner_pool: PgPool,
    /// For events that become live: what owners need does not wait for them.
    activation_pool: PgPool,
    /// How long an owner waits for what it needs.
    owner_timeout: Duration,
    /// Everything else.
    pool: PgPool,
}

impl PostgresStore {
    async fn read<T, F>(&self, attempt: impl FnMut() -> F) -> Result<T, StoreFault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        in_time(READ_TIMEOUT, retry::read(attempt)).await
    }

    async fn read_as_owner<T, F>(&self, attempt: impl FnMut() -> F) -> Result<T, StoreFault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        in_time(self.owner_timeout, retry::read(attempt)).await
    }
}

/// The server bounds a statement, but cannot when it is out of reach.
async fn in_time<T>(limit: Duration, read: impl Future<Output = Result<T, Error>>) -> Result<T, StoreFault> {
    let late = |_| StoreFault(format!("no answer within {} ms", limit.as_millis()));
    tokio::time::timeout(limit, read).await.map_err(late)?.map_err(fault::store_fault)
}

#[async_trait]
impl Charts for PostgresStore {
    async fn put_seat_keys(&self, id: Uuid, keys: &[String]) -> Result<(), StoreFault> {
        self.read(|| charts::put_seat_keys(&self.pool, id, keys)).await
    }

    async fn seat_keys(&self, id: Uuid) -> Result<Option<Vec<String>>, StoreFault> {
        self.read(|| charts::seat_keys(&self.pool, id)).await
    }

    async fn put_chart(&self, chart: &Chart) -> Result<(), StoreFault> {
        self.read(|| charts::put_chart(&self.pool, chart)).await
    }

    async fn chart(&self, id: ChartId) -> Result<Option<Chart>, StoreFault> {
        self.read(|| charts::chart(&self.pool, id)).await
    }

    async fn charts(&self, after: Option<ChartId>, limit: u32) -> Result<Vec<Chart>, StoreFault> {
        self.read(|| charts::charts(&self.pool, after, limit)).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn create_event(&self, event: &EventInfo) -> Result<(), AppendError> {
        create::create_event(&self.pool, event, None).await.map(|_| ())
    }

    async fn create_event_once(
        &self,
        event: &EventInfo,
        key: &EventKey,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        create::create_event(&self.pool, event, Some(key)).await
    }

    async fn activate(&self, id: EventId, owner: &str, keys: u32) -> Result<Option<Snapshot>, StoreFault> {
        let activate = || activate::activate(&self.activation_pool, id, owner, keys);
        in_time(ACTIVATION_TIMEOUT, retry::read(activate)).await
    }

    async fn ended_keys(&self, id: EventId, keys: &[KeyHash]) -> Result<Vec<EndedKey>, StoreFault> {
        self.read_as_owner(|| activate::ended_keys(&self.owner_pool, id, keys)).await
    }

    async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        self.writer.append(batch).await
    }

    async fn batch_at(&self, id: EventId, seq: u64) -> Result<Option<BatchId>, StoreFault> {
        self.read_as_owner(|| read::batch_at(&self.owner_pool, id, seq)).await
    }

    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        self.read_as_owner(|| read::due_events(&self.owner_pool, now, limit)).await
    }

    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault> {
        self.read(|| read::event(&self.pool, id)).await
    }

    async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventRow>, StoreFault> {
        self.read(|| read::events(&self.pool, before, limit)).await
    }

    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault> {
        self.read(|| read::seat_map(&self.pool, id)).await
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreFault> {
        self.read(|| read::reservation(&self.pool, id)).await
    }

    async fn reservations(&self, filter: ReservationFilter) -> Result<Vec<Reservation>, StoreFault> {
        self.read(|| read::reservations(&self.pool, filter)).await
    }

    async fn journal(&self, id: EventId, after_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreFault> {
        self.read(|| read::journal(&self.pool, id, after_seq, limit)).await
    }

    async fn tables(&self, id: EventId) -> Result<Option<EventTables>, StoreFault> {
        self.read(|| read::tables(&self.pool, id)).await
    }

    async fn event_ids(&self, after: Option<EventId>, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        self.read(|| read::event_ids(&self.pool, after, limit)).await
    }

    async fn epochs(&self, ids: &[EventId]) -> Result<Vec<(EventId, u64)>, StoreFault> {
        self.read_as_owner(|| read::epochs(&self.owner_pool, ids)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreFault> {
        self.read_as_owner(|| read::now(&self.owner_pool)).await
    }

    async fn check_write(&self) -> Result<(), StoreFault> {
        self.read_as_owner(|| read::check_write(&self.owner_pool)).await
    }

    async fn close(&self) {
        self.owner_pool.close().await;
        self.pool.close().await;
    }
}

impl Columns for PgRow {
    fn uuid(&self, column: &'static str) -> Result<Uuid, Error> {
        self.try_get(column)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        self.try_get(column)
    }

    fn integer(&self, column: &'static str) -> Result<i64, Error> {
        // Unchecked: smallint and integer decode as well.
        self.try_get_unchecked(column)
    }

    fn boolean(&self, column: &'static str) -> Result<bool, Error> {
        self.try_get(column)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        Ok(self.try_get::<Option<OffsetDateTime>, _>(column)?.map(Timestamp::from))
    }

    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, Error> {
        self.try_get(column)
    }

    fn seats(&self, column: &'static str) -> Result<Vec<SeatNo>, Error> {
        let seats: Vec<i32> = self.try_get(column)?;
        Ok(seats.into_iter().map(i32::cast_unsigned).collect())
    }
}
