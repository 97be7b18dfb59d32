//! An event as a store has it, and as a reader sees it.

use std::sync::Arc;

use super::clock::Timestamp;
use super::event_info::{EventInfo, SeatCounts};
use super::id::ReservationId;
use super::key::EndedKey;
use super::reservation::Reservation;
use super::seat_status::SeatStatus;

/// An event as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The event itself.
    pub info: EventInfo,
    /// How many seats are held and sold.
    pub counts: SeatCounts,
    /// The number of the journal's last batch; 0 before the first.
    pub version: u64,
    /// The epoch of the last ownership; 0 before the first.
    pub epoch: u64,
    /// The address of the last owner.
    pub owner: Option<String>,
    /// Whether the event was deleted.
    pub deleted: bool,
}

/// All that an owner needs in memory, read at one point in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The event, under the epoch that was read or minted.
    pub event: EventRow,
    /// Its pending and confirmed reservations.
    pub live: Vec<Reservation>,
    /// Keys of reservations that have ended, in no order.
    pub ended_keys: Vec<EndedKey>,
    /// Whether the store has more of them.
    pub has_more_keys: bool,
    /// When the store has the event down as due.
    pub due_at: Option<Timestamp>,
    /// The time by which the last batch is ordered.
    pub ordered_at: Option<Timestamp>,
    /// The last reservation's id, live or not.
    pub last_reservation_id: Option<ReservationId>,
}

/// The status of each seat of an event at one version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// The event, as it was then.
    pub info: Arc<EventInfo>,
    /// The number of the journal's last batch in it.
    pub version: u64,
    /// How many seats are held and sold.
    pub counts: SeatCounts,
    /// By seat number, from seat 1.
    pub statuses: Vec<SeatStatus>,
}
