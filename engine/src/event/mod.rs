//! The state of one event, and the rules. Pure: no clock, no randomness, no I/O. Every method checks first
//! and mutates after, and the one place that mutates is [`Event::play`], for commands and replay alike.

mod best;
mod derived;
mod finder;
mod free_places;
mod house;
mod keys;
mod live;
mod open_batch;
mod pieces;
mod replay;
mod reserve;
mod rules;
mod seats;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod venue_tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub(crate) use house::check_allocations;
pub use open_batch::OpenBatch;
pub use replay::ReplayError;
pub(crate) use rules::ended;

use self::derived::Derived;
use self::keys::Keys;
use self::live::LiveReservation;
use self::seats::Seats;
use crate::mutation::{Mutation, mutated};
use crate::words::{
    Change, Command, EndedKey, EventInfo, KeyHash, Reservation, ReservationId, ReservationNo,
    ReservationStatus, SeatCounts, SeatMap, SeatNo, SeatStatus, Snapshot, Timestamp,
};

/// One event: who holds which seat, and what the rules need to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    info: Arc<EventInfo>,
    /// The number of the last batch that is closed; changes since belong to the next one.
    version: u64,
    deleted: bool,
    seats: Seats,
    /// The pending and confirmed ones. Those that ended are the store's alone.
    reservations: HashMap<ReservationNo, Box<LiveReservation>>,
    /// When each pending one runs out.
    deadlines: BTreeSet<(Timestamp, ReservationNo)>,
    keys: Keys,
    derived: Derived,
    last_reservation_id: Option<ReservationId>,
    /// The time by which the last batch is ordered.
    ordered_at: Option<Timestamp>,
    /// When the store has the event down as due.
    due_at: Option<Timestamp>,
}

/// What a batch is when it is closed.
pub(crate) struct Closed {
    pub(crate) seq: u64,
    pub(crate) ordered_at: Timestamp,
    /// When the event is due, where that changes.
    pub(crate) due_at: Option<Timestamp>,
}

/// By how much an event may be due later than its next hold runs out: how often that is written at most.
const DUE_SLACK_S: u32 = 1;

impl Event {
    /// An event that nobody has reserved anything of yet.
    pub fn new(info: EventInfo) -> Self {
        let mut seats = Seats::new(info.seating.seats());
        if !info.allocations.is_empty() {
            seats.allocate(&info.allocations);
        }
        Self {
            seats,
            info: Arc::new(info),
            version: 0,
            deleted: false,
            reservations: HashMap::new(),
            deadlines: BTreeSet::new(),
            keys: Keys::default(),
            derived: Derived::default(),
            last_reservation_id: None,
            ordered_at: None,
            due_at: None,
        }
    }

    /// An event as a store has it.
    pub fn restore(snapshot: Snapshot) -> Self {
        let mut event = Self::new(snapshot.event.info);
        event.version = snapshot.event.version;
        event.deleted = snapshot.event.deleted;
        event.last_reservation_id = snapshot.last_reservation_id;
        event.ordered_at = snapshot.ordered_at;
        event.due_at = snapshot.due_at;
        event.keys = Keys::with_ended(snapshot.ended_keys, snapshot.has_more_keys);
        for reservation in snapshot.live {
            event.enter(&reservation);
            event.enter_key(&reservation);
        }
        event
    }

    /// The event without its reservations.
    pub fn info(&self) -> &Arc<EventInfo> {
        &self.info
    }

    /// The number of the last closed batch; 0 before the first.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many seats are held, sold and not for sale.
    pub fn counts(&self) -> SeatCounts {
        self.seats.counts()
    }

    /// Whether the event is out of sale for good.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// When the next hold runs out, or the next allocation is released.
    pub fn next_expires_at(&self) -> Option<Timestamp> {
        let next_expiry = self.deadlines.first().map(|&(expires_at, _)| expires_at);
        next_expiry.into_iter().chain(self.next_release_at()).min()
    }

    /// Who holds a seat.
    pub fn holder(&self, seat_no: SeatNo) -> Option<ReservationId> {
        Some(self.info.id.reservation(self.seats.holder(seat_no)?))
    }

    /// Whether a seat can be had; `None` if there is no such seat.
    pub fn seat_status(&self, seat_no: SeatNo) -> Option<SeatStatus> {
        self.seats.status(seat_no)
    }

    /// The status of every seat.
    pub fn seat_map(&self) -> SeatMap {
        SeatMap {
            info: Arc::clone(&self.info),
            version: self.version,
            counts: self.counts(),
            statuses: self.seats.statuses().to_vec(),
        }
    }

    /// Lets holds run out whose time has come, the longest overdue first, at most `limit`; then seats
    /// that are set aside until now go on open sale.
    pub fn expire(&mut self, now: Timestamp, limit: usize) -> Vec<(Change, Option<Arc<Reservation>>)> {
        self.expire_due_by(now, now, limit)
    }

