//! A store in memory: for tests of whatever uses an engine, with faults on demand. Nothing in it lasts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::change::{Batch, JournalRow};
use crate::clock::Timestamp;
use crate::command::SeatStatus;
use crate::event_info::EventInfo;
use crate::id::{BatchId, EventId, ReservationId, SeatNo};
use crate::reservation::{Reservation, ReservationStatus};
use crate::store::{
    AppendError, EventRow, EventTables, ReservationFilter, SeatMap, Snapshot, Store, StoreFault, UsedKey,
};

/// What goes wrong with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// It is not written, and the store says so.
    Aborted,
    /// It is not written, and the store does not know.
    UnknownNotWritten,
    /// It is written, and the store does not know.
    UnknownWritten,
    /// Another owner raises the epoch just before.
    Fenced,
    /// The code that appends panics.
    Panic,
}

/// A store in memory.
pub struct MemoryStore {
    events: Mutex<BTreeMap<EventId, Tables>>,
    faults: Mutex<VecDeque<InjectedFault>>,
    down: Mutex<bool>,
    /// An append needs a permit, and gives it back.
    may_append: Semaphore,
}

#[derive(Debug)]
struct Tables {
    event: EventRow,
    next_expires_at: Option<Timestamp>,
    reservations: BTreeMap<ReservationId, Reservation>,
    claims: BTreeMap<SeatNo, ReservationId>,
    journal: Vec<JournalRow>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            events: Mutex::default(),
            faults: Mutex::default(),
            down: Mutex::default(),
            may_append: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets the next append without a fault yet go wrong.
    pub fn inject(&self, fault: InjectedFault) {
        lock(&self.faults).push_back(fault);
    }

    /// Makes every call fail, or work again.
    pub fn set_down(&self, down: bool) {
        *lock(&self.down) = down;
    }

    /// Keeps appends waiting until [`MemoryStore::release_appends`].
    pub fn hold_appends(&self) {
        self.may_append.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets waiting and further appends go on.
    pub fn release_appends(&self) {
        self.may_append.add_permits(Semaphore::MAX_PERMITS - self.may_append.available_permits());
    }

    fn check_up(&self) -> Result<(), StoreFault> {
        if *lock(&self.down) { Err(StoreFault("the store is down".to_owned())) } else { Ok(()) }
    }

    fn read<T>(&self, id: EventId, read: impl FnOnce(&Tables) -> T) -> Result<Option<T>, StoreFault> {
        self.check_up()?;
        Ok(lock(&self.events).get(&id).map(read))
    }

    fn write(&self, batch: &Batch) -> Result<(), AppendError> {
        let mut events = lock(&self.events);
        let tables = events.get_mut(&batch.event_id).ok_or(AppendError::Fenced)?;
        if tables.event.epoch != batch.epoch || tables.event.version + 1 != batch.seq {
            return Err(AppendError::Fenced);
        }
        tables.append(batch)
    }
}

impl Tables {
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        let taken = |(seat_no, _): &(SeatNo, ReservationId)| {
            self.claims.contains_key(seat_no) && batch.released.binary_search(seat_no).is_err()
        };
        if batch.claimed.iter().any(taken) {
            return Err(AppendError::Aborted("a seat has a claim already".to_owned()));
        }
        for row in batch.created.iter().chain(&batch.updated) {
            self.reservations.insert(row.id, (**row).clone());
        }
        self.claims.retain(|seat_no, _| batch.released.binary_search(seat_no).is_err());
        self.claims.extend(batch.claimed.iter().copied());
        self.journal.push(JournalRow {
            seq: batch.seq,
            batch_id: batch.batch_id,
            epoch: batch.epoch,
            decided_at: batch.decided_at,
            changes: batch.changes.clone(),
        });
        self.next_expires_at = batch.next_expires_at;
        self.event.version = batch.seq;
        self.event.counts = batch.counts;
        self.event.decided_at = Some(batch.decided_at);
        self.event.deleted = batch.deleted;
        if let Some(details) = &batch.details {
            self.event.info.details = details.clone();
            self.event.info.updated_at = batch.decided_at;
        }
        Ok(())
    }

    fn snapshot(&self, keys_since: Timestamp) -> Snapshot {
        let first = self.event.info.id.first_reservation_at(keys_since);
        let used_key = |row: &Reservation| {
            Some(UsedKey {
                reservation_id: row.id,
                user_id: row.user_id,
                idempotency_key: row.idempotency_key.clone()?,
                seats: row.seats.clone(),
            })
        };
        Snapshot {
            event: self.event.clone(),
            live: self.reservations.values().filter(|row| row.status.is_live()).cloned().collect(),
            keys: self.reservations.range(first..).filter_map(|(_, row)| used_key(row)).collect(),
            last_reservation_id: self.reservations.keys().next_back().copied(),
        }
    }

