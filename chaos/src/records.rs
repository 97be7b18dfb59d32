//! Reads what the store holds, past the nodes. Whatever cannot be read to its end is unknown, never well.

use std::sync::Arc;
use std::time::Duration;

use engine::{EventId, ReservationStatus, Store, Violation};
use persistence::StoreOptions;

use checker::EventRecord;

const PAGE: u32 = 1_000;

/// The store cannot be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be read: {0}")]
pub struct ReadError(String);

fn read_error(error: impl std::fmt::Display) -> ReadError {
    ReadError(error.to_string())
}

/// The database, read as it is.
pub struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    /// Connects to the database at `url`.
    pub async fn connect(url: &str) -> Result<Self, ReadError> {
        let store = persistence::connect(&StoreOptions::new(url)).await.map_err(read_error)?;
        Ok(Self { store })
    }

    /// Waits until no reservation of the events is pending, at most for `patience`. Holds that are still
    /// there then are the checker's to judge.
    pub async fn wait_until_settled(&self, events: &[EventId], patience: Duration) -> Result<(), ReadError> {
        let settled = async {
            while self.has_pending(events).await? {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        };
        tokio::time::timeout(patience, settled).await.unwrap_or(Ok(()))
    }

    async fn has_pending(&self, events: &[EventId]) -> Result<bool, ReadError> {
        for &id in events {
            let tables = self.store.tables(id).await.map_err(read_error)?;
            let reservations = tables.map(|tables| tables.reservations).unwrap_or_default();
            if reservations.iter().any(|reservation| reservation.status == ReservationStatus::Pending) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The tables and the whole journal of the events.
    pub async fn read(&self, events: &[EventId]) -> Result<Vec<EventRecord>, ReadError> {
        let mut records = Vec::with_capacity(events.len());
        for &id in events {
            records.push(self.read_event(id).await?);
        }
        Ok(records)
    }

    async fn read_event(&self, id: EventId) -> Result<EventRecord, ReadError> {
        let tables = self.store.tables(id).await.map_err(read_error)?;
        let tables = tables.ok_or_else(|| read_error(format!("event {id} is gone")))?;
        let version = tables.event.version;
        let mut journal = Vec::new();
        loop {
            let after = journal.last().map_or(0, |row: &engine::JournalRow| row.seq);
            let page = self.store.journal(id, after, PAGE).await.map_err(read_error)?;
            if page.is_empty() {
                break;
            }
            journal.extend(page);
        }
        // What was written since the tables were read is not theirs.
        journal.retain(|row| row.seq <= version);
        Ok(EventRecord { tables, journal, seat_maps: Vec::new() })
    }

    /// The engine's own check of the journal against the tables, of every event there is.
    pub async fn verify(&self) -> Result<Vec<Violation>, ReadError> {
        Ok(engine::verify(&*self.store).await.map_err(read_error)?.violations)
    }
}
