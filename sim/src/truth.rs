//! What is durably true: the store itself, and what is checked at each of its commits.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::testing::MemoryStore;
use engine::{
    AppendError, Batch, Change, Event, EventId, EventInfo, EventKey, EventTables, ReservationId,
    ReservationStatus, Snapshot, Store, StoreFault, UsedEventKey,
};

use tokio::time::Instant;

use crate::clock::NodeClock;
use crate::story::Story;

/// The tables are compared with the model at each commit whose number is a multiple of this.
const COMPARE_EVERY: usize = 20;

/// The store, and a model of each event that its journal is played through.
pub struct Truth {
    /// The store.
    pub store: MemoryStore,
    /// The store's clock, by which holds are judged.
    pub clock: Arc<NodeClock>,
    /// By how much an owner may be wrong about it.
    clock_error: Duration,
    story: Arc<Story>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<EventId, String>,
    models: BTreeMap<EventId, Event>,
    /// The node to which each epoch was given.
    owners: BTreeMap<(EventId, u64), usize>,
    last_epochs: BTreeMap<EventId, u64>,
    commits: usize,
    /// When each version of an event was committed, from version 1.
    committed_at: BTreeMap<EventId, Vec<Instant>>,
    deleted: BTreeSet<EventId>,
    /// When each hold ends, as was promised.
    promises: BTreeMap<ReservationId, Instant>,
    /// When somebody first asked a node for a change of a hold.
    asked: BTreeMap<ReservationId, Instant>,
}

/// The result of a call to the store in memory, which never waits.
pub fn at_once<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("the store in memory does not wait"),
    }
}

impl Truth {
    /// An empty store.
    pub fn new(story: Arc<Story>, clock: Arc<NodeClock>, clock_error: Duration) -> Self {
        let store = MemoryStore::with_clock(Arc::clone(&clock) as _);
        Self { store, clock, clock_error, story, state: Mutex::default() }
    }

    /// Makes an event, unless its key made one before.
    pub fn create(
        &self,
        info: &EventInfo,
        key: Option<&EventKey>,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        let used = match key {
            Some(key) => at_once(self.store.create_event_once(info, key))?,
            None => at_once(self.store.create_event(info)).map(|()| None)?,
        };
        if used.is_some() {
            return Ok(used);
        }
        let mut state = self.state();
        let name = format!("E{}", state.names.len());
        state.names.insert(info.id, name);
        state.models.insert(info.id, Event::new(info.clone()));
        Ok(None)
    }

