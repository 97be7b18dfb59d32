//! A reservation: some seats of one event for one user.

use serde::{Deserialize, Serialize};

use crate::words::clock::Timestamp;
use crate::words::id::{ReservationId, SeatNo, UserId};

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    /// Holds its seats until `expires_at`.
    Pending,
    /// Its seats are sold.
    Confirmed,
    /// Given back; its seats are free again.
    Cancelled,
    /// Ran out; its seats are free again.
    Expired,
}

impl ReservationStatus {
    /// Whether the reservation has its seats.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Confirmed)
    }
}

/// Some seats of one event for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Leads to the event, too.
    pub id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// The numbers of its seats, in the order asked for.
    pub seats: Vec<SeatNo>,
    /// Where it stands.
    pub status: ReservationStatus,
    /// The sum of its seats' prices, in minor units of the event's currency.
    pub total_minor: i64,
    /// When the hold began.
    pub created_at: Timestamp,
    /// When the hold ends by itself, unless it is confirmed.
    pub expires_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was confirmed, if it was.
    pub confirmed_at: Option<Timestamp>,
    /// When it was cancelled, if it was.
    pub cancelled_at: Option<Timestamp>,
    /// The key that the request for it came with.
    pub idempotency_key: Option<String>,
    /// The journal's batch that changed it last.
    pub seq: u64,
}
