//! The handle through which everything is asked of the engine.

use std::sync::Arc;

use moka::future::Cache;
use uuid::Uuid;

use crate::actor::node::Node;
use crate::actor::registry::Registry;
use crate::actor::threads::Spawner;
use crate::cluster::lease_keeper;
use crate::cluster::published::Published;
use crate::cluster::publisher;
use crate::cluster::sweep;
use crate::config::EngineConfig;
use crate::event::{check_allocations, ended};
use crate::fault::{CallError, Fault};
use crate::owner::Answer;
use crate::ports::{AppendError, Bid, Lease, ReservationFilter, Store};
use crate::seat_keys::SeatKeyList;
use crate::view::{EventView, MadeEvent, ReservationView};
use crate::words::{
    Allocation, Caller, Chart, ChartId, Clock, Command, EventId, EventInfo, EventKey, EventPatch, Invalid,
    KeyHash, Layout, LayoutId, MAX_SEATS_PER_EVENT, NewEvent, Outcome, Rejection, RequestHash, Reservation,
    ReservationId, ReservationStatus, SeatKeys, SeatMap, SeatNo, Seating, Timestamp, UserId, Wish,
};

/// Events whose seats and currency are kept for showing their reservations, besides those in memory.
const CACHED_EVENTS: u64 = 10_000;

