//! What a caller asks of one event, and what the rules answer.

use std::sync::Arc;

use crate::words::allocation::Allocation;
use crate::words::clock::Timestamp;
use crate::words::event_info::EventPatch;
use crate::words::id::{ReservationId, SeatNo, UserId};
use crate::words::invalid::Invalid;
use crate::words::layout::LayoutId;
use crate::words::reservation::Reservation;
use crate::words::seating::Seating;
use crate::words::wish::Wish;

/// Who asks: an administrator may act for any user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// May see and change every reservation.
    Admin,
    /// May see and change its own reservations only.
    User(UserId),
}

impl Caller {
    /// Whether this caller may see and change what belongs to `user_id`.
    pub fn may_act_for(self, user_id: UserId) -> bool {
        match self {
            Self::Admin => true,
            Self::User(own) => own == user_id,
        }
    }
}

/// What a caller asks of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold these seats for this user: all of them or none.
    Reserve {
        /// For whom.
        user_id: UserId,
        /// What is wanted.
        wish: Wish,
        /// Who asks: an administrator may have seats of every channel.
        caller: Caller,
        /// Makes a repetition of the command harmless: one key of a user and an event has one effect.
        idempotency_key: Option<String>,
    },
    /// Sell the held seats.
    Confirm(ReservationId, Caller),
    /// Give the seats back.
    Cancel(ReservationId, Caller),
    /// Hold the seats for longer.
    Extend(ReservationId, Caller),
    /// Change the event's details.
    Amend(EventPatch),
    /// Set seats aside for channels: these, and no others.
    Allocate {
        /// All of them.
        allocations: Vec<Allocation>,
        /// The version of the event that they were made for; `None`: any.
        if_version: Option<u64>,
        /// What they were made of; `None`: whatever there is.
        instead_of: Option<Vec<Allocation>>,
    },
    /// Add sections behind the others.
    AddSections {
        /// The layout that they were added to.
        to: LayoutId,
        /// All seats with all prices, the new ones behind the old ones.
        seating: Seating,
    },
    /// Take the event out of sale for good.
    Delete,
}

impl Command {
    /// A user's own reserve of these seats.
    pub fn reserve(user_id: UserId, seats: Vec<SeatNo>, idempotency_key: Option<String>) -> Self {
        Self::Reserve { user_id, wish: Wish::seats(seats), caller: Caller::User(user_id), idempotency_key }
    }

    /// Who asks, where that matters: for a change of a reservation.
    pub fn caller(&self) -> Option<Caller> {
        match self {
            Self::Confirm(_, caller) | Self::Cancel(_, caller) | Self::Extend(_, caller) => Some(*caller),
            Self::Reserve { .. }
            | Self::Amend(_)
            | Self::Allocate { .. }
            | Self::AddSections { .. }
            | Self::Delete => None,
        }
    }
}

/// The success of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The reservation as the command left it (unchanged, where the command had been carried out before).
    Reservation(Arc<Reservation>),
    /// The key was used before, for this reservation. `None`: it has ended since, and the store has it.
    Replayed(ReservationId, Option<Arc<Reservation>>),
    /// The details are changed.
    Amended,
    /// The event is deleted.
    Deleted,
}

impl Outcome {
    /// The reservation, where the outcome is about a live one or one that just ended.
    pub fn reservation(&self) -> Option<&Arc<Reservation>> {
        match self {
            Self::Reservation(reservation) => Some(reservation),
            Self::Replayed(_, reservation) => reservation.as_ref(),
            Self::Amended | Self::Deleted => None,
        }
    }
}

/// A command that the rules refuse. Normal, and without any effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such event, or it was deleted.
    #[error("there is no such event")]
    EventNotFound,
    /// The event has no seats of these numbers.
    #[error("the event has no such seat")]
    SeatNotFound(Vec<SeatNo>),
    /// There is no such reservation, or it is somebody else's.
    #[error("there is no such reservation")]
    ReservationNotFound,
    /// These seats have a holder already.
    #[error("{} of the seats are not available", .0.len())]
    SeatUnavailable(Vec<Conflict>),
    /// The hold ran out before the command.
    #[error("the reservation expired at {0}")]
    ReservationExpired(Timestamp),
    /// The reservation was cancelled before the command.
    #[error("the reservation is cancelled")]
    ReservationCancelled,
    /// The hold cannot be made longer.
    #[error("the hold cannot be extended: {0}")]
    HoldLimitReached(HoldLimit),
    /// Seats of the event are held or sold.
    #[error("the event has pending or confirmed reservations")]
    EventInUse,
    /// The event was changed after what the command was made for.
    #[error("the event has changed meanwhile")]
    EventChanged,
    /// These seats sell only together with others of their block.
    #[error("{} of the seats sell only together with others", .0.len())]
    SoldTogether(Vec<SeatNo>),
    /// This seat would be left single.
    #[error("seat {0} would be left single")]
    LeavesSingleSeat(SeatNo),
    /// The best available seats were asked for, and no block has room for them.
    #[error("no block has so many seats free")]
    NoBlockFree,
    /// Places of a section were asked for, and so many are not free.
    #[error("{left} places are free, {wanted} are asked for")]
    SoldOut {
        /// How many are asked for.
        wanted: u32,
        /// How many there are.
        left: u32,
    },
    /// A seat is not sold as this ticket type.
    #[error("a seat is not sold as this ticket type")]
    TicketType(SeatNo),
    /// The event is over.
    #[error("the event ended at {0}")]
    EventEnded(Timestamp),
    /// The key was used before, for another request.
    #[error("the idempotency key was used before, for another request")]
    IdempotencyKeyReused,
    /// The command breaks a rule by itself.
    #[error("not valid: {0}")]
    Invalid(#[from] Invalid),
}

/// A seat that is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The seat.
    pub seat_no: SeatNo,
    /// Why.
    pub reason: ConflictReason,
}

/// Why a seat is not available. Only of its own reservations does a user hear which they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictReason {
    /// A pending reservation of another user holds it.
    Reserved,
    /// Another user bought it.
    Confirmed,
    /// The user that asks has it, by this reservation.
    Yours(ReservationId),
    /// It is set aside.
    NotForSale,
}

/// Why a hold cannot be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoldLimit {
    /// It lasts as long as the event allows already.
    #[error("it already lasts as long as the event allows, until {0}")]
    MaxHold(Timestamp),
    /// The reservation is confirmed.
    #[error("the reservation is confirmed, so there is no hold")]
    Confirmed,
}
