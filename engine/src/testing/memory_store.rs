//! A store in memory that can be made to fail: for tests. It applies batches like the databases do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use crate::mutation::{Mutation, mutated};
use crate::ports::{AppendError, Charts, EventTables, ReservationFilter, Store, StoreFault, UsedEventKey};
use crate::words::{
    Batch, BatchId, Chart, ChartId, Clock, EndedKey, EventId, EventInfo, EventKey, EventRow, JournalRow,
    KeyHash, Reservation, ReservationId, ReservationStatus, SeatMap, SeatNo, SeatStatus, Snapshot,
    SystemClock, Timestamp,
};

/// What the next append does instead of just writing its batch; of these, a new event knows the aborted one
/// and the unknown ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// Writes nothing and says so.
    Aborted,
    /// Writes nothing and does not know it.
    UnknownNotWritten,
    /// Writes the batch and does not know it.
    UnknownWritten,
    /// Writes the batch, does not know it, and is down from then on.
    UnknownWrittenThenDown,
    /// Another owner raises the epoch first.
    Fenced,
    /// Panics, with nothing written.
    Panic,
}

/// Events in memory. They are gone with the store.
pub struct MemoryStore {
    state: Mutex<State>,
    /// Whether appends wait before they begin.
    held: watch::Sender<bool>,
    /// How many appends have begun: those that wait as well.
    appends: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<EventId, Event>,
    event_keys: BTreeMap<String, UsedEventKey>,
    charts: Vec<Chart>,
    seat_keys: BTreeMap<Uuid, Vec<String>>,
    faults: VecDeque<InjectedFault>,
    down: bool,
    append_delay: Duration,
}

#[derive(Debug)]
struct Event {
    row: EventRow,
    next_expires_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    ended_keys: BTreeMap<KeyHash, EndedKey>,
    reservations: BTreeMap<ReservationId, Reservation>,
    claims: BTreeMap<SeatNo, ReservationId>,
    journal: Vec<JournalRow>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store, by the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store with a clock of its own.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let (held, appends) = (watch::Sender::new(false), watch::Sender::new(0));
        Self { state: Mutex::default(), held, appends, clock }
    }

    /// Adds a fault for an append or a new event to come: each takes one, in order.
    pub fn inject(&self, fault: InjectedFault) {
        self.state().faults.push_back(fault);
    }

    /// Makes every call fail, or work again.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// The shortest time that an append takes from now on.
    pub fn set_append_delay(&self, delay: Duration) {
        self.state().append_delay = delay;
    }

    /// Makes appends wait before they write, until [`release_appends`](Self::release_appends).
    pub fn hold_appends(&self) {
        self.held.send_replace(true);
    }

    /// Lets appends go on.
    pub fn release_appends(&self) {
        self.held.send_replace(false);
    }

    /// Waits until `count` appends have begun since the store was made: a held one has begun as well.
    pub async fn appends_begun(&self, count: u64) {
        let mut appends = self.appends.subscribe();
        // The sender lives as long as this store.
        let _ = appends.wait_for(|begun| *begun >= count).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left is whole: all that can fail comes before the first change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the store is down.
    fn up(&self) -> Result<MutexGuard<'_, State>, StoreFault> {
        let state = self.state();
        if state.down { Err(StoreFault("the store is down".to_owned())) } else { Ok(state) }
    }

    fn create(&self, event: &EventInfo, key: Option<&EventKey>) -> Result<Option<UsedEventKey>, AppendError> {
        let mut state = self.up().map_err(|fault| AppendError::Aborted(fault.to_string()))?;
        let fault = state.faults.pop_front();
        fault.map_or(Ok(()), InjectedFault::before_write)?;
        if let Some(used) = key.and_then(|key| state.event_keys.get(&key.key)) {
            return Ok(Some(*used));
        }
        if state.events.contains_key(&event.id) {
            return Err(AppendError::Aborted(format!("there is an event {}", event.id)));
        }
        state.events.insert(event.id, Event::new(event));
        if let Some(EventKey { key, request_hash }) = key.cloned() {
            state.event_keys.insert(key, UsedEventKey { event_id: event.id, request_hash });
        }
        state.after_write(fault).map(|()| None)
    }

    fn write(&self, batch: &Batch) -> Result<(), AppendError> {
        let mut state = self.up().map_err(|fault| AppendError::Aborted(fault.to_string()))?;
        let fault = state.faults.pop_front();
        fault.map_or(Ok(()), InjectedFault::before_write)?;
        match fault {
            Some(InjectedFault::Panic) => {
                drop(state);
                panic!("injected");
            }
            Some(InjectedFault::Fenced) => {
                if let Some(event) = state.events.get_mut(&batch.event_id) {
                    event.row.epoch += 1;
                    event.row.owner = Some("injected".to_owned());
                }
            }
            _ => {}
        }
        let event = state.events.get_mut(&batch.event_id).ok_or(AppendError::Fenced)?;
        event.apply(batch)?;
        state.after_write(fault)
    }
}

