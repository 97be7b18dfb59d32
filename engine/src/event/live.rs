//! A live reservation as memory keeps it: what makes up the bulk of an event, so each byte counts.

use super::Event;
use crate::words::{
    RequestHash, Reservation, ReservationId, ReservationNo, ReservationStatus, SeatNo, Terms, Timestamp,
    UserId,
};

/// A live reservation without what follows from the rest: its id is its place in the map, a live one was
/// never cancelled, and one that is confirmed changes no more until it ends, so it was confirmed when it last
/// changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LiveReservation {
    pub(super) user_id: UserId,
    seats: Box<[SeatNo]>,
    terms: Option<Box<Terms>>,
    pub(super) status: ReservationStatus,
    total_minor: i64,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    updated_at: Timestamp,
    idempotency_key: Option<Box<str>>,
    seq: u64,
}

impl LiveReservation {
    pub(super) fn new(row: &Reservation) -> Self {
        Self {
            user_id: row.user_id,
            seats: row.seats.as_slice().into(),
            terms: row.terms.clone(),
            status: row.status,
            total_minor: row.total_minor,
            created_at: row.created_at,
            expires_at: row.expires_at,
            updated_at: row.updated_at,
            idempotency_key: row.idempotency_key.as_deref().map(Into::into),
            seq: row.seq,
        }
    }

    pub(super) fn request_hash(&self) -> RequestHash {
        self.terms.as_ref().map_or_else(|| RequestHash::of_seats(&self.seats), |terms| terms.request_hash)
    }

    /// The reservation in full.
    pub(super) fn row(&self, id: ReservationId) -> Reservation {
        self.clone().into_row(id)
    }

    pub(super) fn into_row(self, id: ReservationId) -> Reservation {
        Reservation {
            id,
            user_id: self.user_id,
            seats: self.seats.into_vec(),
            status: self.status,
            total_minor: self.total_minor,
            created_at: self.created_at,
            expires_at: self.expires_at,
            updated_at: self.updated_at,
            confirmed_at: (self.status == ReservationStatus::Confirmed).then_some(self.updated_at),
            cancelled_at: None,
            idempotency_key: self.idempotency_key.map(String::from),
            terms: self.terms,
            seq: self.seq,
        }
    }
}

impl Event {
    /// A pending or confirmed reservation.
    pub fn reservation(&self, id: ReservationId) -> Option<Reservation> {
        Some(self.live(id)?.row(id))
    }

    /// The pending and confirmed reservations, in no order.
    pub fn reservations(&self) -> impl Iterator<Item = Reservation> {
        self.reservations.iter().map(|(&no, live)| live.row(self.info.id.reservation(no)))
    }

    pub(super) fn live(&self, id: ReservationId) -> Option<&LiveReservation> {
        self.reservations.get(&self.number(id)?).map(|live| &**live)
    }

    /// `None` for another event's id: its number can be that of a reservation here.
    pub(super) fn number(&self, id: ReservationId) -> Option<ReservationNo> {
        (id.event_id() == self.info.id).then(|| ReservationNo::of(id))
    }
}
