//! The handle through which everything is asked of the engine.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::clock::{Clock, Timestamp};
use crate::command::{Caller, Command, Outcome, Rejection};
use crate::event::ended;
use crate::event_info::{EventInfo, EventPatch, NewEvent, SeatCounts};
use crate::id::{EventId, ReservationId, SeatNo, UserId};
use crate::layout::{MAX_PRICE_MINOR, Section};
use crate::lease::{Claim, Lease};
use crate::lease_keeper;
use crate::metric::Metrics;
use crate::publication::Publications;
use crate::published::Published;
use crate::registry::Registry;
use crate::request::Answer;
use crate::reservation::{Reservation, ReservationStatus};
use crate::shared::Shared;
use crate::store::{EventRow, ReservationFilter, SeatMap, Store, StoreFault};
use crate::sweep;

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The address under which other nodes reach this one; recorded as the owner's.
    pub node: String,
    /// How many commands of one event may wait; further ones are answered [`Fault::Overloaded`].
    pub queue_per_event: usize,
    /// How many commands a batch takes at most.
    pub batch_commands: usize,
    /// How often each event looks for holds that have run out, where one soon will; else every ten ticks, or each
    /// second.
    pub tick: Duration,
    /// How long an event stays in memory without a command.
    pub idle_after: Duration,
    /// How often the store is searched for due holds of events that no node has in memory.
    pub sweep_every: Duration,
    /// How often leases are prolonged: a fraction of their lifetime.
    pub renew_leases_every: Duration,
    /// How many threads run events.
    pub event_threads: usize,
    /// Where owners publish their events for other nodes; `None` where there are none, and nothing is copied.
    pub publications: Option<Arc<dyn Publications>>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            node: "local".to_owned(),
            queue_per_event: 10_000,
            batch_commands: 1_024,
            tick: Duration::from_millis(100),
            idle_after: Duration::from_secs(300),
            sweep_every: Duration::from_secs(5),
            renew_leases_every: Duration::from_secs(1),
            event_threads: 1,
            publications: None,
        }
    }
}

/// Something broke. Retrying is right; a command may have been carried out where the text says "unknown",
/// and is then found again by its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The event's queue is full. Nothing was done.
    #[error("too many commands wait for this event")]
    Overloaded,
    /// The store or the leases do not answer, or the event is just changing its owner. Nothing was done.
    #[error("unavailable, nothing was done: {0}")]
    Unavailable(String),
    /// It could not be found out what was done.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The rules refuse the command.
    #[error("{rejection}")]
    Rejected {
        /// Why.
        rejection: Rejection,
        /// The batch of the journal that it was decided against; `None` if no event was asked.
        seq: Option<u64>,
    },
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The node of this address owns the event: ask it.
    #[error("owned by {0}")]
    Elsewhere(String),
}

impl From<StoreFault> for CallError {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(Fault::Unavailable(fault.to_string()))
    }
}

impl From<Rejection> for CallError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected { rejection, seq: None }
    }
}

/// A reservation with the event that it belongs to.
#[derive(Debug, Clone)]
pub struct ReservationView {
    /// The reservation.
    pub reservation: Arc<Reservation>,
    /// Its event, for labels and the currency. The details in it can be older than the reservation.
    pub event: Arc<EventInfo>,
    /// Whether an idempotency key led to it, so that the call itself did nothing.
    pub replayed: bool,
}

/// An event with its counts.
#[derive(Debug, Clone)]
pub struct EventView {
    /// The event.
    pub info: Arc<EventInfo>,
    /// How many seats are held and sold.
    pub counts: SeatCounts,
    /// The number of the journal's last batch; 0 before the first.
    pub version: u64,
}

/// Events whose seats and currency are kept for showing their reservations, besides those in memory.
const CACHED_EVENTS: u64 = 10_000;

/// The engine: a cheap handle, to be cloned at will.
///
/// Every command is answered after its changes are committed, and every method may be called from any task.
/// Dropping a call does not take its command back; an idempotency key finds out what became of it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    infos: Cache<EventId, Arc<EventInfo>>,
    published: Option<Arc<Published>>,
    claim: Claim,
}