impl InjectedFault {
    /// What it makes of a write that has not begun.
    fn before_write(self) -> Result<(), AppendError> {
        match self {
            Self::Aborted => Err(AppendError::Aborted("injected".to_owned())),
            Self::UnknownNotWritten => Err(AppendError::Unknown("injected".to_owned())),
            _ => Ok(()),
        }
    }
}

impl State {
    /// What a fault makes of a write that is done.
    fn after_write(&mut self, fault: Option<InjectedFault>) -> Result<(), AppendError> {
        self.down |= fault == Some(InjectedFault::UnknownWrittenThenDown);
        match fault {
            Some(InjectedFault::UnknownWritten | InjectedFault::UnknownWrittenThenDown) => {
                Err(AppendError::Unknown("injected".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl Event {
    fn new(info: &EventInfo) -> Self {
        Self {
            row: EventRow {
                info: info.clone(),
                counts: info.free_counts(),
                version: 0,
                epoch: 0,
                owner: None,
                deleted: false,
            },
            next_expires_at: None,
            due_at: None,
            ended_keys: BTreeMap::new(),
            reservations: BTreeMap::new(),
            claims: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    /// Applies a batch as the databases do: with the same checks, and no others.
    fn apply(&mut self, batch: &Batch) -> Result<(), AppendError> {
        let is_fenced = self.row.epoch != batch.epoch && !mutated(Mutation::NoFence);
        if is_fenced || self.row.version + 1 != batch.seq {
            return Err(AppendError::Fenced);
        }
        self.check_rows(batch)?;
        for reservation in batch.created.iter().chain(&batch.updated) {
            self.reservations.insert(reservation.id, Reservation::clone(reservation));
        }
        for seat_no in &batch.released {
            self.claims.remove(seat_no);
        }
        self.claims.extend(batch.claimed.iter().copied());
        self.journal.push(batch.journal_row());
        self.row.version = batch.seq;
        self.row.counts = batch.counts;
        self.row.deleted |= batch.deleted;
        self.next_expires_at = batch.next_expires_at;
        self.due_at = batch.due_at.or(self.due_at);
        for key in &batch.ended_keys {
            let last = self.ended_keys.entry(key.key_hash).or_insert(*key);
            if last.reservation_id < key.reservation_id {
                *last = *key;
            }
        }
        if let Some(info) = &batch.info {
            self.row.info = (**info).clone();
        }
        Ok(())
    }

    /// The databases' primary keys and counts of rows.
    fn check_rows(&self, batch: &Batch) -> Result<(), AppendError> {
        let mut created = HashSet::new();
        if let Some(r) =
            batch.created.iter().find(|r| self.reservations.contains_key(&r.id) || !created.insert(r.id))
        {
            return Err(AppendError::Aborted(format!("there is a reservation {}", r.id)));
        }
        if let Some(r) = batch.updated.iter().find(|r| !self.reservations.contains_key(&r.id)) {
            return Err(AppendError::Aborted(format!("there is no reservation {}", r.id)));
        }
        if let Some(seat_no) = batch.released.iter().find(|seat_no| !self.claims.contains_key(seat_no)) {
            return Err(AppendError::Aborted(format!("seat {seat_no} is not claimed")));
        }
        let released: HashSet<_> = batch.released.iter().collect();
        let mut claimed = HashSet::new();
        let is_taken = |seat_no| self.claims.contains_key(seat_no) && !released.contains(seat_no);
        match batch.claimed.iter().find(|(seat_no, _)| is_taken(seat_no) || !claimed.insert(*seat_no)) {
            Some((seat_no, _)) => Err(AppendError::Aborted(format!("seat {seat_no} is claimed"))),
            None => Ok(()),
        }
    }

    fn snapshot(&self, keys: u32) -> Snapshot {
        Snapshot {
            event: self.row.clone(),
            live: self.reservations.values().filter(|r| r.status.is_live()).cloned().collect(),
            ended_keys: self.ended_keys.values().take(keys as usize).copied().collect(),
            has_more_keys: self.ended_keys.len() > keys as usize,
            due_at: self.due_at,
            ordered_at: self.journal.last().map(|row| row.ordered_at),
            last_reservation_id: self.reservations.keys().next_back().copied(),
        }
    }

    fn seat_map(&self) -> SeatMap {
        let status =
            |(free, seat_no)| match self.claims.get(&seat_no).and_then(|id| self.reservations.get(id)) {
                None => free,
                Some(reservation) if reservation.status == ReservationStatus::Confirmed => {
                    SeatStatus::Confirmed
                }
                Some(_) => SeatStatus::Reserved,
            };
        let free = self.row.info.free_statuses();
        SeatMap {
            info: Arc::new(self.row.info.clone()),
            version: self.row.version,
            counts: self.row.counts,
            statuses: free.into_iter().zip(1..).map(status).collect(),
        }
    }
}

#[async_trait]
impl Charts for MemoryStore {
    async fn put_seat_keys(&self, id: Uuid, keys: &[String]) -> Result<(), StoreFault> {
        self.up()?.seat_keys.insert(id, keys.to_vec());
        Ok(())
    }

    async fn seat_keys(&self, id: Uuid) -> Result<Option<Vec<String>>, StoreFault> {
        Ok(self.up()?.seat_keys.get(&id).cloned())
    }

    async fn put_chart(&self, chart: &Chart) -> Result<(), StoreFault> {
        let mut state = self.up()?;
        if state.charts.iter().all(|known| known.id != chart.id) {
            state.charts.push(chart.clone());
        }
        Ok(())
    }

    async fn chart(&self, id: ChartId) -> Result<Option<Chart>, StoreFault> {
        Ok(self.up()?.charts.iter().find(|chart| chart.id == id).cloned())
    }

    async fn charts(&self, after: Option<ChartId>, limit: u32) -> Result<Vec<Chart>, StoreFault> {
        let mut charts = self.up()?.charts.clone();
        charts.sort_by_key(|chart| Reverse((chart.created_at, chart.id)));
        let after = after.and_then(|id| charts.iter().position(|chart| chart.id == id));
        let page = charts.into_iter().skip(after.map_or(0, |after| after + 1)).take(limit as usize);
        Ok(page.map(|chart| Chart { map: None, ..chart }).collect())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn create_event(&self, event: &EventInfo) -> Result<(), AppendError> {
        self.create(event, None).map(|_| ())
    }

    async fn create_event_once(
        &self,
        event: &EventInfo,
        key: &EventKey,
    ) -> Result<Option<UsedEventKey>, AppendError> {
        self.create(event, Some(key))
    }

    async fn activate(&self, id: EventId, owner: &str, keys: u32) -> Result<Option<Snapshot>, StoreFault> {
        let mut state = self.up()?;
        let Some(event) = state.events.get_mut(&id).filter(|event| !event.row.deleted) else {
            return Ok(None);
        };
        let is_again = event.row.owner.as_deref() == Some(owner);
        event.row.epoch += u64::from(!(is_again && mutated(Mutation::EpochNotRaised)));
        event.row.owner = Some(owner.to_owned());
        Ok(Some(event.snapshot(keys)))
    }

    async fn ended_keys(&self, id: EventId, keys: &[KeyHash]) -> Result<Vec<EndedKey>, StoreFault> {
        let state = self.up()?;
        let Some(event) = state.events.get(&id) else { return Ok(Vec::new()) };
        Ok(keys.iter().filter_map(|key| event.ended_keys.get(key).copied()).collect())
    }

    async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        self.appends.send_modify(|begun| *begun += 1);
        let delay = self.state().append_delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        // The sender lives as long as this store.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        self.write(batch)
    }

    async fn batch_at(&self, id: EventId, seq: u64) -> Result<Option<BatchId>, StoreFault> {
        let state = self.up()?;
        let journal = state.events.get(&id).map_or(&[][..], |event| &event.journal);
        Ok(journal.iter().find(|row| row.seq == seq).map(|row| row.batch_id))
    }

    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        let mut state = self.up()?;
        for event in state.events.values_mut() {
            let is_not_due = event.next_expires_at.is_none_or(|at| at > now);
            if is_not_due && event.due_at.is_some_and(|due_at| due_at <= now.minus_s(60)) {
                event.due_at = event.next_expires_at;
            }
        }
        let mut due: Vec<_> = state
            .events
            .iter()
            .filter(|(_, event)| !event.row.deleted)
            .filter_map(|(id, event)| {
                Some((event.due_at.filter(|at| *at <= now)?, event.next_expires_at?, *id))
            })
            .filter(|(_, next_expires_at, _)| *next_expires_at <= now)
            .collect();
        due.sort();
        Ok(due.into_iter().map(|(_, _, id)| id).take(limit as usize).collect())
    }

    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault> {
        Ok(self.up()?.events.get(&id).map(|event| event.row.clone()))
    }

    async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventRow>, StoreFault> {
        let state = self.up()?;
        let newest_first = state.events.values().rev().map(|event| &event.row);
        let page =
            newest_first.filter(|row| !row.deleted && before.is_none_or(|before| row.info.id < before));
        Ok(page.take(limit as usize).cloned().collect())
    }

    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault> {
        Ok(self.up()?.events.get(&id).filter(|event| !event.row.deleted).map(Event::seat_map))
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreFault> {
        let state = self.up()?;
        Ok(state.events.get(&id.event_id()).and_then(|event| event.reservations.get(&id)).cloned())
    }

    async fn reservations(&self, filter: ReservationFilter) -> Result<Vec<Reservation>, StoreFault> {
        let state = self.up()?;
        let mut found: Vec<_> = state
            .events
            .values()
            .flat_map(|event| event.reservations.values())
            .filter(|r| r.user_id == filter.user_id && filter.status.is_none_or(|status| r.status == status))
            .filter(|r| filter.before.is_none_or(|before| r.id < before))
            .cloned()
            .collect();
        found.sort_by_key(|r| Reverse(r.id));
        found.truncate(filter.limit as usize);
        Ok(found)
    }

    async fn journal(&self, id: EventId, after_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreFault> {
        let state = self.up()?;
        let journal = state.events.get(&id).map_or(&[][..], |event| &event.journal);
        Ok(journal.iter().filter(|row| row.seq > after_seq).take(limit as usize).cloned().collect())
    }

    async fn tables(&self, id: EventId) -> Result<Option<EventTables>, StoreFault> {
        Ok(self.up()?.events.get(&id).map(|event| EventTables {
            event: event.row.clone(),
            reservations: event.reservations.values().cloned().collect(),
            claims: event.claims.iter().map(|(seat_no, id)| (*seat_no, *id)).collect(),
        }))
    }

    async fn event_ids(&self, after: Option<EventId>, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        let state = self.up()?;
        let ids = state.events.keys().filter(|id| after.is_none_or(|after| **id > after));
        Ok(ids.take(limit as usize).copied().collect())
    }

    async fn now(&self) -> Result<Timestamp, StoreFault> {
        let _up = self.up()?;
        Ok(self.clock.now())
    }
}
