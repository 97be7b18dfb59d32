//! A world of its own for each test: a clock, a store in memory, an engine.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::{System, SystemRunner};
use engine::testing::{ManualClock, MemoryStore, new_event};
use engine::{
    CallError, Clock, Engine, EngineConfig, EventId, Fault, LocalLease, Rejection, ReservationView, SeatNo,
    Threads, Timestamp, UserId, verify,
};
use uuid::Uuid;

/// A system in which time goes by only when nobody has anything to do, and then at once: no test waits.
pub struct Paused;

impl Paused {
    #[expect(clippy::new_ret_no_self, reason = "the test macro calls it")]
    pub fn new() -> SystemRunner {
        System::with_tokio_rt(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_time().start_paused(true).build().expect("a runtime")
        })
    }
}

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
        threads: Threads::Here,
        ..EngineConfig::default()
    }
}

impl Universe {
    pub fn new(config: EngineConfig) -> Self {
        let clock = Arc::new(ManualClock::running(Timestamp::from_micros(1_800_000_000_000_000)));
        let store = Arc::new(MemoryStore::with_clock(Arc::clone(&clock) as _));
        let engine = start(config, &store, &clock);
        Self { clock, store, engine }
    }

    /// Another engine on the same store: what a restart sees.
    pub fn restart(&mut self) {
        self.engine = start(config(), &self.store, &self.clock);
    }

    pub async fn event(&self, seats: u32) -> EventId {
        self.engine
            .create_event(new_event(self.clock.now(), seats))
            .await
            .expect("the event is valid")
            .info
            .id
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