    /// Lets holds run out whose time has come, and nothing else.
    pub fn expire_holds(&mut self, now: Timestamp, limit: usize) -> Vec<(Change, Option<Arc<Reservation>>)> {
        self.expire_holds_due_by(now, now, limit)
    }

    /// Lets holds run out, at the time `now`, whose time had come at `due_by`.
    pub(crate) fn expire_due_by(
        &mut self,
        due_by: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Vec<(Change, Option<Arc<Reservation>>)> {
        let expired = self.expire_holds_due_by(due_by, now, limit);
        let released = self.release_due(due_by, now).map(|change| (change, None));
        expired.into_iter().chain(released).collect()
    }

    fn expire_holds_due_by(
        &mut self,
        due_by: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Vec<(Change, Option<Arc<Reservation>>)> {
        let due: Vec<_> = self
            .deadlines
            .iter()
            .take_while(|(expires_at, _)| *expires_at <= due_by)
            .take(limit)
            .copied()
            .collect();
        let expire = |(_, no)| {
            let change = Change::Expired { id: self.info.id.reservation(no) };
            let reservation = self.play(&change, now);
            (change, reservation)
        };
        due.into_iter().map(expire).collect()
    }

    /// The key of a command of which only the store knows whether it was used.
    pub(crate) fn unknown_key(&self, command: &Command) -> Option<KeyHash> {
        let Command::Reserve { user_id, idempotency_key: Some(key), .. } = command else { return None };
        if self.keys.are_all_here() {
            return None;
        }
        let key_hash = KeyHash::of(*user_id, key);
        self.keys.get(key_hash).is_none().then_some(key_hash)
    }

    /// Takes note of keys that the store has.
    pub(crate) fn note_ended_keys(&mut self, keys: Vec<EndedKey>) {
        keys.into_iter().for_each(|key| self.keys.end(key));
    }

    /// Leaves the keys of ended reservations beyond `most` to the store. It must have them: what ended is
    /// committed, and no look for a key is under way that may have missed it.
    pub(crate) fn leave_keys_to_store(&mut self, most: usize) {
        self.keys.leave_to_store(most);
    }

    /// Closes the open batch, decided at this time: the changes made since the last one are number `version`
    /// of the journal now.
    pub(crate) fn close_batch(&mut self, decided_at: Timestamp) -> Closed {
        let counts = self.counts();
        let taken = counts.reserved + counts.confirmed + counts.not_for_sale;
        assert!(taken <= self.info.seating.seats(), "{taken} seats cannot be had, the event has fewer");
        assert!(self.deadlines.len() <= self.reservations.len(), "what is not live runs out");
        self.version += 1;
        let after_last = self.ordered_at.filter(|_| !mutated(Mutation::TimeGoesBack)).map(Timestamp::next);
        let ordered_at = after_last.map_or(decided_at, |after_last| after_last.max(decided_at));
        self.ordered_at = Some(ordered_at);
        Closed { seq: self.version, ordered_at, due_at: self.note_due(decided_at) }
    }

    /// When the event is due, if the store must be told. What it has down serves as long as it lies ahead and
    /// is not too late: so it is told once a second at most, while holds begin and end all the time.
    fn note_due(&mut self, decided_at: Timestamp) -> Option<Timestamp> {
        let due_at = self.next_expires_at()?.max(decided_at.plus_s(DUE_SLACK_S));
        let serves = self.due_at.is_some_and(|noted| decided_at < noted && noted <= due_at);
        if serves || mutated(Mutation::NotDue) {
            return None;
        }
        self.due_at = Some(due_at);
        self.due_at
    }

    /// Makes one change that the rules allow (or allowed, when replaying), and returns the reservation as
    /// it is after it. Cannot fail.
    fn play(&mut self, change: &Change, now: Timestamp) -> Option<Arc<Reservation>> {
        match change {
            Change::Reserved { .. } => Some(self.play_reserved(change, now)),
            Change::Confirmed { id } => Some(self.update(*id, now, |reservation| {
                assert_eq!(reservation.status, ReservationStatus::Pending, "{id} is confirmed twice");
                reservation.status = ReservationStatus::Confirmed;
                reservation.confirmed_at = Some(now);
            })),
            Change::Cancelled { id } => Some(self.update(*id, now, |reservation| {
                reservation.status = ReservationStatus::Cancelled;
                reservation.cancelled_at = Some(now);
            })),
            Change::Extended { id, expires_at } => Some(self.update(*id, now, |reservation| {
                assert_eq!(reservation.status, ReservationStatus::Pending, "{id} has no hold to extend");
                assert!(reservation.expires_at < *expires_at, "an extension makes {id} shorter");
                reservation.expires_at = *expires_at;
            })),
            Change::Expired { id } => Some(self.update(*id, now, |reservation| {
                assert_eq!(reservation.status, ReservationStatus::Pending, "{id} has no hold to run out");
                reservation.status = ReservationStatus::Expired;
            })),
            Change::Amended { details } => {
                self.edit_info(now, |info| info.details = details.clone());
                None
            }
            Change::Allocated { allocations } => {
                self.edit_info(now, |info| info.allocations = allocations.clone());
                self.seats.allocate(allocations);
                self.derived = Derived::default();
                None
            }
            // Replayed from what it led to, it has them already.
            Change::SectionsAdded { seating } if seating.seats() < self.info.seating.seats() => None,
            Change::SectionsAdded { seating } => {
                self.seats.grow(seating.seats());
                self.derived = Derived::default();
                self.edit_info(now, |info| info.seating = seating.clone());
                None
            }
            Change::Deleted => {
                assert!(self.reservations.is_empty(), "an event with live reservations is deleted");
                self.deleted = true;
                None
            }
        }
    }

    fn play_reserved(&mut self, change: &Change, now: Timestamp) -> Arc<Reservation> {
        let Change::Reserved { id, user_id, seats, total_minor, expires_at, idempotency_key, terms } = change
        else {
            unreachable!("it is a reserve");
        };
        assert!(self.last_reservation_id < Some(*id), "reservation {id} is not the next one");
        let types = terms.as_ref().map_or(&[][..], |terms| &terms.ticket_types);
        let prices_minor = self.info.seating.total_minor(seats, types);
        assert_eq!(Some(*total_minor), prices_minor, "the total of {id} is not the sum of its prices");
        let reservation = Arc::new(Reservation {
            id: *id,
            user_id: *user_id,
            seats: seats.clone(),
            status: ReservationStatus::Pending,
            total_minor: *total_minor,
            created_at: now,
            expires_at: *expires_at,
            updated_at: now,
            confirmed_at: None,
            cancelled_at: None,
            idempotency_key: idempotency_key.clone(),
            terms: terms.clone(),
            seq: self.version + 1,
        });
        self.last_reservation_id = Some(*id);
        self.enter(&reservation);
        self.enter_key(&reservation);
        reservation
    }

    fn edit_info(&mut self, now: Timestamp, edit: impl FnOnce(&mut EventInfo)) {
        let info = Arc::make_mut(&mut self.info);
        edit(info);
        info.updated_at = now;
    }

    fn update(
        &mut self,
        id: ReservationId,
        now: Timestamp,
        edit: impl FnOnce(&mut Reservation),
    ) -> Arc<Reservation> {
        let mut row = self.leave(id);
        edit(&mut row);
        row.updated_at = now;
        row.seq = self.version + 1;
        if row.status.is_live() {
            self.enter(&row);
        } else if let Some(key) = row.ended_key() {
            self.keys.end(key);
        }
        Arc::new(row)
    }

    fn enter_key(&mut self, reservation: &Reservation) {
        if let Some(key) = &reservation.idempotency_key {
            self.keys.enter(KeyHash::of(reservation.user_id, key), ReservationNo::of(reservation.id));
        }
    }

    /// Enters a live reservation everywhere but among the keys.
    fn enter(&mut self, reservation: &Reservation) {
        let no = ReservationNo::of(reservation.id);
        let status = match reservation.status {
            ReservationStatus::Confirmed => SeatStatus::Confirmed,
            _ => SeatStatus::Reserved,
        };
        for &seat_no in &reservation.seats {
            let before = self.seats.take(seat_no, no, status);
            self.note_seat(seat_no);
            assert_eq!(before, None, "seat {seat_no}, which {} takes, has a holder", reservation.id);
        }
        if reservation.status == ReservationStatus::Pending {
            let is_new = self.deadlines.insert((reservation.expires_at, no));
            assert!(is_new, "{} runs out twice", reservation.id);
        }
        let earlier = self.reservations.insert(no, Box::new(LiveReservation::new(reservation)));
        assert_eq!(earlier, None, "{} is live twice", reservation.id);
    }

    /// Takes a live reservation out everywhere.
    fn leave(&mut self, id: ReservationId) -> Reservation {
        let live = self.number(id).and_then(|no| Some((no, self.reservations.remove(&no)?)));
        let Some((no, live)) = live else { panic!("reservation {id} is not live") };
        let row = live.into_row(id);
        for &seat_no in &row.seats {
            let before = self.seats.leave(seat_no);
            self.note_seat(seat_no);
            assert_eq!(before, Some(no), "seat {seat_no}, which {id} leaves, is another's");
        }
        let had_deadline = self.deadlines.remove(&(row.expires_at, no));
        assert_eq!(
            had_deadline,
            row.status == ReservationStatus::Pending,
            "{id} has no deadline, or one too many"
        );
        row
    }
}
