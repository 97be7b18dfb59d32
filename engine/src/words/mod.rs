//! What everything speaks of: plain values, without a clock, randomness or I/O (but for
//! [`SystemClock`]).

mod change;
mod clock;
mod command;
mod event_info;
mod id;
mod invalid;
mod key;
mod layout;
mod reservation;
mod snapshot;

pub use change::{Batch, Change, JournalRow};
pub use clock::{Clock, SystemClock, Timestamp};
pub use command::{Caller, Command, Conflict, HoldLimit, Outcome, Rejection, SeatStatus};
pub use event_info::{Currency, EventDetails, EventInfo, EventPatch, InvalidCurrency, NewEvent, SeatCounts};
pub(crate) use id::ReservationNo;
pub use id::{BatchId, EventId, InvalidId, MAX_SEATS_PER_EVENT, ReservationId, SeatId, SeatNo, UserId};
pub use invalid::Invalid;
pub use key::{EndedKey, KeyHash, RequestHash};
pub use layout::{Layout, MAX_PRICE_MINOR, SeatPlace, Section};
pub use reservation::{Reservation, ReservationStatus};
pub use snapshot::{EventRow, SeatMap, Snapshot};
