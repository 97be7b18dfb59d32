//! Events on the wire.

use std::collections::{BTreeSet, HashSet};

use engine::{
    CategoryNo, Currency, EventDetails, EventId, EventPatch, EventView, MAX_PRICE_MINOR, MAX_SEATS_PER_EVENT,
    NewEvent, Rules, Seating, Section, SectionSize, Timestamp,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::name::Name;
use crate::wire::problem::Problem;
use crate::wire::time::Time;

const MAX_SECTIONS: usize = 1_000;
const DEFAULT_MAX_SEATS_PER_RESERVATION: u32 = 10;
const MAX_HOLD_FACTOR: u32 = 4;

/// An event, and how many of its seats are in which status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    #[serde(flatten)]
    summary: EventSummaryBody,
    /// Its seats, by section.
    sections: Vec<SectionBody>,
}

/// An event without its sections, of which there can be a thousand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventSummary)]
pub struct EventSummaryBody {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: EventId,
    name: String,
    description: String,
    venue: String,
    start_at: Time,
    /// From then on nothing more is reserved.
    end_at: Time,
    /// ISO 4217.
    #[schema(value_type = String, example = "JPY")]
    currency: Currency,
    /// How many digits of an amount in minor units are decimals: 0 for JPY, 2 for USD.
    currency_decimals: u8,
    /// How long a hold lasts.
    hold_ttl_s: u32,
    /// How long a hold can last with all its extensions.
    max_hold_s: u32,
    max_seats_per_reservation: u32,
    total_seats: u32,
    available_seats: u32,
    reserved_seats: u32,
    confirmed_seats: u32,
    /// Set aside for a channel, and neither held nor sold.
    not_for_sale_seats: u32,
    /// The number of the last batch in the event's journal.
    version: u64,
    created_at: Time,
    updated_at: Time,
}

/// A part of the house: rows of seats, tables, or counted places.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Section)]
pub struct SectionBody {
    /// `null` in an event that was made from a number of seats alone.
    name: Option<String>,
    rows: u32,
    /// Where all rows are equal, else `null`. The last row of an unnamed section can be shorter.
    seats_per_row: Option<u32>,
    tables: u32,
    seats: u32,
    /// Counted places, which have no numbers.
    places: u32,
    /// In minor units, of the event's first ticket type; `null` where there are several prices.
    price: Option<i64>,
    /// The keys of its categories.
    categories: Vec<String>,
    /// Where one goes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    entrance: Option<String>,
}

impl From<EventView> for EventBody {
    fn from(view: EventView) -> Self {
        let seating = &view.info.seating;
        let sizes = seating.layout.section_sizes();
        let sections = seating.layout.sections().iter().zip(sizes);
        let sections = sections.map(|(section, size)| SectionBody::new(seating, section, size)).collect();
        Self { sections, summary: EventSummaryBody::from(&view) }
    }
}

impl SectionBody {
    fn new(seating: &Seating, section: &Section, size: SectionSize) -> Self {
        let prices: BTreeSet<_> =
            size.categories.iter().map(|&category| seating.prices.price_minor(category, 0)).collect();
        let key = |&category: &CategoryNo| seating.layout.categories()[usize::from(category)].clone();
        Self {
            name: section.name.clone(),
            rows: size.rows,
            seats_per_row: size.equal_rows.map(|equal| equal.seats_per_row),
            tables: size.tables,
            seats: size.seats,
            places: size.places,
            price: if prices.len() == 1 { prices.first().copied().flatten() } else { None },
            categories: size.categories.iter().map(key).collect(),
            entrance: section.entrance.clone(),
        }
    }
}

impl From<&EventView> for EventSummaryBody {
    fn from(view: &EventView) -> Self {
        let (info, counts) = (&view.info, view.counts);
        let details = info.details.clone();
        let total_seats = info.seating.seats();
        Self {
            id: info.id,
            name: details.name,
            description: details.description,
            venue: details.venue,
            start_at: Time(details.start_at),
            end_at: Time(details.end_at),
            currency: info.currency,
            currency_decimals: info.currency.decimals(),
            hold_ttl_s: details.hold_ttl_s,
            max_hold_s: details.max_hold_s,
            max_seats_per_reservation: details.max_seats_per_reservation,
            total_seats,
            available_seats: total_seats
                .saturating_sub(counts.reserved + counts.confirmed + counts.not_for_sale),
            reserved_seats: counts.reserved,
            confirmed_seats: counts.confirmed,
            not_for_sale_seats: counts.not_for_sale,
            version: view.version,
            created_at: Time(info.created_at),
            updated_at: Time(info.updated_at),
        }
    }
}

