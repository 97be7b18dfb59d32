//! A reservation: some seats of one event for one user.

use serde::{Deserialize, Serialize};

use crate::words::clock::Timestamp;
use crate::words::id::{ReservationId, SeatNo, UserId};
use crate::words::key::{EndedKey, KeyHash, RequestHash};
use crate::words::prices::TicketTypeNo;

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
    /// What the request said besides which seats, if it did.
    pub terms: Option<Box<Terms>>,
    /// The journal's batch that changed it last.
    pub seq: u64,
}

/// What a request for seats said besides which ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Of each seat; empty: all are of the event's first ticket type.
    #[serde(default, rename = "types", skip_serializing_if = "Vec::is_empty")]
    pub ticket_types: Vec<TicketTypeNo>,
    /// What was asked for: a repetition must be the same.
    #[serde(rename = "request")]
    pub request_hash: RequestHash,
}

impl Reservation {
    /// As what each of the seats is bought; empty: all as the event's first ticket type.
    pub fn ticket_types(&self) -> &[TicketTypeNo] {
        self.terms.as_ref().map_or(&[], |terms| &terms.ticket_types)
    }

    /// What was asked for.
    pub fn request_hash(&self) -> RequestHash {
        self.terms.as_ref().map_or_else(|| RequestHash::of_seats(&self.seats), |terms| terms.request_hash)
    }

    /// The key that the request for it came with, as it is kept when the reservation has ended.
    pub fn ended_key(&self) -> Option<EndedKey> {
        let key = self.idempotency_key.as_deref()?;
        Some(EndedKey {
            key_hash: KeyHash::of(self.user_id, key),
            reservation_id: self.id,
            request_hash: self.request_hash(),
        })
    }
}
