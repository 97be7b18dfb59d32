//! A world of its own for each test: a clock that stands, a store in memory, an engine.

use std::sync::Arc;
use std::time::Duration;

use engine::testing::{ManualClock, MemoryStore};
use engine::{
    CallError, Clock, Currency, Engine, EngineConfig, EventDetails, EventId, Fault, Layout, LocalLease,
    NewEvent, Rejection, ReservationView, SeatNo, Threads, Timestamp, UserId, verify,
};
use uuid::Uuid;

pub const HOLD_TTL_S: u32 = 60;

pub struct Universe {
    pub clock: Arc<ManualClock>,
    pub store: Arc<MemoryStore>,
    pub engine: Engine,
}

pub fn config() -> EngineConfig {
    EngineConfig {
        tick: Duration::from_millis(5),
        sweep_every: Duration::from_millis(20),
        renew_leases_every: Duration::from_millis(20),
        threads: Threads::Own(2),
        ..EngineConfig::default()
    }
}

impl Universe {
    pub fn new(config: EngineConfig) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000)));
        let store = Arc::new(MemoryStore::new());
        let engine = start(config, &store, &clock);
        Self { clock, store, engine }
    }

    /// Another engine on the same store: what a restart sees.
    pub fn restart(&mut self) {
        self.engine = start(config(), &self.store, &self.clock);
    }

    pub async fn event(&self, seats: u32) -> EventId {
        let event = NewEvent {
            details: details(&*self.clock),
            currency: Currency::JPY,
            layout: Layout::of_seats(seats, 500),
        };
        self.engine.create_event(event).await.expect("the event is valid").info.id
    }

    pub async fn reserve(
        &self,
        id: EventId,
        user_no: u128,
        seats: &[SeatNo],
    ) -> Result<ReservationView, CallError> {
        self.engine.reserve(id, user(user_no), seats.to_vec(), None).await
    }

    /// Ends the universe: no actor may be left, and the store must obey the invariants.
    pub async fn end(self) {
        self.engine.shutdown().await;
        assert_eq!(self.engine.live_events(), 0, "an actor leaked");
        let report = verify(&*self.store).await.expect("the store is up");
        assert_eq!(report.violations, [], "{report:?}");
    }
}

fn start(config: EngineConfig, store: &Arc<MemoryStore>, clock: &Arc<ManualClock>) -> Engine {
    Engine::start(config, Arc::clone(store) as _, Arc::new(LocalLease), Arc::clone(clock) as _)
}

pub fn details(clock: &dyn Clock) -> EventDetails {
    EventDetails {
        name: "Jazz Night".into(),
        description: String::new(),
        venue: "Blue Note Tokyo".into(),
        start_at: clock.now().plus_s(50_000),
        end_at: clock.now().plus_s(60_000),
        hold_ttl_s: HOLD_TTL_S,
        max_hold_s: 4 * HOLD_TTL_S,
        max_seats_per_reservation: 10,
    }
}

pub fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

/// Polls until something holds; fails the test when it does not within seconds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

#[track_caller]
pub fn rejection<T: std::fmt::Debug>(result: Result<T, CallError>) -> Rejection {
    match result {
        Err(CallError::Rejected { rejection, .. }) => rejection,
        other => panic!("not a rejection: {other:?}"),
    }
}

#[track_caller]
pub fn fault<T: std::fmt::Debug>(result: Result<T, CallError>) -> Fault {
    match result {
        Err(CallError::Fault(fault)) => fault,
        other => panic!("not a fault: {other:?}"),
    }
}