    fn seat_map(&self) -> SeatMap {
        let status = |seat_no| match self.claims.get(&seat_no).and_then(|id| self.reservations.get(id)) {
            Some(row) if row.status == ReservationStatus::Confirmed => SeatStatus::Confirmed,
            Some(_) => SeatStatus::Reserved,
            None => SeatStatus::Available,
        };
        SeatMap {
            info: Arc::new(self.event.info.clone()),
            version: self.event.version,
            counts: self.event.counts,
            statuses: (1..=self.event.info.layout.seats()).map(status).collect(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for MemoryStore {
    async fn create_event(&self, event: &EventInfo) -> Result<(), StoreFault> {
        self.check_up()?;
        let row = EventRow {
            info: event.clone(),
            counts: Default::default(),
            version: 0,
            epoch: 0,
            owner: None,
            deleted: false,
            decided_at: None,
        };
        let tables = Tables {
            event: row,
            next_expires_at: None,
            reservations: BTreeMap::new(),
            claims: BTreeMap::new(),
            journal: Vec::new(),
        };
        let mut events = lock(&self.events);
        if events.contains_key(&event.id) {
            return Err(StoreFault(format!("event {} exists already", event.id)));
        }
        events.insert(event.id, tables);
        Ok(())
    }

    async fn activate(
        &self,
        id: EventId,
        owner: &str,
        keys_since: Timestamp,
    ) -> Result<Option<Snapshot>, StoreFault> {
        self.check_up()?;
        let mut events = lock(&self.events);
        let Some(tables) = events.get_mut(&id).filter(|tables| !tables.event.deleted) else {
            return Ok(None);
        };
        tables.event.epoch += 1;
        tables.event.owner = Some(owner.to_owned());
        Ok(Some(tables.snapshot(keys_since)))
    }

    async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        let fault = lock(&self.faults).pop_front();
        let _permit =
            self.may_append.acquire().await.map_err(|error| AppendError::Aborted(error.to_string()))?;
        self.check_up().map_err(|fault| AppendError::Aborted(fault.to_string()))?;
        match fault {
            None => self.write(batch),
            Some(InjectedFault::Aborted) => Err(AppendError::Aborted("injected".to_owned())),
            Some(InjectedFault::UnknownNotWritten) => Err(AppendError::Unknown("injected".to_owned())),
            Some(InjectedFault::UnknownWritten) => {
                self.write(batch)?;
                Err(AppendError::Unknown("injected".to_owned()))
            }
            Some(InjectedFault::Fenced) => {
                if let Some(tables) = lock(&self.events).get_mut(&batch.event_id) {
                    tables.event.epoch += 1;
                    tables.event.owner = Some("another node".to_owned());
                }
                self.write(batch)
            }
            Some(InjectedFault::Panic) => panic!("injected"),
        }
    }

    async fn batch_at(&self, id: EventId, seq: u64) -> Result<Option<BatchId>, StoreFault> {
        let batch =
            self.read(id, |tables| tables.journal.iter().find(|row| row.seq == seq).map(|row| row.batch_id))?;
        Ok(batch.flatten())
    }

    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        self.check_up()?;
        let events = lock(&self.events);
        let due =
            |(id, tables): (&EventId, &Tables)| Some((tables.next_expires_at.filter(|at| *at <= now)?, *id));
        let mut due: Vec<_> = events.iter().filter_map(due).collect();
        due.sort_unstable();
        Ok(due.into_iter().map(|(_, id)| id).take(limit as usize).collect())
    }

    async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreFault> {
        self.read(id, |tables| tables.event.clone())
    }

    async fn events(&self, before: Option<EventId>, limit: u32) -> Result<Vec<EventRow>, StoreFault> {
        self.check_up()?;
        let events = lock(&self.events);
        let rows = events.values().rev().map(|tables| &tables.event);
        let shown = rows.filter(|row| !row.deleted && before.is_none_or(|before| row.info.id < before));
        Ok(shown.take(limit as usize).cloned().collect())
    }

    async fn seat_map(&self, id: EventId) -> Result<Option<SeatMap>, StoreFault> {
        Ok(self.read(id, |tables| (!tables.event.deleted).then(|| tables.seat_map()))?.flatten())
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreFault> {
        Ok(self.read(id.event_id(), |tables| tables.reservations.get(&id).cloned())?.flatten())
    }

    async fn reservations(&self, filter: ReservationFilter) -> Result<Vec<Reservation>, StoreFault> {
        self.check_up()?;
        let events = lock(&self.events);
        let wanted = |row: &&Reservation| {
            row.user_id == filter.user_id
                && filter.status.is_none_or(|status| row.status == status)
                && filter.before.is_none_or(|before| row.id < before)
        };
        let mut rows: Vec<_> =
            events.values().flat_map(|tables| tables.reservations.values()).filter(wanted).collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
        Ok(rows.into_iter().take(filter.limit as usize).cloned().collect())
    }

    async fn journal(&self, id: EventId, after_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreFault> {
        let rows = self.read(id, |tables| {
            let rows = tables.journal.iter().filter(|row| row.seq > after_seq);
            rows.take(limit as usize).cloned().collect()
        })?;
        Ok(rows.unwrap_or_default())
    }

    async fn tables(&self, id: EventId) -> Result<Option<EventTables>, StoreFault> {
        self.read(id, |tables| EventTables {
            event: tables.event.clone(),
            reservations: tables.reservations.values().cloned().collect(),
            claims: tables.claims.iter().map(|(&seat_no, &id)| (seat_no, id)).collect(),
        })
    }

    async fn event_ids(&self, after: Option<EventId>, limit: u32) -> Result<Vec<EventId>, StoreFault> {
        self.check_up()?;
        let events = lock(&self.events);
        Ok(events
            .keys()
            .filter(|id| after.is_none_or(|after| **id > after))
            .take(limit as usize)
            .copied()
            .collect())
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.check_up()
    }
}