impl Engine {
    /// Starts an engine. Must be called within an actix `System`, after the recorder of metrics (if any) is
    /// installed.
    pub fn start(
        config: EngineConfig,
        store: Arc<dyn Store>,
        lease: Arc<dyn Lease>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let published =
            config.publications.clone().map(|publications| Arc::new(Published::new(publications)));
        let shared = Arc::new(Shared { config, store, lease, clock, metrics: Metrics::new() });
        let registry = Registry::start(Arc::clone(&shared));
        sweep::start(Arc::clone(&shared), Arc::downgrade(&registry));
        lease_keeper::start(Arc::clone(&shared), Arc::downgrade(&registry));
        Self { shared, registry, infos: Cache::new(CACHED_EVENTS), published, claim: Claim::Preferred }
    }

    /// The same engine for calls that another node passed on, or that no other node can be found for: it
    /// takes events also where another node would be preferred.
    pub fn taking_over(&self) -> Self {
        Self { claim: Claim::Any, ..self.clone() }
    }

    /// Makes an event. Its details must obey [`EventDetails::violation`](crate::EventDetails::violation), and
    /// its seats number 1 to [`MAX_SEATS_PER_EVENT`](crate::MAX_SEATS_PER_EVENT).
    pub async fn create_event(&self, event: NewEvent) -> Result<EventView, CallError> {
        check_new(&event)?;
        let now = self.shared.clock.now();
        let info = EventInfo {
            id: EventId::mint(now, rand::random()),
            details: event.details,
            currency: event.currency,
            layout: event.layout,
            created_at: now,
            updated_at: now,
        };
        // Repeating it would make another event: what became of this one must be looked up.
        let created = self.shared.store.create_event(&info).await;
        created.map_err(|fault| Fault::Unknown(fault.to_string()))?;
        Ok(EventView { info: Arc::new(info), counts: SeatCounts::default(), version: 0 })
    }

    /// Changes an event's details. What is held already keeps its terms.
    pub async fn amend_event(&self, id: EventId, patch: EventPatch) -> Result<EventView, CallError> {
        self.command(id, Command::Amend(patch)).await?;
        match self.live_event(id).await {
            Some(view) => Ok(view),
            // Not what was published: that may be from before this change.
            None => self.stored_event(id).await,
        }
    }

    /// Takes an event out of sale for good, if none of its seats is held or sold.
    pub async fn delete_event(&self, id: EventId) -> Result<(), CallError> {
        self.command(id, Command::Delete).await?;
        self.infos.invalidate(&id).await;
        // Whatever is published of it is from before.
        self.note_shown(id, u64::MAX).await;
        Ok(())
    }

    /// An event with its counts: where it is live here, as of its last commit; else at most a second old.
    pub async fn event(&self, id: EventId) -> Result<EventView, CallError> {
        if let Some(view) = self.live_event(id).await {
            self.shared.metrics.reads_of_owner.increment(1);
            return Ok(view);
        }
        if let Some(map) = self.published(id).await {
            return Ok(EventView { info: Arc::clone(&map.info), counts: map.counts, version: map.version });
        }
        self.stored_event(id).await
    }

    /// Events, newest first, with ids smaller than `before`.
    pub async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventView>, CallError> {
        let rows = self.shared.store.events(before, limit).await?;
        Ok(rows.into_iter().map(EventView::from).collect())
    }

    /// The status of every seat of an event, as fresh as [`event`](Self::event).
    pub async fn seat_map(&self, id: EventId) -> Result<Arc<SeatMap>, CallError> {
        if let Some(map) = self.registry.seat_map(id).await? {
            self.shared.metrics.reads_of_owner.increment(1);
            self.note_shown(id, map.version).await;
            return Ok(map);
        }
        if let Some(map) = self.published(id).await {
            return Ok(map);
        }
        self.shared.metrics.reads_of_store.increment(1);
        let map = self.shared.store.seat_map(id).await?.ok_or(Rejection::EventNotFound)?;
        self.note_shown(id, map.version).await;
        Ok(Arc::new(map))
    }