    /// How the story calls an event.
    pub fn name(&self, id: EventId) -> String {
        self.state().names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// All events.
    pub fn events(&self) -> Vec<EventId> {
        self.state().names.keys().copied().collect()
    }

    /// Whether an event was deleted.
    pub fn is_deleted(&self, id: EventId) -> bool {
        self.state().deleted.contains(&id)
    }

    /// How long ago an event became newer than this version; zero if it did not.
    pub fn age(&self, id: EventId, version: u64) -> Duration {
        let state = self.state();
        let next = state.committed_at.get(&id).and_then(|times| times.get(version as usize));
        next.map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Whether a hold is pending anywhere.
    pub fn has_pending(&self) -> bool {
        let is_pending = |tables: EventTables| {
            tables.reservations.iter().any(|row| row.status == ReservationStatus::Pending)
        };
        self.events().into_iter().any(|id| self.tables(id).is_some_and(is_pending))
    }

    /// An event's tables.
    pub fn tables(&self, id: EventId) -> Option<EventTables> {
        at_once(self.store.tables(id)).expect("it is up")
    }

    /// Gives an event to a node.
    pub fn activate(
        &self,
        node: usize,
        id: EventId,
        owner: &str,
        keys: u32,
    ) -> Result<Option<Snapshot>, StoreFault> {
        let snapshot = at_once(self.store.activate(id, owner, keys))?;
        let name = self.name(id);
        let Some(snapshot) = snapshot else {
            self.story.tell(format_args!("store: node {node} finds no {name}"));
            return Ok(None);
        };
        let epoch = snapshot.event.epoch;
        self.story.tell(format_args!("store: node {node} owns {name} in epoch {epoch}"));
        self.state().owners.insert((id, epoch), node);
        Ok(Some(snapshot))
    }

    /// Somebody asks a node for a change of a hold.
    pub fn note_asked(&self, id: ReservationId) {
        self.state().asked.entry(id).or_insert_with(Instant::now);
    }

    /// The last epoch of an event, and the node that has it.
    pub fn ownership(&self, id: EventId) -> Option<(u64, usize)> {
        let state = self.state();
        let (&(_, epoch), &node) = state.owners.range((id, 0)..=(id, u64::MAX)).next_back()?;
        Some((epoch, node))
    }

    /// A node has said that a hold was over. Then it was so when it was asked: if the event was its own then,
    /// and has stayed so.
    pub fn check_in_time(&self, id: ReservationId, node: usize, came: Instant, owned: Option<(u64, usize)>) {
        let event_id = id.event_id();
        let is_same = owned == self.ownership(event_id) && owned.is_some_and(|(_, owner)| owner == node);
        let promised = self.state().promises.get(&id).copied();
        let early = promised.map_or(Duration::ZERO, |end| end.saturating_duration_since(came));
        if is_same && early > self.clock_error {
            let name = self.name(event_id);
            self.story.find(format_args!(
                "n{node} calls a hold of {name} over that was asked for {early:?} before"
            ));
        }
    }

    /// Takes a batch of a node's, which it decided then, or refuses it, and holds what it took against the
    /// invariants.
    pub fn append(&self, node: usize, batch: &Arc<Batch>, decided: Instant) -> Result<(), AppendError> {
        let result = at_once(self.store.append(batch));
        let (name, kinds) = (self.name(batch.event_id), kinds(&batch.changes));
        let outcome = match &result {
            Ok(()) => "committed".to_owned(),
            Err(error) => error.to_string(),
        };
        self.story.tell(format_args!(
            "store: node {node} appends {} of {name} in epoch {} ({kinds}): {outcome}",
            batch.seq, batch.epoch
        ));
        if result.is_ok() {
            self.check(node, batch, &name);
            self.check_promises(batch, decided, &name);
        }
        result
    }

    fn check(&self, node: usize, batch: &Batch, name: &str) {
        let mut state = self.state();
        state.committed_at.entry(batch.event_id).or_default().push(Instant::now());
        let State { models, owners, last_epochs, commits, deleted, .. } = &mut *state;
        if owners.get(&(batch.event_id, batch.epoch)) != Some(&node) {
            self.story.find(format_args!("invariant 4: node {node} wrote {name} in epoch {}", batch.epoch));
        }
        let last_epoch = last_epochs.entry(batch.event_id).or_default();
        if batch.epoch < *last_epoch {
            self.story.find(format_args!("invariant 4: {name} went back to epoch {}", batch.epoch));
        }
        *last_epoch = batch.epoch.max(*last_epoch);
        if batch.deleted {
            deleted.insert(batch.event_id);
        }
        let Some(model) = models.get_mut(&batch.event_id) else { return };
        if let Err(error) = model.replay(&batch.journal_row()) {
            self.story.find(format_args!("invariant {}: {name}: {error}", error.invariant()));
            return;
        }
        if (model.counts(), model.next_expires_at()) != (batch.counts, batch.next_expires_at) {
            self.story.find(format_args!("invariant 5: batch {} of {name} has other counts", batch.seq));
        }
        *commits += 1;
        if *commits % COMPARE_EVERY == 0 {
            let tables = at_once(self.store.tables(batch.event_id)).ok().flatten();
            if !tables.is_some_and(|tables| agrees(model, &tables)) {
                self.story.find(format_args!("invariant 5: the tables of {name} are not its journal's"));
            }
        }
    }

    /// No hold ends before it was promised to, and none is used after, by those who asked too late.
    fn check_promises(&self, batch: &Batch, decided: Instant, name: &str) {
        let mut state = self.state();
        let State { promises, asked, .. } = &mut *state;
        for change in &batch.changes {
            match change {
                Change::Reserved { id, expires_at, .. } | Change::Extended { id, expires_at } => {
                    promises.insert(*id, decided + expires_at.since(batch.decided_at));
                }
                Change::Expired { id } => {
                    let early = promises
                        .get(id)
                        .map_or(Duration::ZERO, |&end| end.saturating_duration_since(decided));
                    if early > self.clock_error {
                        self.story
                            .find(format_args!("a hold of {name} ends {early:?} before it was promised to"));
                    }
                }
                Change::Confirmed { id } => {
                    let (Some(&end), Some(&asked)) = (promises.get(id), asked.get(id)) else { continue };
                    let late = asked.min(decided).saturating_duration_since(end);
                    if late > self.clock_error {
                        self.story.find(format_args!("a hold of {name} is sold {late:?} after its end"));
                    }
                }
                _ => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn agrees(model: &Event, tables: &EventTables) -> bool {
    let live = tables.reservations.iter().filter(|row| row.status.is_live());
    let claims = tables.claims.iter().all(|&(seat_no, id)| model.holder(seat_no) == Some(id));
    let counts = model.counts();
    claims
        && tables.claims.len() as u32 == counts.reserved + counts.confirmed
        && live.clone().count() == model.reservations().count()
        && live.cloned().all(|row| model.reservation(row.id) == Some(row))
}

fn kinds(changes: &[Change]) -> String {
    let kind = |change: &Change| match change {
        Change::Reserved { seats, .. } => format!("reserved {seats:?}"),
        Change::Confirmed { .. } => "confirmed".to_owned(),
        Change::Cancelled { .. } => "cancelled".to_owned(),
        Change::Extended { .. } => "extended".to_owned(),
        Change::Expired { .. } => "expired".to_owned(),
        Change::Amended { .. } => "amended".to_owned(),
        Change::Allocated { .. } => "allocated".to_owned(),
        Change::SectionsAdded { .. } => "sections added".to_owned(),
        Change::Deleted => "deleted".to_owned(),
    };
    changes.iter().map(kind).collect::<Vec<_>>().join(", ")
}
