//! Reservations on the wire.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use engine::{
    Currency, EventId, EventInfo, ReservationId, ReservationStatus, ReservationView, SeatId, SeatKeyList,
    SeatKeys, SeatNo, TicketTypeNo, Timestamp, UserId, WrittenLabel,
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
pub struct ReservationBody<'a> {
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
    seat_numbers: Vec<&'a str>,
    /// Its seats, to print tickets from.
    seats: Vec<ReservedSeat<'a>>,
    /// Its counted places, which have no numbers.
    places: Vec<ReservedPlaces<'a>>,
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
pub struct ReservedSeat<'a> {
    #[schema(value_type = Uuid)]
    id: SeatId,
    /// The operator's key of it; the label, where there is no other.
    #[schema(value_type = String)]
    key: Cow<'a, str>,
    /// `null` where the section has no name.
    section: Option<&'a str>,
    /// The row or table, as the house calls it.
    row: &'a str,
    /// As the house calls it.
    number: &'a str,
    /// Its label.
    seat_number: &'a str,
    /// The key of its category.
    category: &'a str,
    /// The key of its ticket type.
    ticket_type: &'a str,
    /// When it was reserved, in minor units.
    price: i64,
    attributes: Vec<&'a str>,
    kind: SeatKind,
}

/// Counted places of a reservation that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReservedPlaces<'a> {
    section: &'a str,
    quantity: u32,
    /// The key of their category.
    category: &'a str,
    /// The key of their ticket type.
    ticket_type: &'a str,
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

/// The labels of a reservation's seats, in one text.
pub struct SeatLabels {
    text: String,
    labels: Vec<Option<WrittenLabel>>,
}

impl SeatLabels {
    /// Those of this reservation.
    pub fn of(view: &ReservationView) -> Self {
        let layout = &view.event.seating.layout;
        let mut text = String::with_capacity(16 * view.reservation.seats.len());
        let labels = view.reservation.seats.iter().map(|&seat_no| layout.write_label(seat_no, &mut text));
        Self { labels: labels.collect(), text }
    }
}

impl<'a> ReservationBody<'a> {
    /// A reservation as it is at `now`. `keys` are those of the seats, where each has one of its own.
    pub fn new(
        view: &'a ReservationView,
        labels: &'a SeatLabels,
        keys: Option<&'a SeatKeyList>,
        now: Timestamp,
    ) -> Self {
        let reservation = &*view.reservation;
        let event = &*view.event;
        let is_pending = reservation.status == ReservationStatus::Pending;
        let remaining_us = if is_pending { reservation.expires_at.since(now).as_micros() } else { 0 };
        let mut shown =
            Shown { event, labels, keys, numbers: Vec::new(), seats: Vec::new(), places: Vec::new() };
        let types = reservation.ticket_types().iter().copied().chain(std::iter::repeat(0));
        for ((&seat_no, ticket_type), label) in reservation.seats.iter().zip(types).zip(&labels.labels) {
            shown.add(seat_no, ticket_type, label.as_ref());
        }
        Self {
            id: reservation.id,
            event_id: event.id,
            user_id: reservation.user_id,
            seat_ids: reservation.seats.iter().map(|&seat_no| event.id.seat(seat_no)).collect(),
            seat_numbers: shown.numbers,
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
struct Shown<'a> {
    event: &'a EventInfo,
    labels: &'a SeatLabels,
    keys: Option<&'a SeatKeyList>,
    numbers: Vec<&'a str>,
    seats: Vec<ReservedSeat<'a>>,
    places: Vec<ReservedPlaces<'a>>,
}

impl<'a> Shown<'a> {
    fn add(&mut self, seat_no: SeatNo, ticket_type: TicketTypeNo, label: Option<&'a WrittenLabel>) {
        let (layout, prices) = (&*self.event.seating.layout, &*self.event.seating.prices);
        let Some(label) = label else { return self.numbers.push("") };
        let text = |range: &Range<usize>| &self.labels.text[range.clone()];
        let whole = text(&label.whole);
        let category = layout.categories()[usize::from(label.category)].as_str();
        let price = prices.price_minor(label.category, ticket_type).unwrap_or_default();
        let ticket_type = prices.ticket_types.get(usize::from(ticket_type)).map_or("", |of| of.key.as_str());
        let section = layout.sections()[usize::from(label.section_no)].name.as_deref();
        self.numbers.push(whole);
        let Some((row, number)) = &label.row_and_number else {
            let section = section.unwrap_or_default();
            return self.add_place(ReservedPlaces { section, quantity: 1, category, ticket_type, price });
        };
        let seat = ReservedSeat {
            id: self.event.id.seat(seat_no),
            key: self.key(seat_no, whole),
            section,
            row: text(row),
            number: text(number),
            seat_number: whole,
            category,
            ticket_type,
            price,
            attributes: layout.attribute_names(label.attributes).collect(),
            kind: if label.is_table { SeatKind::Table } else { SeatKind::Seat },
        };
        self.seats.push(seat);
    }

    fn key(&self, seat_no: SeatNo, label: &'a str) -> Cow<'a, str> {
        let layout = &self.event.seating.layout;
        match (layout.keys(), self.keys) {
            (SeatKeys::Label, _) => label.into(),
            (SeatKeys::Listed(_), keys) => keys.and_then(|keys| keys.key(seat_no)).unwrap_or(label).into(),
            (SeatKeys::Pattern(_), _) => {
                let place = layout.place(seat_no);
                place.map(|place| layout.key(&place).into_owned()).unwrap_or_default().into()
            }
        }
    }

    fn add_place(&mut self, place: ReservedPlaces<'a>) {
        let is_alike = |known: &&mut ReservedPlaces<'a>| {
            **known == ReservedPlaces { quantity: known.quantity, ..place.clone() }
        };
        match self.places.iter_mut().find(is_alike) {
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