    /// Holds seats for a user: all of them or none. The same key of the same user and event returns the
    /// first call's reservation, as it is now.
    pub async fn reserve(
        &self,
        event_id: EventId,
        user_id: UserId,
        seats: Vec<SeatNo>,
        idempotency_key: Option<String>,
    ) -> Result<ReservationView, CallError> {
        match self.command(event_id, Command::Reserve { user_id, seats, idempotency_key }).await? {
            (Outcome::Reservation(reservation), event) => {
                Ok(ReservationView { reservation, event, replayed: false })
            }
            (Outcome::Replayed(_, Some(reservation)), event) => {
                Ok(ReservationView { reservation, event, replayed: true })
            }
            (Outcome::Replayed(id, None), event) => {
                let reservation = self.stored(id).await?;
                Ok(ReservationView { reservation, event, replayed: true })
            }
            (Outcome::Amended | Outcome::Deleted, _) => unreachable!("a reserve neither amends nor deletes"),
        }
    }

    /// Sells the held seats. Confirming again returns the reservation.
    pub async fn confirm(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        self.change(id, Command::Confirm(id, caller)).await
    }

    /// Gives the seats back, held or sold. Cancelling again returns the reservation.
    pub async fn cancel(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        self.change(id, Command::Cancel(id, caller)).await
    }

    /// Holds the seats for another `hold_ttl_s` from now, at most `max_hold_s` after the hold began.
    pub async fn extend(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        self.change(id, Command::Extend(id, caller)).await
    }

    /// A reservation of the caller's.
    pub async fn reservation(&self, id: ReservationId, caller: Caller) -> Result<ReservationView, CallError> {
        let reservation = self.stored(id).await?;
        if !caller.may_act_for(reservation.user_id) {
            return Err(Rejection::ReservationNotFound.into());
        }
        self.with_event(reservation).await
    }

