//! Reservations on the wire.

use std::collections::HashSet;

use engine::{
    Currency, EventId, EventInfo, ReservationId, ReservationStatus, ReservationView, SeatId, SeatKeyList,
    SeatNo, TicketTypeNo, Timestamp, UserId,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::seat_body::SeatKind;
use crate::wire::time::Time;
use crate::wire::wish_body::{BestAvailableBody, WantedPlacesBody, WantedSeat, WantedTable, WishBody};

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
    /// Its seats, to print tickets from.
    seats: Vec<ReservedSeat>,
    /// Its counted places, which have no numbers.
    places: Vec<ReservedPlaces>,
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

/// A seat of a reservation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservedSeat {
    #[schema(value_type = Uuid)]
    id: SeatId,
    /// The operator's key of it; the label, where there is no other.
    key: String,
    /// `null` where the section has no name.
    section: Option<String>,
    /// The row or table, as the house calls it.
    row: String,
    /// As the house calls it.
    number: String,
    /// Its label.
    seat_number: String,
    /// The key of its category.
    category: String,
    /// The key of its ticket type.
    ticket_type: String,
    /// When it was reserved, in minor units.
    price: i64,
    attributes: Vec<String>,
    kind: SeatKind,
}

/// Counted places of a reservation that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReservedPlaces {
    section: String,
    quantity: u32,
    /// The key of their category.
    category: String,
    /// The key of their ticket type.
    ticket_type: String,
    /// Of each, when it was reserved, in minor units.
    price: i64,
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
    /// A reservation as it is at `now`. `keys` are those of the seats, where each has one of its own.
    pub fn new(view: &ReservationView, keys: Option<&SeatKeyList>, now: Timestamp) -> Self {
        let reservation = &*view.reservation;
        let event = &*view.event;
        let is_pending = reservation.status == ReservationStatus::Pending;
        let remaining_us = if is_pending { reservation.expires_at.since(now).as_micros() } else { 0 };
        let mut shown = Shown::default();
        let types = reservation.ticket_types().iter().copied().chain(std::iter::repeat(0));
        for (&seat_no, ticket_type) in reservation.seats.iter().zip(types) {
            shown.add(event, keys, seat_no, ticket_type);
        }
        Self {
            id: reservation.id,
            event_id: event.id,
            user_id: reservation.user_id,
            seat_ids: reservation.seats.iter().map(|&seat_no| event.id.seat(seat_no)).collect(),
            seat_numbers: shown.labels,
            seats: shown.seats,
            places: shown.places,
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

/// The seats of a reservation, as they are shown.
#[derive(Default)]
struct Shown {
    labels: Vec<String>,
    seats: Vec<ReservedSeat>,
    places: Vec<ReservedPlaces>,
}

impl Shown {
    fn add(
        &mut self,
        event: &EventInfo,
        keys: Option<&SeatKeyList>,
        seat_no: SeatNo,
        ticket_type: TicketTypeNo,
    ) {
        let (layout, prices) = (&event.seating.layout, &event.seating.prices);
        let Some(place) = layout.place(seat_no) else { return self.labels.push(String::new()) };
        let label = place.label();
        self.labels.push(label.clone());
        let category = layout.categories()[usize::from(place.category)].clone();
        let price = prices.price_minor(place.category, ticket_type).unwrap_or_default();
        let ticket_type = prices.ticket_types.get(usize::from(ticket_type));
        let ticket_type = ticket_type.map(|of| of.key.clone()).unwrap_or_default();
        let section = place.section.map(str::to_owned);
        let key = keys
            .and_then(|keys| keys.key(seat_no))
            .map_or_else(|| layout.key(&place), |key| Some(key.into()));
        let key = key.map(String::from);
        match (place.row, place.number) {
            (Some(row), Some(number)) => self.seats.push(ReservedSeat {
                id: event.id.seat(seat_no),
                key: key.unwrap_or_default(),
                section,
                row,
                number,
                seat_number: label,
                category,
                ticket_type,
                price,
                attributes: layout.attribute_names(place.attributes).map(str::to_owned).collect(),
                kind: if place.is_table { SeatKind::Table } else { SeatKind::Seat },
            }),
            _ => self.add_place(ReservedPlaces {
                section: section.unwrap_or_default(),
                quantity: 1,
                category,
                ticket_type,
                price,
            }),
        }
    }

    fn add_place(&mut self, place: ReservedPlaces) {
        let alike = |known: &&mut ReservedPlaces| {
            **known == ReservedPlaces { quantity: known.quantity, ..place.clone() }
        };
        match self.places.iter_mut().find(alike) {
            Some(known) => known.quantity += 1,
            None => self.places.push(place),
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
    /// All of that event, none twice, at most the event's `max_seats_per_reservation`. At least one of
    /// `seat_ids`, `seats`, `places`, `tables` and `best_available` is needed; of several, all is had or
    /// nothing.
    #[garde(custom(some_wish(self)), inner(length(min = 1, max = 1_000)), inner(custom(no_repeats)))]
    #[schema(min_items = 1, max_items = 1_000)]
    pub seat_ids: Option<Vec<Uuid>>,
    /// Seats by id, key or name, each with its ticket type.
    #[garde(inner(length(min = 1, max = 1_000)))]
    #[schema(min_items = 1, max_items = 1_000)]
    #[serde(default, deserialize_with = "super::object::list")]
    pub seats: Option<Vec<WantedSeat>>,
    /// Counted places.
    #[garde(inner(length(min = 1, max = 100)))]
    #[schema(min_items = 1, max_items = 100)]
    #[serde(default, deserialize_with = "super::object::list")]
    pub places: Option<Vec<WantedPlacesBody>>,
    /// Tables with all their seats.
    #[garde(inner(length(min = 1, max = 100)))]
    #[schema(min_items = 1, max_items = 100)]
    #[serde(default, deserialize_with = "super::object::list")]
    pub tables: Option<Vec<WantedTable>>,
    /// The best seats that there are: which, the event decides, so callers at the same time get different
    /// ones.
    #[garde(skip)]
    pub best_available: Option<BestAvailableBody>,
    /// An administrator's: what is set aside for this channel may be among them.
    #[garde(skip)]
    pub channel: Option<String>,
    /// For whom; an administrator must say it, a user is its own where absent.
    #[garde(skip)]
    pub user_id: Option<Uuid>,
    /// Makes a repetition of the request harmless; can be given in the header `Idempotency-Key` instead.
    #[garde(inner(custom(visible)))]
    #[schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    pub idempotency_key: Option<String>,
}

impl NewReservationBody {
    /// What is asked for.
    pub fn take_wish(&mut self) -> WishBody {
        WishBody {
            seat_ids: self.seat_ids.take().unwrap_or_default(),
            seats: self.seats.take().unwrap_or_default(),
            places: self.places.take().unwrap_or_default(),
            tables: self.tables.take().unwrap_or_default(),
            best_available: self.best_available.take(),
            channel: self.channel.take(),
        }
    }
}

fn some_wish(body: &NewReservationBody) -> impl FnOnce(&Option<Vec<Uuid>>, &()) -> garde::Result {
    let has_wish = body.seats.is_some()
        || body.places.is_some()
        || body.tables.is_some()
        || body.best_available.is_some();
    move |seat_ids, ()| match seat_ids {
        None if !has_wish => Err(garde::Error::new("are needed, or seats, places, tables or best_available")),
        _ => Ok(()),
    }
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
