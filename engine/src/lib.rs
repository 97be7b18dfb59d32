//! The core of Holdfast: one supervised actor an event, group commit, leases and epochs.

mod change;
mod clock;
mod command;
mod engine;
mod event_info;
mod id;
mod layout;
mod lease;
mod memory_store;
mod reservation;
mod store;

pub use change::{Batch, Change, JournalRow};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use command::{Caller, Command, Conflict, HoldLimit, Outcome, Rejection, SeatStatus};
pub use engine::{CallError, Engine, EngineConfig, EventView, Fault, ReservationView};
pub use event_info::{Currency, EventDetails, EventInfo, EventPatch, InvalidCurrency, NewEvent, SeatCounts};
pub use id::{BatchId, EventId, InvalidId, MAX_SEATS_PER_EVENT, ReservationId, SeatId, SeatNo, UserId};
pub use layout::{Layout, SeatPlace, Section};
pub use lease::{Lease, LeaseFault, LeaseHolder, LocalLease};
pub use memory_store::{InjectedFault, MemoryStore};
pub use reservation::{Reservation, ReservationStatus};
pub use store::{
    AppendError, EventRow, EventTables, ReservationFilter, SeatMap, Snapshot, Store, StoreFault, UsedKey,
};