    /// A user's reservations, newest first, with ids smaller than `before`.
    pub async fn reservations(
        &self,
        user_id: UserId,
        status: Option<ReservationStatus>,
        before: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<ReservationView>, CallError> {
        let filter = ReservationFilter { user_id, status, before, limit };
        let mut views = Vec::new();
        for reservation in self.shared.store.reservations(filter).await? {
            views.push(self.with_event(Arc::new(reservation)).await?);
        }
        Ok(views)
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.shared.store.ping().await.map_err(|fault| Fault::Unavailable(fault.to_string()))
    }

    /// Whether the leases can be reached.
    pub async fn ping_lease(&self) -> Result<(), Fault> {
        self.shared.lease.ping().await.map_err(|fault| Fault::Unavailable(fault.to_string()))
    }

    /// How many events are in memory here.
    pub fn live_events(&self) -> usize {
        self.registry.len()
    }

    /// The time by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Answers what waits, writes it, gives up every lease, and refuses what comes after.
    pub async fn shutdown(&self) {
        self.registry.begin_stop();
        if let Err(fault) = self.shared.lease.heartbeat(false).await {
            tracing::warn!(%fault, "the other nodes were not told of the stop");
        }
        self.registry.drain().await;
    }

    async fn command(&self, id: EventId, command: Command) -> Result<(Outcome, Arc<EventInfo>), CallError> {
        match self.registry.call(id, Arc::new(command), self.claim).await? {
            Answer::Done { outcome, event } => Ok((outcome, event)),
            Answer::Rejected { rejection, seq } => Err(CallError::Rejected { rejection, seq: Some(seq) }),
            Answer::Fault(fault) => Err(fault.into()),
            Answer::NotTaken | Answer::Crashed => unreachable!("the registry tries these again"),
        }
    }

    /// Asks for a change of a reservation; where it has ended, the store says how.
    async fn change(&self, id: ReservationId, command: Command) -> Result<ReservationView, CallError> {
        match self.command(id.event_id(), command.clone()).await {
            Ok((outcome, event)) => {
                let reservation = outcome.reservation().cloned().ok_or(Rejection::ReservationNotFound)?;
                Ok(ReservationView { reservation, event, replayed: false })
            }
            Err(CallError::Rejected { rejection: Rejection::ReservationNotFound, seq }) => {
                let reservation = self.stored(id).await?;
                let is_callers =
                    command.caller().is_some_and(|caller| caller.may_act_for(reservation.user_id));
                if is_callers && reservation.status.is_live() {
                    // Made by another owner since.
                    return Err(Fault::Unavailable("the event changes its owner".to_owned()).into());
                }
                ended(&command, &reservation).map_err(|rejection| CallError::Rejected { rejection, seq })?;
                self.with_event(reservation).await
            }
            Err(CallError::Rejected { rejection: Rejection::EventNotFound, .. }) => {
                Err(Rejection::ReservationNotFound.into())
            }
            Err(error) => Err(error),
        }
    }

    async fn live_event(&self, id: EventId) -> Option<EventView> {
        let view = self.registry.view(id)?;
        // The event may end here before this version is published.
        self.note_shown(id, view.version).await;
        Some(view)
    }

    async fn stored_event(&self, id: EventId) -> Result<EventView, CallError> {
        self.shared.metrics.reads_of_store.increment(1);
        let row = self.shared.store.event(id).await?.ok_or(Rejection::EventNotFound)?;
        self.note_shown(id, row.version).await;
        if row.deleted { Err(Rejection::EventNotFound.into()) } else { Ok(row.into()) }
    }

    async fn published(&self, id: EventId) -> Option<Arc<SeatMap>> {
        let map = self.published.as_ref()?.latest(id).await?;
        self.shared.metrics.reads_of_published.increment(1);
        Some(map)
    }

    /// Nothing older than this is read from publications any more.
    async fn note_shown(&self, id: EventId, version: u64) {
        if let Some(published) = &self.published {
            published.note_shown(id, version).await;
        }
    }

    async fn stored(&self, id: ReservationId) -> Result<Arc<Reservation>, CallError> {
        let reservation = self.shared.store.reservation(id).await?;
        Ok(Arc::new(reservation.ok_or(Rejection::ReservationNotFound)?))
    }

    async fn with_event(&self, reservation: Arc<Reservation>) -> Result<ReservationView, CallError> {
        let id = reservation.id.event_id();
        if let Some(view) = self.registry.view(id) {
            return Ok(ReservationView { reservation, event: view.info, replayed: false });
        }
        if let Some(event) = self.infos.get(&id).await {
            return Ok(ReservationView { reservation, event, replayed: false });
        }
        let row = self.shared.store.event(id).await?.ok_or(Rejection::EventNotFound)?;
        let event = Arc::new(row.info);
        self.infos.insert(id, Arc::clone(&event)).await;
        Ok(ReservationView { reservation, event, replayed: false })
    }
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        Self { info: Arc::new(row.info), counts: row.counts, version: row.version }
    }
}

fn check_new(event: &NewEvent) -> Result<(), Rejection> {
    if let Some((field, message)) = event.details.violation() {
        return Err(Rejection::Invalid { field, message: message.to_owned() });
    }
    let seats = event.layout.seats();
    if seats == 0 || seats > crate::id::MAX_SEATS_PER_EVENT {
        let message = format!("must give 1 to {} seats, gives {seats}", crate::id::MAX_SEATS_PER_EVENT);
        return Err(Rejection::Invalid { field: "sections", message });
    }
    // Bounded so that no sum of prices can overflow.
    let price_fits = |section: &Section| (0..=MAX_PRICE_MINOR).contains(&section.price_minor);
    if !event.layout.sections().iter().all(price_fits) {
        let message = format!("prices must be from 0 to {MAX_PRICE_MINOR}");
        return Err(Rejection::Invalid { field: "price", message });
    }
    Ok(())
}
