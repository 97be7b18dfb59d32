//! The core of Holdfast: one supervised actor an event, group commit, leases and epochs.

mod actor;
mod batch;
mod change;
mod clock;
mod command;
mod engine;
mod event;
mod event_info;
mod gate;
mod id;
mod layout;
mod lease;
mod lease_keeper;
mod memory_store;
pub mod metric;
mod ownership;
mod registry;
mod request;
mod reservation;
mod shared;
mod store;
mod sweep;
mod verify;

pub use batch::OpenBatch;
pub use change::{Batch, Change, JournalRow};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use command::{Caller, Command, Conflict, HoldLimit, Outcome, Rejection, SeatStatus};
pub use engine::{CallError, Engine, EngineConfig, EventView, Fault, ReservationView};
pub use event::{Event, ReplayError};
pub use event_info::{Currency, EventDetails, EventInfo, EventPatch, InvalidCurrency, NewEvent, SeatCounts};
pub use id::{BatchId, EventId, InvalidId, MAX_SEATS_PER_EVENT, ReservationId, SeatId, SeatNo, UserId};
pub use layout::{Layout, MAX_PRICE_MINOR, SeatPlace, Section};
pub use lease::{Claim, Lease, LeaseFault, LeaseHolder, LocalLease};
pub use memory_store::{InjectedFault, MemoryStore};
pub use reservation::{Reservation, ReservationStatus};
pub use store::{
    AppendError, EventRow, EventTables, ReservationFilter, SeatMap, Snapshot, Store, StoreFault, UsedKey,
};
pub use verify::{VerifyReport, Violation, verify};
