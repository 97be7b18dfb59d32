//! The handle through which everything is asked of the engine.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::command::{Caller, Rejection};
use crate::event_info::{EventInfo, EventPatch, NewEvent, SeatCounts};
use crate::id::{EventId, ReservationId, SeatNo, UserId};
use crate::lease::Lease;
use crate::reservation::{Reservation, ReservationStatus};
use crate::store::{SeatMap, Store};

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The address under which other nodes reach this one; recorded as the owner's.
    pub node: String,
    /// How many commands of one event may wait; further ones are answered [`Fault::Overloaded`].
    pub queue_per_event: usize,
    /// How many commands a batch takes at most.
    pub batch_commands: usize,
    /// How often each event looks for holds that have run out.
    pub tick: Duration,
    /// How long an event stays in memory without a command.
    pub idle_after: Duration,
    /// How often the store is searched for due holds of events that no node has in memory.
    pub sweep_every: Duration,
    /// How many threads run events.
    pub event_threads: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            node: "local".to_owned(),
            queue_per_event: 10_000,
            batch_commands: 1_024,
            tick: Duration::from_millis(100),
            idle_after: Duration::from_secs(300),
            sweep_every: Duration::from_secs(5),
            event_threads: 1,
        }
    }
}

/// Something broke. Retrying is right; a command may have been carried out where the text says "unknown",
/// and is then found again by its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The event's queue is full. Nothing was done.
    #[error("too many commands wait for this event")]
    Overloaded,
    /// The store or the leases do not answer, or the event is just changing its owner. Nothing was done.
    #[error("unavailable, nothing was done: {0}")]
    Unavailable(String),
    /// It could not be found out what was done.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The rules refuse the command.
    #[error("{rejection}")]
    Rejected {
        /// Why.
        rejection: Rejection,
        /// The batch of the journal that it was decided against; `None` if no event was asked.
        seq: Option<u64>,
    },
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The node of this address owns the event: ask it.
    #[error("owned by {0}")]
    Elsewhere(String),
}

/// A reservation with the event that it belongs to.
#[derive(Debug, Clone)]
pub struct ReservationView {
    /// The reservation.
    pub reservation: Arc<Reservation>,
    /// Its event, for labels and the currency. The details in it can be older than the reservation.
    pub event: Arc<EventInfo>,
    /// Whether an idempotency key led to it, so that the call itself did nothing.
    pub replayed: bool,
}

/// An event with its counts.
#[derive(Debug, Clone)]
pub struct EventView {
    /// The event.
    pub info: Arc<EventInfo>,
    /// How many seats are held and sold.
    pub counts: SeatCounts,
    /// The number of the journal's last batch; 0 before the first.
    pub version: u64,
}

/// The engine: a cheap handle, to be cloned at will.
#[derive(Clone)]
pub struct Engine {}

#[allow(missing_docs, clippy::todo, unused)]
impl Engine {
    /// Starts an engine. Must be called within an actix `System`.
    pub fn start(
        config: EngineConfig,
        store: Arc<dyn Store>,
        lease: Arc<dyn Lease>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        todo!()
    }
    pub async fn create_event(&self, event: NewEvent) -> Result<EventView, CallError> {
        todo!()
    }
    pub async fn amend_event(&self, id: EventId, patch: EventPatch) -> Result<EventView, CallError> {
        todo!()
    }
    pub async fn delete_event(&self, id: EventId) -> Result<(), CallError> {
        todo!()
    }
    pub async fn event(&self, id: EventId) -> Result<EventView, CallError> {
        todo!()
    }
    /// Newest first.
    pub async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventView>, CallError> {
        todo!()
    }
    pub async fn seat_map(&self, id: EventId) -> Result<Arc<SeatMap>, CallError> {
        todo!()
    }
    pub async fn reserve(
        &self,
        event_id: EventId,
        user_id: UserId,
        seats: Vec<SeatNo>,
        idempotency_key: Option<String>,
    ) -> Result<ReservationView, CallError> {
        todo!()
    }
    pub async fn confirm(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        todo!()
    }
    pub async fn cancel(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        todo!()
    }
    pub async fn extend(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        todo!()
    }
    pub async fn reservation(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        todo!()
    }
    pub async fn reservations(
        &self,
        user_id: UserId,
        status: Option<ReservationStatus>,
        before: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<ReservationView>, CallError> {
        todo!()
    }
    /// Whether the store answers (a fault says what does not).
    pub async fn ping(&self) -> Result<(), Fault> {
        todo!()
    }
    /// How many events are in memory here.
    pub fn live_events(&self) -> usize {
        todo!()
    }
    /// The time by the engine's clock.
    pub fn now(&self) -> Timestamp {
        todo!()
    }
    /// Answers what waits, writes it, gives up every lease, and refuses what comes after.
    pub async fn shutdown(&self) {
        todo!()
    }
}
