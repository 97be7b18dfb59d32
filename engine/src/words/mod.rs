//! What everything speaks of: plain values, without a clock, randomness or I/O (but for
//! [`SystemClock`]).

mod allocation;
mod change;
mod chart;
mod clock;
mod command;
mod currency;
mod event_info;
mod id;
mod invalid;
mod key;
mod layout;
mod prices;
mod reservation;
mod seat_status;
mod seating;
mod snapshot;
mod wish;

pub use allocation::{Allocation, KILL, MAX_ALLOCATIONS, MAX_CHANNELS};
pub use change::{Batch, Change, JournalRow};
pub use chart::{Chart, ChartId};
pub use clock::{Clock, SystemClock, Timestamp};
pub use command::{Caller, Command, Conflict, ConflictReason, HoldLimit, Outcome, Rejection};
pub use currency::{Currency, InvalidCurrency};
pub use event_info::{
    EventDetails, EventInfo, EventKey, EventPatch, NewEvent, OrphanRule, Rules, SeatCounts,
};
pub(crate) use id::ReservationNo;
pub use id::{BatchId, EventId, InvalidId, MAX_SEATS_PER_EVENT, ReservationId, SeatId, SeatNo, UserId};
pub use invalid::Invalid;
pub use key::{EndedKey, KeyHash, RequestHash};
#[cfg(any(test, feature = "testing"))]
pub use layout::forget_layouts;
pub use layout::{
    AttributeSet, Best, CategoryNo, EqualRows, KNOWN_ATTRIBUTES, Layout, LayoutBuilder, LayoutError,
    LayoutId, MAX_CATEGORIES, MAX_LABEL_CHARS, MAX_RUNS, MAX_SECTIONS, STANDARD, SeatKeys, SeatPlace,
    SeatSpec, Section, SectionNo, SectionSize, Stretch, WrittenLabel, letters_to_number,
};
pub use prices::{Category, MAX_PRICE_MINOR, MAX_TICKET_TYPES, Prices, TicketType, TicketTypeNo};
pub use reservation::{Reservation, ReservationStatus, Terms};
pub use seat_status::SeatStatus;
pub use seating::Seating;
pub use snapshot::{EventRow, SeatMap, Snapshot};
pub use wish::{WantedBest, WantedPlaces, Wish};
