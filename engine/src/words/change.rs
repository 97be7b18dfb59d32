//! The facts that are persisted, and the batch that carries them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::words::allocation::Allocation;
use crate::words::clock::Timestamp;
use crate::words::event_info::{EventDetails, EventInfo, SeatCounts};
use crate::words::id::{BatchId, EventId, ReservationId, SeatNo, UserId};
use crate::words::key::EndedKey;
use crate::words::reservation::{Reservation, Terms};
use crate::words::seating::Seating;

/// One persisted fact about one event. All changes of a batch happened at its `decided_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A reservation holds these seats.
    Reserved {
        /// The new reservation.
        id: ReservationId,
        /// Whose it is.
        user_id: UserId,
        /// Which seats, in the order asked for.
        seats: Vec<SeatNo>,
        /// The sum of the seats' prices.
        total_minor: i64,
        /// When the hold ends by itself.
        expires_at: Timestamp,
        /// The key of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
        /// What the request said besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Box<Terms>>,
    },
    /// The seats of a reservation are sold.
    Confirmed {
        /// Which reservation.
        id: ReservationId,
    },
    /// A reservation gave its seats back.
    Cancelled {
        /// Which reservation.
        id: ReservationId,
    },
    /// A hold lasts longer.
    Extended {
        /// Which reservation.
        id: ReservationId,
        /// When the hold ends by itself now.
        expires_at: Timestamp,
    },
    /// A hold ran out.
    Expired {
        /// Which reservation.
        id: ReservationId,
    },
    /// The event's details are these from now on.
    Amended {
        /// All of them.
        details: EventDetails,
    },
    /// These seats are set aside from now on, and no others.
    Allocated {
        /// All of them.
        allocations: Vec<Allocation>,
    },
    /// The event has more seats from now on.
    SectionsAdded {
        /// All of them.
        seating: Seating,
    },
    /// The event is out of sale for good.
    Deleted,
}

impl Change {
    /// Whether it changes the event itself: anything but who has which seats.
    pub fn is_of_info(&self) -> bool {
        matches!(self, Self::Amended { .. } | Self::Allocated { .. } | Self::SectionsAdded { .. })
    }
}

/// The changes of many commands, written in one transaction, together with their net effect on the tables.
///
/// A store applies it only while the event's version is `seq - 1` and its epoch is `epoch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Of which event.
    pub event_id: EventId,
    /// By which a commit of unknown outcome is looked up.
    pub batch_id: BatchId,
    /// The number in the event's journal, from 1, and the event's version after it.
    pub seq: u64,
    /// The ownership that writes it.
    pub epoch: u64,
    /// When its changes happened, by the owner's clock. It can go back with another owner.
    pub decided_at: Timestamp,
    /// The same, but after that of the batch before: a hybrid logical time (Kulkarni and others, "Logical
    /// Physical Clocks", 2014), by which batches are ordered.
    pub ordered_at: Timestamp,
    /// The facts, in order: the journal's row.
    pub changes: Vec<Change>,
    /// The rows of reservations that were made in this batch, as they are after it.
    pub created: Vec<Arc<Reservation>>,
    /// The rows of older reservations that this batch changed, as they are after it.
    pub updated: Vec<Arc<Reservation>>,
    /// Seats whose claim of before the batch ends.
    pub released: Vec<SeatNo>,
    /// Claims that begin, to be written after the released ones are gone. A seat can be in both.
    pub claimed: Vec<(SeatNo, ReservationId)>,
    /// The event's counts after the batch.
    pub counts: SeatCounts,
    /// The keys of reservations that end with the batch.
    pub ended_keys: Vec<EndedKey>,
    /// When the event's next hold runs out, after the batch.
    pub next_expires_at: Option<Timestamp>,
    /// When the event is due, where the batch changes that: it must be looked at then, if no node has it in
    /// memory. Never later than a second after `next_expires_at`.
    pub due_at: Option<Timestamp>,
    /// The event after the batch, where it changed anything of it but who has which seats.
    pub info: Option<Arc<EventInfo>>,
    /// Whether the batch deletes the event.
    pub deleted: bool,
}

impl Batch {
    /// The batch's row in the event's journal.
    pub fn journal_row(&self) -> JournalRow {
        JournalRow {
            seq: self.seq,
            batch_id: self.batch_id,
            epoch: self.epoch,
            decided_at: self.decided_at,
            ordered_at: self.ordered_at,
            changes: self.changes.clone(),
        }
    }
}

/// One row of an event's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Batch")]
pub struct JournalRow {
    pub seq: u64,
    pub batch_id: BatchId,
    pub epoch: u64,
    pub decided_at: Timestamp,
    pub ordered_at: Timestamp,
    pub changes: Vec<Change>,
}