/// A new event: with `sections`, or with `total_seats` and `price` in their place.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEvent)]
pub struct NewEventBody {
    #[garde(dive)]
    #[schema(inline)]
    name: Name,
    #[garde(inner(length(chars, max = 10_000), custom(storable)))]
    #[schema(max_length = 10_000, pattern = r"^[^\x00]*$")]
    description: Option<String>,
    #[garde(dive)]
    #[schema(inline)]
    venue: Name,
    #[garde(skip)]
    start_at: Time,
    /// After `start_at`, and not in the past unless `allow_past` is true.
    #[garde(custom(after(self.start_at)))]
    end_at: Time,
    /// A code of ISO 4217 that is in use; JPY where absent.
    #[garde(inner(custom(currency_code)))]
    #[schema(pattern = "^[A-Z]{3}$", example = "JPY")]
    currency: Option<String>,
    /// How long a hold lasts; the server's setting where absent.
    #[garde(inner(range(min = 1, max = 86_400)))]
    #[schema(minimum = 1, maximum = 86_400)]
    hold_ttl_s: Option<i64>,
    /// How long a hold can last with all its extensions, at least `hold_ttl_s`; four times that where absent.
    #[garde(inner(range(min = 1, max = 31_536_000), custom(at_least(self.hold_ttl_s))))]
    #[schema(minimum = 1, maximum = 31_536_000)]
    max_hold_s: Option<i64>,
    /// 10 where absent.
    #[garde(inner(range(min = 1, max = 1_000)))]
    #[schema(minimum = 1, maximum = 1_000)]
    max_seats_per_reservation: Option<i64>,
    /// All of them together 1 to 200,000 seats; no name twice.
    #[garde(custom(one_form(self.total_seats)), dive)]
    #[schema(min_items = 1, max_items = 1_000)]
    #[serde(default, deserialize_with = "super::object::list")]
    sections: Option<Vec<NewSection>>,
    /// In the place of `sections`: one unnamed section of so many seats.
    #[garde(inner(range(min = 1, max = 200_000)))]
    #[schema(minimum = 1, maximum = 200_000)]
    total_seats: Option<i64>,
    /// With `total_seats`: the price of each seat, in minor units.
    #[garde(inner(range(min = 0, max = MAX_PRICE_MINOR)), custom(price_of(self.total_seats)))]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
    /// Takes an event that is over already, too.
    #[garde(skip)]
    #[serde(default)]
    allow_past: bool,
}

/// A block of equal rows with one price.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSection {
    #[garde(dive)]
    #[schema(inline)]
    name: Name,
    #[garde(range(min = 1, max = 200_000))]
    #[schema(minimum = 1, maximum = 200_000)]
    rows: i64,
    #[garde(range(min = 1, max = 200_000))]
    #[schema(minimum = 1, maximum = 200_000)]
    seats_per_row: i64,
    /// In minor units.
    #[garde(range(min = 0, max = MAX_PRICE_MINOR))]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    price: i64,
}

impl NewEventBody {
    /// Refuses an event that is over at `now`, which is a mistake more often than meant.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Problem> {
        if self.allow_past || self.end_at.0 > now {
            return Ok(());
        }
        Err(Problem::invalid_field("end_at", "must not be in the past, unless allow_past is true"))
    }

    /// The event, as the engine takes it.
    pub fn into_event(self, default_hold_ttl_s: u32) -> NewEvent {
        let hold_ttl_s = self.hold_ttl_s.map_or(default_hold_ttl_s, whole);
        let max_hold_s = self.max_hold_s.map_or(hold_ttl_s * MAX_HOLD_FACTOR, whole);
        NewEvent {
            details: EventDetails {
                name: self.name.into_string(),
                description: self.description.unwrap_or_default(),
                venue: self.venue.into_string(),
                start_at: self.start_at.0,
                end_at: self.end_at.0,
                hold_ttl_s,
                max_hold_s,
                max_seats_per_reservation: self
                    .max_seats_per_reservation
                    .map_or(DEFAULT_MAX_SEATS_PER_RESERVATION, whole),
                rules: Rules::default(),
            },
            currency: self.currency.and_then(|code| code.parse().ok()).unwrap_or(Currency::JPY),
            seating: match self.sections {
                Some(sections) => Seating::of_sections(sections.into_iter().map(|section| {
                    (
                        section.name.into_string(),
                        whole(section.rows),
                        whole(section.seats_per_row),
                        section.price,
                    )
                })),
                None => Seating::of_seats(self.total_seats.map_or(0, whole), self.price.unwrap_or_default()),
            },
            allocations: Vec::new(),
        }
    }
}

