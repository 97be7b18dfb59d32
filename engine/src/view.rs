//! What a call shows.

use std::sync::Arc;

use crate::words::{EventInfo, EventRow, Reservation, SeatCounts};

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

/// An event that was asked for with an idempotency key.
#[derive(Debug, Clone)]
pub struct MadeEvent {
    /// As it is now.
    pub event: EventView,
    /// Whether the key had made it before.
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

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        Self { info: Arc::new(row.info), counts: row.counts, version: row.version }
    }
}