/// The engine: a cheap handle, to be cloned at will.
///
/// Every command is answered after its changes are committed, and every method may be called from any task.
/// Dropping a call does not take its command back; an idempotency key finds out what became of it.
#[derive(Clone)]
pub struct Engine {
    node: Arc<Node>,
    registry: Arc<Registry>,
    infos: Cache<EventId, Arc<EventInfo>>,
    seat_keys: Cache<Uuid, Arc<SeatKeyList>>,
    published: Option<Arc<Published>>,
    bid: Bid,
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
        let spawner = Spawner::start(config.threads);
        let node = Node::new(config, store, lease, clock, spawner);
        let publications = node.config.publications.clone();
        let published =
            publications.map(|publications| Arc::new(Published::new(publications, Arc::clone(&node))));
        let registry = Registry::new(Arc::clone(&node), publisher::publish_each(&node));
        sweep::start(Arc::clone(&node), Arc::downgrade(&registry));
        lease_keeper::start(Arc::clone(&node), Arc::downgrade(&registry));
        Self {
            node,
            registry,
            infos: Cache::new(CACHED_EVENTS),
            seat_keys: SeatKeyList::cache(),
            published,
            bid: Bid::Preferred,
        }
    }

    /// The same engine for calls that another node passed on, or that no other node can be found for: it
    /// takes events also where another node would be preferred.
    pub fn taking_over(&self) -> Self {
        Self { bid: Bid::Any, ..self.clone() }
    }

    /// Makes an event. Its details must obey [`EventDetails::check`](crate::EventDetails::check), and
    /// its seats number 1 to [`MAX_SEATS_PER_EVENT`](crate::MAX_SEATS_PER_EVENT).
    pub async fn create_event(&self, event: NewEvent) -> Result<EventView, CallError> {
        let info = self.new_info(event)?;
        self.node.store.create_event(&info).await.map_err(not_made)?;
        Ok(new_view(info))
    }

    /// Makes an event, or finds the one that this key made before. A deleted one is not found.
    pub async fn create_event_once(&self, event: NewEvent, key: EventKey) -> Result<MadeEvent, CallError> {
        let info = self.new_info(event)?;
        match self.node.store.create_event_once(&info, &key).await.map_err(not_made)? {
            None => Ok(MadeEvent { event: new_view(info), replayed: false }),
            Some(used) if used.request_hash != key.request_hash => {
                Err(Rejection::IdempotencyKeyReused.into())
            }
            Some(used) => match self.event(used.event_id).await {
                Ok(event) => Ok(MadeEvent { event, replayed: true }),
                // The event is made, so nobody may hear that nothing was done.
                Err(CallError::Fault(fault)) => Err(Fault::Unknown(fault.to_string()).into()),
                Err(error) => Err(error),
            },
        }
    }

    fn new_info(&self, event: NewEvent) -> Result<EventInfo, CallError> {
        check_new(&event).map_err(Rejection::from)?;
        let now = self.node.now();
        Ok(EventInfo {
            id: EventId::mint(now, self.node.config.random.bits() as u32),
            details: event.details,
            currency: event.currency,
            seating: event.seating,
            allocations: event.allocations,
            created_at: now,
            updated_at: now,
        })
    }

    /// Changes an event's details. A hold that exists ends when it was promised to; an extension of it goes
    /// by the terms of then.
    pub async fn amend_event(&self, id: EventId, patch: EventPatch) -> Result<EventView, CallError> {
        self.change_event(id, Command::Amend(patch)).await
    }

    /// Sets seats aside for channels: these, and no others. With `if_version` only if the event still has
    /// that version, with `instead_of` only if it still has those.
    pub async fn allocate(
        &self,
        id: EventId,
        allocations: Vec<Allocation>,
        if_version: Option<u64>,
        instead_of: Option<Vec<Allocation>>,
    ) -> Result<EventView, CallError> {
        self.change_event(id, Command::Allocate { allocations, if_version, instead_of }).await
    }

    /// Adds sections to an event that has the layout `to`: `seating` is that with more behind it.
    pub async fn add_sections(
        &self,
        id: EventId,
        to: LayoutId,
        seating: Seating,
    ) -> Result<EventView, CallError> {
        self.change_event(id, Command::AddSections { to, seating }).await
    }

    async fn change_event(&self, id: EventId, command: Command) -> Result<EventView, CallError> {
        self.command(id, Arc::new(command)).await?;
        // Labels of seats that were added, too, are to be found.
        self.infos.invalidate(&id).await;
        match self.live_event(id) {
            Some(view) => Ok(view),
            // Not what was published: that may be from before this change. It is made by now, whatever has
            // become of the event since.
            None => match self.node.store.event(id).await {
                Ok(Some(row)) => Ok(row.into()),
                Ok(None) => Err(Fault::Unknown("the event is gone".to_owned()).into()),
                Err(fault) => Err(Fault::Unknown(fault.to_string()).into()),
            },
        }
    }

    /// Takes an event out of sale for good, if none of its seats is held or sold.
    pub async fn delete_event(&self, id: EventId) -> Result<(), CallError> {
        self.command(id, Arc::new(Command::Delete)).await?;
        self.infos.invalidate(&id).await;
        // Whatever is published of it is from before.
        self.note_shown(id, u64::MAX);
        Ok(())
    }

    /// An event with its counts: where it is live here, as of its last commit; else at most a second old.
    pub async fn event(&self, id: EventId) -> Result<EventView, CallError> {
        if let Some(view) = self.live_event(id) {
            self.node.metrics.reads_of_owner.increment(1);
            return Ok(view);
        }
        if let Some(map) = self.published(id).await {
            return Ok(EventView { info: Arc::clone(&map.info), counts: map.counts, version: map.version });
        }
        self.stored_event(id).await
    }

    /// Events, newest first, with ids smaller than `before`.
    pub async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventView>, CallError> {
        let rows = self.node.store.events(before, limit).await?;
        Ok(rows.into_iter().map(EventView::from).collect())
    }

    /// The status of every seat of an event, as fresh as [`event`](Self::event).
    pub async fn seat_map(&self, id: EventId) -> Result<Arc<SeatMap>, CallError> {
        if let Some(map) = self.registry.seat_map(id).await? {
            self.node.metrics.reads_of_owner.increment(1);
            self.note_shown(id, map.version);
            return Ok(map);
        }
        if let Some(map) = self.published(id).await {
            return Ok(map);
        }
        self.node.metrics.reads_of_store.increment(1);
        let map = self.node.store.seat_map(id).await?.ok_or(Rejection::EventNotFound)?;
        self.note_shown(id, map.version);
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
        self.reserve_wish(event_id, user_id, Wish::seats(seats), Caller::User(user_id), idempotency_key).await
    }

    /// Holds what a user wishes: all of it or nothing. An administrator may have what is set aside.
    pub async fn reserve_wish(
        &self,
        event_id: EventId,
        user_id: UserId,
        wish: Wish,
        caller: Caller,
        idempotency_key: Option<String>,
    ) -> Result<ReservationView, CallError> {
        let command = Arc::new(Command::Reserve { user_id, wish, caller, idempotency_key });
        let decided = self.command(event_id, Arc::clone(&command)).await;
        if let Err(CallError::Rejected { rejection: Rejection::EventNotFound, seq }) = decided {
            return self.replayed_of_deleted(event_id, &command, seq).await;
        }
        match decided? {
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
        for reservation in self.node.store.reservations(filter).await? {
            views.push(self.with_event(Arc::new(reservation)).await?);
        }
        Ok(views)
    }

    /// Whether the store can write.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.node.store.check_write().await.map_err(|fault| Fault::Unavailable(fault.to_string()))
    }

    /// Whether the leases can be reached.
    pub async fn ping_lease(&self) -> Result<(), Fault> {
        self.node.lease.ping().await.map_err(|fault| Fault::Unavailable(fault.to_string()))
    }

    /// How many events are in memory here.
    pub fn live_events(&self) -> usize {
        self.registry.len()
    }

    /// The time by the store's clock, as far as this node knows it: within a second or so.
    pub fn now(&self) -> Timestamp {
        self.node.now()
    }

    /// Answers what waits, writes it, gives up every lease, and refuses what comes after.
    pub async fn shutdown(&self) {
        self.registry.begin_stop();
        if let Err(fault) = self.node.lease.heartbeat(false).await {
            tracing::warn!(%fault, "the other nodes were not told of the stop");
        }
        self.registry.drain().await;
    }

    /// Keeps a chart, and says how it is kept: as it was, if it was kept before.
    pub async fn put_chart(&self, chart: Chart) -> Result<Chart, CallError> {
        self.node.store.put_chart(&chart).await?;
        self.chart(chart.id).await?.ok_or_else(|| Fault::Unknown("the chart is gone".to_owned()).into())
    }

    /// One chart.
    pub async fn chart(&self, id: ChartId) -> Result<Option<Chart>, CallError> {
        Ok(self.node.store.chart(id).await?)
    }

    /// Charts without their maps, newest first, behind that of the id `after`.
    pub async fn charts(&self, after: Option<ChartId>, limit: u32) -> Result<Vec<Chart>, CallError> {
        Ok(self.node.store.charts(after, limit).await?)
    }

    /// Keeps the keys of a layout's seats, before the first event or chart that has them.
    pub async fn put_seat_keys(&self, keys: &[String]) -> Result<(), CallError> {
        match SeatKeys::listed(keys) {
            SeatKeys::Listed(id) => Ok(self.node.store.put_seat_keys(id, keys).await?),
            SeatKeys::Label | SeatKeys::Pattern(_) => Ok(()),
        }
    }

    /// The keys of a layout's seats, where each has one of its own.
    pub async fn seat_keys(&self, layout: &Layout) -> Result<Option<Arc<SeatKeyList>>, CallError> {
        let SeatKeys::Listed(id) = layout.keys() else { return Ok(None) };
        if let Some(keys) = self.seat_keys.get(id).await {
            return Ok(Some(keys));
        }
        let keys = self.node.store.seat_keys(*id).await?;
        let keys = keys.ok_or_else(|| Fault::Unavailable("the keys of the seats are gone".to_owned()))?;
        let keys = Arc::new(SeatKeyList::of(keys));
        self.seat_keys.insert(*id, Arc::clone(&keys)).await;
        Ok(Some(keys))
    }

    async fn command(
        &self,
        id: EventId,
        command: Arc<Command>,
    ) -> Result<(Outcome, Arc<EventInfo>), CallError> {
        match self.registry.call(id, command, self.bid).await? {
            Answer::Done { outcome, event } => Ok((outcome, event)),
            Answer::Rejected { rejection, seq } => Err(CallError::Rejected { rejection, seq: Some(seq) }),
            Answer::Fault(fault) => Err(fault.into()),
            Answer::NotTaken | Answer::Crashed => unreachable!("the registry tries these again"),
        }
    }

    /// Asks for a change of a reservation; where it has ended, the store says how.
    async fn change(&self, id: ReservationId, command: Command) -> Result<ReservationView, CallError> {
        let command = Arc::new(command);
        match self.command(id.event_id(), Arc::clone(&command)).await {
            Ok((outcome, event)) => {
                let reservation = outcome.reservation().cloned().ok_or(Rejection::ReservationNotFound)?;
                Ok(ReservationView { reservation, event, replayed: false })
            }
            // Of an event that was deleted, the reservations have ended.
            Err(CallError::Rejected {
                rejection: Rejection::ReservationNotFound | Rejection::EventNotFound,
                seq,
            }) => {
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
            Err(error) => Err(error),
        }
    }

    /// A key that was used while there was the event leads to its reservation for ever: with the event, all
    /// its reservations have ended.
    async fn replayed_of_deleted(
        &self,
        event_id: EventId,
        command: &Command,
        seq: Option<u64>,
    ) -> Result<ReservationView, CallError> {
        let rejected = |rejection| CallError::Rejected { rejection, seq };
        let Command::Reserve { user_id, wish, idempotency_key: Some(key), .. } = command else {
            return Err(rejected(Rejection::EventNotFound));
        };
        let (key_hash, request_hash) = (KeyHash::of(*user_id, key), RequestHash::of(wish));
        let used = self.node.store.ended_keys(event_id, &[key_hash]).await?;
        let used = used.first().ok_or_else(|| rejected(Rejection::EventNotFound))?;
        if used.request_hash != request_hash {
            return Err(rejected(Rejection::IdempotencyKeyReused));
        }
        let reservation = self.stored(used.reservation_id).await?;
        let view = self.with_event(reservation).await?;
        Ok(ReservationView { replayed: true, ..view })
    }

    fn live_event(&self, id: EventId) -> Option<EventView> {
        let view = self.registry.current_view(id)?;
        // The event may end here before this version is published.
        self.note_shown(id, view.version);
        Some(view)
    }

    async fn stored_event(&self, id: EventId) -> Result<EventView, CallError> {
        self.node.metrics.reads_of_store.increment(1);
        let row = self.node.store.event(id).await?.ok_or(Rejection::EventNotFound)?;
        self.note_shown(id, row.version);
        if row.deleted { Err(Rejection::EventNotFound.into()) } else { Ok(row.into()) }
    }

    async fn published(&self, id: EventId) -> Option<Arc<SeatMap>> {
        let map = self.published.as_ref()?.latest(id).await?;
        self.node.metrics.reads_of_published.increment(1);
        Some(map)
    }

    /// Nothing older than this is read from publications any more.
    fn note_shown(&self, id: EventId, version: u64) {
        if let Some(published) = &self.published {
            published.note_shown(id, version);
        }
    }

    async fn stored(&self, id: ReservationId) -> Result<Arc<Reservation>, CallError> {
        let reservation = self.node.store.reservation(id).await?;
        Ok(Arc::new(reservation.ok_or(Rejection::ReservationNotFound)?))
    }

    async fn with_event(&self, reservation: Arc<Reservation>) -> Result<ReservationView, CallError> {
        let id = reservation.id.event_id();
        if let Some(view) = self.registry.view(id) {
            return Ok(ReservationView { reservation, event: view.info, replayed: false });
        }
        let last_seat = reservation.seats.iter().max().copied().unwrap_or_default();
        let cached = self.infos.get(&id).await;
        // Another node may have added sections since.
        if let Some(event) = cached.filter(|event| event.seating.layout.contains(last_seat)) {
            return Ok(ReservationView { reservation, event, replayed: false });
        }
        let row = self.node.store.event(id).await?.ok_or(Rejection::EventNotFound)?;
        let event = Arc::new(row.info);
        self.infos.insert(id, Arc::clone(&event)).await;
        Ok(ReservationView { reservation, event, replayed: false })
    }
}

fn new_view(info: EventInfo) -> EventView {
    EventView { counts: info.free_counts(), info: Arc::new(info), version: 0 }
}

/// Where it is not known, repeating it without a key could make another event.
fn not_made(error: AppendError) -> Fault {
    match error {
        AppendError::Aborted(cause) => Fault::Unavailable(cause),
        AppendError::Unknown(cause) => Fault::Unknown(cause),
        AppendError::Fenced => unreachable!("nobody owns a new event"),
    }
}

fn check_new(event: &NewEvent) -> Result<(), Invalid> {
    event.details.check()?;
    let given = event.seating.seats();
    if !(1..=MAX_SEATS_PER_EVENT).contains(&given) {
        return Err(Invalid::SeatsOfEvent { given });
    }
    check_allocations(&event.allocations, given)?;
    event.seating.check(event.details.max_seats_per_reservation)
}