/// A change to an event; what is absent stays as it is.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPatch)]
pub struct EventPatchBody {
    #[garde(dive)]
    #[schema(inline)]
    name: Option<Name>,
    #[garde(inner(length(chars, max = 10_000), custom(storable)))]
    #[schema(max_length = 10_000, pattern = r"^[^\x00]*$")]
    description: Option<String>,
    #[garde(dive)]
    #[schema(inline)]
    venue: Option<Name>,
    #[garde(skip)]
    start_at: Option<Time>,
    #[garde(skip)]
    end_at: Option<Time>,
    #[garde(inner(range(min = 1, max = 86_400)))]
    #[schema(minimum = 1, maximum = 86_400)]
    hold_ttl_s: Option<i64>,
    #[garde(inner(range(min = 1, max = 31_536_000)))]
    #[schema(minimum = 1, maximum = 31_536_000)]
    max_hold_s: Option<i64>,
    #[garde(inner(range(min = 1, max = 1_000)))]
    #[schema(minimum = 1, maximum = 1_000)]
    max_seats_per_reservation: Option<i64>,
}

impl From<EventPatchBody> for EventPatch {
    fn from(body: EventPatchBody) -> Self {
        Self {
            name: body.name.map(Name::into_string),
            description: body.description,
            venue: body.venue.map(Name::into_string),
            start_at: body.start_at.map(|time| time.0),
            end_at: body.end_at.map(|time| time.0),
            hold_ttl_s: body.hold_ttl_s.map(whole),
            max_hold_s: body.max_hold_s.map(whole),
            max_seats_per_reservation: body.max_seats_per_reservation.map(whole),
            orphan_rule: None,
        }
    }
}

/// A number that was checked to be in a range far inside `u32`.
fn whole(number: i64) -> u32 {
    u32::try_from(number).expect("its range was checked")
}

fn storable(text: &str, _: &()) -> garde::Result {
    if text.contains('\0') { Err(garde::Error::new("must not contain NUL")) } else { Ok(()) }
}

fn currency_code(code: &str, _: &()) -> garde::Result {
    let known = code.parse::<Currency>();
    known.map(|_| ()).map_err(|_| garde::Error::new("must be a code of ISO 4217 that is in use, such as JPY"))
}

fn after(start_at: Time) -> impl FnOnce(&Time, &()) -> garde::Result {
    move |end_at, ()| {
        if *end_at > start_at { Ok(()) } else { Err(garde::Error::new("must be after start_at")) }
    }
}

fn at_least(hold_ttl_s: Option<i64>) -> impl Fn(&i64, &()) -> garde::Result {
    move |max_hold_s, ()| match hold_ttl_s {
        Some(hold_ttl_s) if *max_hold_s < hold_ttl_s => Err(garde::Error::new("must be at least hold_ttl_s")),
        _ => Ok(()),
    }
}

fn one_form(total_seats: Option<i64>) -> impl FnOnce(&Option<Vec<NewSection>>, &()) -> garde::Result {
    move |sections, ()| match (sections, total_seats) {
        (None, Some(_)) => Ok(()),
        (None, None) => Err(garde::Error::new("are needed, or total_seats and price in their place")),
        (Some(_), Some(_)) => Err(garde::Error::new("and total_seats exclude each other")),
        (Some(sections), None) => check_sections(sections),
    }
}

fn check_sections(sections: &[NewSection]) -> garde::Result {
    if !(1..=MAX_SECTIONS).contains(&sections.len()) {
        return Err(garde::Error::new(format!("must be 1 to {MAX_SECTIONS}")));
    }
    let mut names = HashSet::new();
    if let Some(twice) = sections.iter().find(|section| !names.insert(section.name.look())) {
        return Err(garde::Error::new(format!("have the name {} twice", twice.name)));
    }
    let sizes =
        sections.iter().map(|section| section.rows.max(0).saturating_mul(section.seats_per_row.max(0)));
    let seats = sizes.fold(0_i64, i64::saturating_add);
    if seats > i64::from(MAX_SEATS_PER_EVENT) {
        return Err(garde::Error::new(format!("must give 1 to {MAX_SEATS_PER_EVENT} seats, give {seats}")));
    }
    Ok(())
}

fn price_of(total_seats: Option<i64>) -> impl FnOnce(&Option<i64>, &()) -> garde::Result {
    move |price, ()| match (price, total_seats) {
        (None, Some(_)) => Err(garde::Error::new("is needed with total_seats")),
        (Some(_), None) => Err(garde::Error::new("is for total_seats; sections have prices of their own")),
        _ => Ok(()),
    }
}
