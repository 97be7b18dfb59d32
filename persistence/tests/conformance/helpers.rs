//! Events and batches to try the stores with.

use std::sync::Arc;

use async_trait::async_trait;
use engine::testing::{event_info, random_batch_id};
use engine::{
    Batch, Change, EventId, EventInfo, Reservation, ReservationId, ReservationStatus, SeatCounts, SeatNo,
    Seating, Snapshot, Store, Timestamp, UserId,
};
use uuid::Uuid;

pub const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_123_456);

/// How many keys an owner wants.
pub const KEYS: u32 = 2;

/// A database of one test, which can be connected to again and again.
#[async_trait]
pub trait Database: Sync {
    async fn connect(&self) -> Arc<dyn Store>;
}

/// An event of 12 seats, made at `created_at`.
pub fn new_event_at(created_at: Timestamp) -> EventInfo {
    let layout = Seating::of_sections([("Arena".into(), 2, 4, 9_000), ("Stand".into(), 1, 4, 5_000)]);
    event_info(created_at, Uuid::new_v4().as_u128() as u32, layout)
}

pub fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

/// A new event with its first owner.
pub async fn owned_event(store: &dyn Store) -> Owner {
    let event = new_event_at(NOW);
    store.create_event(&event).await.unwrap();
    activate(store, event.id).await
}

pub async fn activate(store: &dyn Store, id: EventId) -> Owner {
    let snapshot = store.activate(id, "node-a", KEYS).await.unwrap().unwrap();
    Owner::of(&snapshot)
}

/// What an owner knows of its event: enough to number its batches and its reservations.
#[derive(Debug, Clone)]
pub struct Owner {
    pub event_id: EventId,
    pub epoch: u64,
    pub version: u64,
    last_id: Option<ReservationId>,
}

impl Owner {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            event_id: snapshot.event.info.id,
            epoch: snapshot.event.epoch,
            version: snapshot.event.version,
            last_id: snapshot.last_reservation_id,
        }
    }

    /// An empty batch after the last one.
    pub fn batch(&self) -> Batch {
        Batch {
            event_id: self.event_id,
            batch_id: random_batch_id(),
            seq: self.version + 1,
            epoch: self.epoch,
            decided_at: NOW.plus_s(self.version as u32),
            ordered_at: NOW.plus_s(self.version as u32),
            changes: Vec::new(),
            created: Vec::new(),
            updated: Vec::new(),
            released: Vec::new(),
            claimed: Vec::new(),
            counts: SeatCounts::default(),
            ended_keys: Vec::new(),
            next_expires_at: None,
            due_at: None,
            info: None,
            deleted: false,
        }
    }

    /// A new pending reservation, of the next batch.
    pub fn reservation(&mut self, user_id: UserId, seats: &[SeatNo], key: Option<&str>) -> Reservation {
        let now = NOW.plus_s(self.version as u32);
        let id = ReservationId::next(self.event_id, self.last_id, now);
        self.last_id = Some(id);
        Reservation {
            id,
            user_id,
            seats: seats.to_vec(),
            status: ReservationStatus::Pending,
            total_minor: 9_000 * seats.len() as i64,
            created_at: now,
            expires_at: now.plus_s(600),
            updated_at: now,
            confirmed_at: None,
            cancelled_at: None,
            idempotency_key: key.map(str::to_owned),
            terms: None,
            seq: self.version + 1,
        }
    }

    /// Writes a batch that must succeed.
    pub async fn write(&mut self, store: &dyn Store, batch: Batch) -> Arc<Batch> {
        let batch = Arc::new(batch);
        store.append(&batch).await.unwrap();
        self.version = batch.seq;
        batch
    }

    /// Reserves seats in a batch of its own.
    pub async fn reserve(&mut self, store: &dyn Store, user_id: UserId, seats: &[SeatNo]) -> Reservation {
        let reservation = self.reservation(user_id, seats, None);
        let batch = self.batch().reserve(&reservation);
        self.write(store, batch).await;
        reservation
    }
}

/// The steps by which a test puts a batch together.
pub trait BatchSteps {
    fn reserve(self, reservation: &Reservation) -> Self;
    fn change(self, change: Change, reservation: &Reservation) -> Self;
    fn counts(self, reserved: u32, confirmed: u32) -> Self;
}

impl BatchSteps for Batch {
    /// Adds a new reservation that holds its seats.
    fn reserve(mut self, reservation: &Reservation) -> Self {
        self.changes.push(reserved(reservation));
        self.claimed.extend(reservation.seats.iter().map(|seat_no| (*seat_no, reservation.id)));
        self.created.push(Arc::new(reservation.clone()));
        self.next_expires_at = self.next_expires_at.or(Some(reservation.expires_at));
        self
    }

    /// Adds a change of an older reservation, with its row as it is after it. One that has ended releases
    /// its seats.
    fn change(mut self, change: Change, reservation: &Reservation) -> Self {
        self.changes.push(change);
        if !reservation.status.is_live() {
            self.ended_keys.extend(reservation.ended_key());
        }
        if !reservation.status.is_live() {
            self.released.extend(&reservation.seats);
        }
        self.updated.push(Arc::new(reservation.clone()));
        self
    }

    fn counts(mut self, reserved: u32, confirmed: u32) -> Self {
        self.counts = SeatCounts { reserved, confirmed, not_for_sale: 0 };
        self
    }
}

pub fn reserved(reservation: &Reservation) -> Change {
    Change::Reserved {
        id: reservation.id,
        user_id: reservation.user_id,
        seats: reservation.seats.clone(),
        total_minor: reservation.total_minor,
        expires_at: reservation.expires_at,
        idempotency_key: reservation.idempotency_key.clone(),
        terms: reservation.terms.clone(),
    }
}

/// The reservation in another status, as batch `seq` left it.
pub fn ended(reservation: &Reservation, status: ReservationStatus, seq: u64) -> Reservation {
    let at = NOW.plus_s(seq as u32 - 1);
    let at_if = |wanted| (status == wanted).then_some(at);
    Reservation {
        status,
        updated_at: at,
        confirmed_at: at_if(ReservationStatus::Confirmed).or(reservation.confirmed_at),
        cancelled_at: at_if(ReservationStatus::Cancelled),
        seq,
        ..reservation.clone()
    }
}
