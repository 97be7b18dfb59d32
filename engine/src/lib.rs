//! The core of Holdfast: one supervised actor an event, group commit, leases and epochs.
//!
//! An [`Engine`] sells the seats of events. It is a cheap handle: clone it, and call it from any task.
//! Commands of one event are decided one after the other by the event's actor, in memory; their changes are
//! written in batches, and every answer leaves after its batch is committed. What the engine needs from
//! outside are three ports: a [`Store`] (the crate `persistence` has Postgres and SQLite; the feature
//! `testing` one in memory), a [`Lease`] ([`LocalLease`] where there is one node) and a [`Clock`]. With many
//! nodes there are also the [`Publications`], by which owners show their events to the other nodes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use engine::testing::MemoryStore;
//! use engine::{
//!     CallError, Caller, Clock, Currency, Engine, EngineConfig, EventDetails, LocalLease, NewEvent,
//!     Rejection, Rules, Seating, SystemClock, UserId,
//! };
//! use uuid::Uuid;
//!
//! # fn main() -> Result<(), CallError> {
//! // The actors run on threads of an actix `System`.
//! actix_rt::System::new().block_on(async {
//!     let store = Arc::new(MemoryStore::new());
//!     let (lease, clock) = (Arc::new(LocalLease), Arc::new(SystemClock));
//!     let engine = Engine::start(EngineConfig::default(), store, lease, clock);
//!
//!     let start_at = SystemClock.now().plus_s(86_400);
//!     let details = EventDetails {
//!         name: "Jazz Night".into(),
//!         description: String::new(),
//!         venue: "Blue Note Tokyo".into(),
//!         start_at,
//!         end_at: start_at.plus_s(7_200),
//!         hold_ttl_s: 900,
//!         max_hold_s: 3_600,
//!         max_seats_per_reservation: 4,
//!         rules: Rules::default(),
//!     };
//!     let seating = Seating::of_seats(50, 8_000);
//!     let event = NewEvent { details, currency: Currency::JPY, seating, allocations: Vec::new() };
//!     let id = engine.create_event(event).await?.info.id;
//!
//!     let (alice, bob) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
//!     let held = engine.reserve(id, alice, vec![1, 2], Some("order-1".into())).await?;
//!     assert_eq!(held.reservation.total_minor, 16_000);
//!
//!     // A rejection is normal, and has no effect; a fault says that something broke.
//!     match engine.reserve(id, bob, vec![2, 3], None).await {
//!         Err(CallError::Rejected { rejection: Rejection::SeatUnavailable(conflicts), seq }) => {
//!             assert_eq!((conflicts[0].seat_no, seq), (2, Some(1)));
//!         }
//!         other => panic!("{other:?}"),
//!     }
//!     // The same key again is the same reservation.
//!     let again = engine.reserve(id, alice, vec![1, 2], Some("order-1".into())).await?;
//!     assert!(again.replayed && again.reservation.id == held.reservation.id);
//!
//!     let sold = engine.confirm(held.reservation.id, Caller::User(alice)).await?;
//!     assert_eq!(sold.reservation.seq, 2);
//!     engine.shutdown().await;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! - Seats are numbered from 1 through an event's [`Layout`]; money is an integer in minor units of the
//!   event's [`Currency`]; times are [`Timestamp`]s, microseconds since the Unix epoch.
//! - [`CallError`] tells a [`Rejection`] (the rules refuse) from a [`Fault`] (something broke: retry, by the
//!   key) and from an event that another node owns.
//! - [`Event`] is the pure state by itself, for those who want the rules without the engine; [`verify`]
//!   checks a whole store against the invariants.
//! - Metrics go through the `metrics` facade, by the names in [`metric`]; install a recorder before
//!   [`Engine::start`].

mod actor;
mod cluster;
mod config;
mod engine;
mod event;
mod fault;
pub mod metric;
mod mutation;
mod owner;
mod ports;
pub mod route;
mod seat_keys;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verify;
mod view;
mod words;

pub use config::{EngineConfig, Threads};
pub use engine::Engine;
pub use event::{Event, OpenBatch, ReplayError};
pub use fault::{CallError, Fault};
pub use ports::{
    AppendError, Bid, Charts, EventTables, Lease, LeaseFault, LeaseHolder, LocalLease, MAX_PUBLICATION_AGE,
    Publication, PublicationFault, Publications, Random, ReservationFilter, Store, StoreFault, SystemRandom,
    UsedEventKey,
};
pub use seat_keys::SeatKeyList;
pub use verify::{VerifyReport, Violation, verify};
pub use view::{EventView, MadeEvent, ReservationView};
pub use words::{
    Allocation, AttributeSet, Batch, BatchId, Best, Caller, Category, CategoryNo, Change, Chart, ChartId,
    Clock, Command, Conflict, ConflictReason, Currency, EndedKey, EqualRows, EventDetails, EventId,
    EventInfo, EventKey, EventPatch, EventRow, HoldLimit, Invalid, InvalidCurrency, InvalidId, JournalRow,
    KILL, KNOWN_ATTRIBUTES, KeyHash, Layout, LayoutBuilder, LayoutError, LayoutId, MAX_ALLOCATIONS,
    MAX_CATEGORIES, MAX_CHANNELS, MAX_LABEL_CHARS, MAX_PRICE_MINOR, MAX_RUNS, MAX_SEATS_PER_EVENT,
    MAX_SECTIONS, MAX_TICKET_TYPES, NewEvent, OrphanRule, Outcome, Prices, Rejection, RequestHash,
    Reservation, ReservationId, ReservationStatus, Rules, STANDARD, SeatCounts, SeatId, SeatKeys, SeatMap,
    SeatNo, SeatPlace, SeatSpec, SeatStatus, Seating, Section, SectionNo, SectionSize, Snapshot, Stretch,
    SystemClock, Terms, TicketType, TicketTypeNo, Timestamp, UserId, WantedBest, WantedPlaces, Wish,
    WrittenLabel, letters_to_number,
};
