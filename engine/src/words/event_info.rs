//! What is known of an event besides who holds its seats.

use serde::{Deserialize, Serialize};

use crate::words::allocation::Allocation;
use crate::words::clock::Timestamp;
use crate::words::currency::Currency;
use crate::words::id::EventId;
use crate::words::invalid::Invalid;
use crate::words::seat_status::SeatStatus;
use crate::words::seating::Seating;

/// What an administrator may change of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDetails {
    /// 1 to 255 characters.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where it takes place.
    pub venue: String,
    /// When it begins.
    pub start_at: Timestamp,
    /// When it ends, after `start_at`; from then on nothing more is reserved.
    pub end_at: Timestamp,
    /// How long a hold lasts.
    pub hold_ttl_s: u32,
    /// How long a hold can last with all its extensions, at least `hold_ttl_s`.
    pub max_hold_s: u32,
    /// How many seats a reservation can have.
    pub max_seats_per_reservation: u32,
    /// How its seats are sold.
    #[serde(default)]
    pub rules: Rules,
}

/// How an event's seats are sold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Whether a reservation may leave a single seat between others.
    #[serde(default)]
    pub orphan_rule: OrphanRule,
}

/// Whether seats that are picked by number may leave a single free seat beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrphanRule {
    /// They may.
    #[default]
    Off,
    /// They may not, unless that one was single before.
    Refuse,
}

impl EventDetails {
    /// Whether these details obey their rules.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.end_at <= self.start_at {
            return Err(Invalid::EndsBeforeStart);
        }
        if self.max_hold_s < self.hold_ttl_s {
            return Err(Invalid::HoldBeyondLongest);
        }
        Ok(())
    }
}

/// A change to some of an event's details; `None` leaves a detail as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of EventDetails")]
pub struct EventPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub venue: Option<String>,
    pub start_at: Option<Timestamp>,
    pub end_at: Option<Timestamp>,
    pub hold_ttl_s: Option<u32>,
    pub max_hold_s: Option<u32>,
    pub max_seats_per_reservation: Option<u32>,
    pub orphan_rule: Option<OrphanRule>,
}

impl EventPatch {
    /// `details` with this patch applied.
    pub fn apply(self, details: &EventDetails) -> EventDetails {
        EventDetails {
            name: self.name.unwrap_or_else(|| details.name.clone()),
            description: self.description.unwrap_or_else(|| details.description.clone()),
            venue: self.venue.unwrap_or_else(|| details.venue.clone()),
            start_at: self.start_at.unwrap_or(details.start_at),
            end_at: self.end_at.unwrap_or(details.end_at),
            hold_ttl_s: self.hold_ttl_s.unwrap_or(details.hold_ttl_s),
            max_hold_s: self.max_hold_s.unwrap_or(details.max_hold_s),
            max_seats_per_reservation: self
                .max_seats_per_reservation
                .unwrap_or(details.max_seats_per_reservation),
            rules: Rules { orphan_rule: self.orphan_rule.unwrap_or(details.rules.orphan_rule) },
        }
    }
}

/// An event without its reservations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventInfo {
    /// Its id.
    pub id: EventId,
    /// What can be changed of it.
    pub details: EventDetails,
    /// The currency of its prices.
    pub currency: Currency,
    /// Its seats and their prices. Sections can be added, nothing else changes.
    pub seating: Seating,
    /// The seats that not everybody can buy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allocations: Vec<Allocation>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its details were last changed.
    pub updated_at: Timestamp,
}

impl EventInfo {
    /// The status of each seat if nobody has any.
    pub fn free_statuses(&self) -> Vec<SeatStatus> {
        let mut statuses = vec![SeatStatus::Available; self.seating.seats() as usize];
        for allocation in &self.allocations {
            let status = if allocation.released { SeatStatus::Available } else { SeatStatus::NotForSale };
            for range in allocation.ranges() {
                let seats = statuses.get_mut(*range.start() as usize - 1..*range.end() as usize);
                seats.into_iter().for_each(|seats| seats.fill(status));
            }
        }
        statuses
    }

    /// The counts if nobody has any seat.
    pub fn free_counts(&self) -> SeatCounts {
        if self.allocations.is_empty() {
            return SeatCounts::default();
        }
        let not_for_sale =
            self.free_statuses().iter().filter(|status| **status == SeatStatus::NotForSale).count();
        SeatCounts { not_for_sale: not_for_sale as u32, ..SeatCounts::default() }
    }
}

/// How many seats are held, sold, and not for sale. The others are available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeatCounts {
    /// Seats of pending reservations.
    pub reserved: u32,
    /// Seats of confirmed reservations.
    pub confirmed: u32,
    /// Seats that are neither, and set aside for a channel.
    pub not_for_sale: u32,
}

/// The idempotency key of a request for an event, and what a repetition must have in common with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey {
    /// The key.
    pub key: String,
    /// Of the request: the same for the same one, in any release.
    pub request_hash: [u8; 32],
}

/// What an administrator says of a new event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of EventInfo")]
pub struct NewEvent {
    pub details: EventDetails,
    pub currency: Currency,
    pub seating: Seating,
    pub allocations: Vec<Allocation>,
}
