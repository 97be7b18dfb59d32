//! What the clients asked, and what they were told: the evidence that the checker judges.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{
    Allocation, ConflictReason, EventId, ReservationId, ReservationStatus, SeatNo, SeatStatus, Timestamp,
    UserId, Wish,
};

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Hold these seats.
    Reserve {
        /// Of which event.
        event_id: EventId,
        /// For whom.
        user_id: UserId,
        /// Which seats.
        seats: Vec<SeatNo>,
        /// The idempotency key: repetitions bear the same.
        key: String,
    },
    /// Hold what is wished, whichever seats that gets.
    Wish {
        /// Of which event.
        event_id: EventId,
        /// For whom.
        user_id: UserId,
        /// What.
        wish: Wish,
        /// The idempotency key: repetitions bear the same.
        key: String,
    },
    /// Set seats aside: these, and no others.
    Allocate(EventId, Vec<Allocation>),
    /// Sell the held seats.
    Confirm(ReservationId),
    /// Give the seats back.
    Cancel(ReservationId),
    /// Hold the seats for longer.
    Extend(ReservationId),
    /// Show a reservation.
    Read(ReservationId),
    /// Show an event with its counts.
    View(EventId),
    /// Show the status of each seat of an event.
    Map(EventId),
    /// Change the event's name.
    Rename(EventId, String),
    /// Take the event out of sale for good.
    Delete(EventId),
}

impl Ask {
    /// The event that is asked.
    pub fn event_id(&self) -> EventId {
        match self {
            Self::Reserve { event_id, .. }
            | Self::Wish { event_id, .. }
            | Self::Allocate(event_id, _)
            | Self::View(event_id)
            | Self::Map(event_id)
            | Self::Rename(event_id, _)
            | Self::Delete(event_id) => *event_id,
            Self::Confirm(id) | Self::Cancel(id) | Self::Extend(id) | Self::Read(id) => id.event_id(),
        }
    }

    /// The reservation that is asked about, if it is an existing one.
    pub fn reservation_id(&self) -> Option<ReservationId> {
        match self {
            Self::Confirm(id) | Self::Cancel(id) | Self::Extend(id) | Self::Read(id) => Some(*id),
            Self::Reserve { .. }
            | Self::Wish { .. }
            | Self::Allocate(..)
            | Self::View(_)
            | Self::Map(_)
            | Self::Rename(..)
            | Self::Delete(_) => None,
        }
    }

    /// Whether this asks for a change.
    pub fn is_command(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::View(_) | Self::Map(_))
    }
}

/// A reservation as an answer showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of engine::Reservation")]
pub struct Seen {
    pub id: ReservationId,
    pub user_id: UserId,
    pub seats: Vec<SeatNo>,
    pub status: ReservationStatus,
    pub total_minor: i64,
    pub expires_at: Timestamp,
    pub seq: u64,
    /// The answer said that an earlier request had done it.
    pub replayed: bool,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done, and the reservation is this now.
    Done(Seen),
    /// An event with its counts.
    Viewed {
        /// The number of the last batch in it.
        version: u64,
        /// Seats of pending reservations.
        reserved: u32,
        /// Sold seats.
        confirmed: u32,
        /// The status of each seat, from seat 1 on, where that was asked for.
        statuses: Option<Vec<SeatStatus>>,
    },
    /// The event is changed, or deleted.
    Administered,
    /// The rules refuse.
    Rejected {
        /// The stable code of the problem.
        code: String,
        /// The batch that it was decided against.
        seq: Option<u64>,
        /// The seats that have a holder already.
        conflicts: Vec<(SeatNo, ConflictReason)>,
    },
    /// A fault that says that nothing was done.
    NotDone(String),
    /// Nothing is known: no answer, or one that says so.
    Nothing(String),
    /// An answer that no healthy or broken server may give.
    Odd(String),
}

/// The seats of an event, as one node shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// Which node.
    pub node: usize,
    /// The number of the last batch in it.
    pub version: u64,
    /// The status of each seat, from seat 1 on.
    pub statuses: Vec<SeatStatus>,
}

impl Answer {
    /// Whether the service was given: a decision, for or against.
    pub fn is_decided(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Viewed { .. } | Self::Administered | Self::Rejected { .. })
    }
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Call {
    /// What was asked. Repetitions of a request share it.
    pub ask: Arc<Ask>,
    /// How many times it had been sent before.
    pub attempt: u32,
    /// Which node was asked.
    pub asked_node: usize,
    /// When, since the run began.
    pub sent_at: Duration,
    /// When the answer was complete, or given up.
    pub ended_at: Duration,
    /// The node that decided, as the answer named it.
    pub decided_by: Option<String>,
    /// What was answered.
    pub answer: Answer,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent_s, ended_s) = (self.sent_at.as_secs_f64(), self.ended_at.as_secs_f64());
        write!(f, "[{} to node {} at {sent_s:.3} s, answered at {ended_s:.3} s", self.ask, self.asked_node)?;
        match &self.decided_by {
            Some(node) => write!(f, " by {node}: {:?}]", self.answer),
            None => write!(f, ": {:?}]", self.answer),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve { user_id, seats, key, .. } => {
                write!(f, "reserve {seats:?} for user {user_id} with key {key}")
            }
            Self::Wish { user_id, wish, key, .. } => {
                write!(f, "reserve {wish:?} for user {user_id} with key {key}")
            }
            Self::Allocate(id, allocations) => write!(f, "allocate {allocations:?} of {id}"),
            Self::Confirm(id) => write!(f, "confirm {id}"),
            Self::Cancel(id) => write!(f, "cancel {id}"),
            Self::Extend(id) => write!(f, "extend {id}"),
            Self::Read(id) => write!(f, "read {id}"),
            Self::View(id) => write!(f, "view {id}"),
            Self::Map(id) => write!(f, "map of {id}"),
            Self::Rename(id, name) => write!(f, "rename {id} to {name}"),
            Self::Delete(id) => write!(f, "delete {id}"),
        }
    }
}

/// The calls of all clients, as they end.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Call>>>);

impl Log {
    /// Adds a call that has ended.
    pub fn push(&self, call: Call) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// A copy of all calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The node that carried out the last command of an event, by the answers so far.
    pub fn last_decider(&self, event_id: EventId) -> Option<String> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_event = |call: &&Call| {
            call.ask.is_command()
                && call.ask.event_id() == event_id
                && matches!(call.answer, Answer::Done(_))
                && call.decided_by.is_some()
        };
        calls.iter().rev().take(10_000).find(of_event).and_then(|call| call.decided_by.clone())
    }
}
