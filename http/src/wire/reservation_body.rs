//! Reservations on the wire.

use std::collections::HashSet;

use engine::{
    Currency, EventId, ReservationId, ReservationStatus, ReservationView, SeatId, Timestamp, UserId,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::time::Time;

const MAX_KEY_LENGTH: usize = 255;

/// Some seats of one event for one user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservation)]
pub struct ReservationBody {
    #[schema(value_type = Uuid)]
    id: ReservationId,
    #[schema(value_type = Uuid)]
    event_id: EventId,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// In the order asked for.
    #[schema(value_type = Vec<Uuid>)]
    seat_ids: Vec<SeatId>,
    /// Their labels, in the same order.
    seat_numbers: Vec<String>,
    #[schema(value_type = ReservationStatusName)]
    status: ReservationStatus,
    /// The sum of the seats' prices when they were reserved, in minor units.
    total_amount: i64,
    /// ISO 4217.
    #[schema(value_type = String, example = "JPY")]
    currency: Currency,
    /// How many digits of `total_amount` are decimals: 0 for JPY, 2 for USD.
    currency_decimals: u8,
    /// When the hold ends by itself, unless it is confirmed.
    expires_at: Time,
    /// Seconds until `expires_at`, rounded up; 0 when that is past, and unless `status` is `pending`.
    #[schema(value_type = u64, minimum = 0)]
    expires_in_s: u64,
    confirmed_at: Option<Time>,
    cancelled_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
    /// The number of the journal batch that changed it last: the provable order of decisions of an event.
    seq: u64,
    /// `true` in the answer to a repeated idempotency key, else absent. **`status` counts: what the key once
    /// made can be cancelled or expired by now.**
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = bool)]
    replayed: Option<bool>,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReservationStatus)]
pub enum ReservationStatusName {
    /// Holds its seats until `expires_at`.
    Pending,
    /// Its seats are sold.
    Confirmed,
    /// Given back.
    Cancelled,
    /// Ran out.
    Expired,
}

impl ReservationBody {
    /// A reservation as it is at `now`.
    pub fn new(view: &ReservationView, now: Timestamp) -> Self {
        let reservation = &*view.reservation;
        let event = &*view.event;
        let label = |&seat_no: &u32| {
            event.seating.layout.place(seat_no).map(|place| place.label()).unwrap_or_default()
        };
        let is_pending = reservation.status == ReservationStatus::Pending;
        let remaining_us = if is_pending { reservation.expires_at.since(now).as_micros() } else { 0 };
        Self {
            id: reservation.id,
            event_id: event.id,
            user_id: reservation.user_id,
            seat_ids: reservation.seats.iter().map(|&seat_no| event.id.seat(seat_no)).collect(),
            seat_numbers: reservation.seats.iter().map(label).collect(),
            status: reservation.status,
            total_amount: reservation.total_minor,
            currency: event.currency,
            currency_decimals: event.currency.decimals(),
            expires_at: Time(reservation.expires_at),
            expires_in_s: remaining_us.div_ceil(1_000_000) as u64,
            confirmed_at: reservation.confirmed_at.map(Time),
            cancelled_at: reservation.cancelled_at.map(Time),
            created_at: Time(reservation.created_at),
            updated_at: Time(reservation.updated_at),
            seq: reservation.seq,
            replayed: view.replayed.then_some(true),
        }
    }
}

/// A new reservation.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReservation)]
pub struct NewReservationBody {
    /// Whose seats.
    #[garde(skip)]
    pub event_id: Uuid,
    /// All of that event, none twice, at most the event's `max_seats_per_reservation`.
    #[garde(length(min = 1, max = 1_000), custom(no_repeats))]
    #[schema(min_items = 1, max_items = 1_000)]
    pub seat_ids: Vec<Uuid>,
    /// For whom; an administrator must say it, a user is its own where absent.
    #[garde(skip)]
    pub user_id: Option<Uuid>,
    /// Makes a repetition of the request harmless; can be given in the header `Idempotency-Key` instead.
    #[garde(inner(custom(visible)))]
    #[schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    pub idempotency_key: Option<String>,
}

/// 1 to 255 visible characters.
pub(crate) fn visible(key: &str, _: &()) -> garde::Result {
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=MAX_KEY_LENGTH).contains(&key.len()) {
        return Ok(());
    }
    Err(garde::Error::new("must be 1 to 255 visible ASCII characters"))
}

fn no_repeats(ids: &[Uuid], _: &()) -> garde::Result {
    let repeated = if ids.len() <= 16 {
        ids.iter().enumerate().find(|(index, id)| ids[..*index].contains(id)).map(|(_, id)| id)
    } else {
        let mut seen = HashSet::with_capacity(ids.len());
        ids.iter().find(|id| !seen.insert(**id))
    };
    match repeated {
        Some(id) => Err(garde::Error::new(format!("has {id} twice"))),
        None => Ok(()),
    }
}
