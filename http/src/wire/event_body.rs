//! Events on the wire.

use std::collections::BTreeSet;
use std::sync::Arc;

use charts::spec::{CategorySpec, SectionSpec, TicketTypeSpec};
use engine::{
    CategoryNo, Chart, ChartId, Currency, EventDetails, EventId, EventPatch, EventView, Layout,
    MAX_PRICE_MINOR, MAX_SECTIONS, NewEvent, OrphanRule, Rules, Seating, Section, SectionSize, Timestamp,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::name::Name;
use crate::wire::problem::Problem;
use crate::wire::time::Time;
use crate::wire::venue_body::{self, AllocationSpec, CategoryBody, Pricing, TicketTypeBody, Venue};

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
    /// Its price levels.
    categories: Vec<CategoryBody>,
    /// A seat whose ticket type is not said is of the first.
    ticket_types: Vec<TicketTypeBody>,
    #[schema(value_type = OrphanRuleName)]
    orphan_rule: OrphanRuleName,
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
        let (categories, ticket_types) = venue_body::price_list(&seating.prices);
        let orphan_rule = view.info.details.rules.orphan_rule.into();
        Self { sections, categories, ticket_types, orphan_rule, summary: EventSummaryBody::from(&view) }
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
    /// All of them together 1 to 200,000 seats and places.
    #[garde(custom(one_form(self)))]
    #[schema(min_items = 1, max_items = 5_000)]
    #[serde(default, deserialize_with = "super::object::list")]
    sections: Option<Vec<SectionSpec>>,
    /// In the place of `sections`: a chart that is kept.
    #[garde(skip)]
    chart_id: Option<Uuid>,
    /// In the place of `sections`: a seating plan of pretix, as it is.
    #[garde(skip)]
    #[schema(value_type = Option<Object>)]
    seating_plan: Option<Box<RawValue>>,
    /// In the place of `sections`: one unnamed section of so many seats.
    #[garde(inner(range(min = 1, max = 200_000)))]
    #[schema(minimum = 1, maximum = 200_000)]
    total_seats: Option<i64>,
    /// The price of each seat that has neither one of its own nor a category, in minor units.
    #[garde(inner(range(min = 0, max = MAX_PRICE_MINOR)), custom(price_of(self.total_seats)))]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
    /// The prices of the categories that seats name.
    #[garde(skip)]
    #[serde(default, deserialize_with = "super::object::list")]
    categories: Option<Vec<CategorySpec>>,
    /// Adult, child, …: one, `standard`, where absent.
    #[garde(skip)]
    #[serde(default, deserialize_with = "super::object::list")]
    ticket_types: Option<Vec<TicketTypeSpec>>,
    /// With `sections`: the pattern of the operator's own keys of the seats, such as
    /// `{section}/{row}/{seat}`.
    #[garde(skip)]
    keys: Option<String>,
    /// Seats that not everybody can buy.
    #[garde(skip)]
    #[serde(default, deserialize_with = "super::object::list")]
    allocations: Option<Vec<AllocationSpec>>,
    /// `refuse`: a reservation of seats by number may not leave a single free seat beside it that was not
    /// single before.
    #[garde(skip)]
    orphan_rule: Option<OrphanRuleName>,
    /// Takes an event that is over already, too.
    #[garde(skip)]
    #[serde(default)]
    allow_past: bool,
}

/// Whether a reservation of seats by number may leave a single free seat beside it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrphanRule)]
pub enum OrphanRuleName {
    /// It may.
    Off,
    /// It may not, unless that one was single before.
    Refuse,
}

impl From<OrphanRuleName> for OrphanRule {
    fn from(name: OrphanRuleName) -> Self {
        match name {
            OrphanRuleName::Off => Self::Off,
            OrphanRuleName::Refuse => Self::Refuse,
        }
    }
}

impl From<OrphanRule> for OrphanRuleName {
    fn from(rule: OrphanRule) -> Self {
        match rule {
            OrphanRule::Off => Self::Off,
            OrphanRule::Refuse => Self::Refuse,
        }
    }
}

impl NewEventBody {
    /// Refuses an event that is over at `now`, which is a mistake more often than meant.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Problem> {
        if self.allow_past || self.end_at.0 > now {
            return Ok(());
        }
        Err(Problem::invalid_field("end_at", "must not be in the past, unless allow_past is true"))
    }

    /// The chart that it is made of, if it is.
    pub fn chart_id(&self) -> Option<ChartId> {
        self.chart_id.map(ChartId)
    }

    /// The event, as the engine takes it, and the operator's own keys of its seats. `chart` is that of
    /// [`chart_id`](Self::chart_id).
    pub fn into_event(
        mut self,
        default_hold_ttl_s: u32,
        chart: Option<Chart>,
    ) -> Result<(NewEvent, Option<Vec<String>>), Problem> {
        let kept = chart.as_ref().map(|chart| chart.allocations.clone()).unwrap_or_default();
        let venue = self.venue(chart)?;
        let layout = &venue.seating.layout;
        let allocations = match &self.allocations {
            Some(specs) => venue_body::allocations(specs, layout, &[])?,
            None => kept,
        };
        let hold_ttl_s = self.hold_ttl_s.map_or(default_hold_ttl_s, whole);
        let max_hold_s = self.max_hold_s.map_or(hold_ttl_s * MAX_HOLD_FACTOR, whole);
        let event = NewEvent {
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
                rules: Rules { orphan_rule: self.orphan_rule.map_or(OrphanRule::Off, OrphanRule::from) },
            },
            currency: self.currency.and_then(|code| code.parse().ok()).unwrap_or(Currency::JPY),
            seating: venue.seating,
            allocations,
        };
        Ok((event, venue.listed_keys))
    }

    fn venue(&mut self, chart: Option<Chart>) -> Result<Venue, Problem> {
        let pricing = Pricing {
            categories: self.categories.take().unwrap_or_default(),
            ticket_types: self.ticket_types.take().unwrap_or_default(),
            price: self.price,
        };
        if let Some(chart) = chart {
            return Venue::of_layout(chart.layout, &pricing);
        }
        if let Some(total_seats) = self.total_seats {
            return Venue::of_layout(Arc::new(Layout::of_seats(whole(total_seats))), &pricing);
        }
        if let Some(plan) = &self.seating_plan {
            let read = charts::read(plan.get().as_bytes(), charts::Format::Pretix);
            let file = read.map_err(|fault| {
                Problem::invalid_field(format!("seating_plan.{}", fault.place), fault.message)
            })?;
            return Venue::of(file.compiled, &pricing);
        }
        let mut sections = self.sections.take().unwrap_or_default();
        venue_body::normalize(&mut sections)?;
        let compiled = charts::compile(&sections, self.keys.as_deref());
        Venue::of(compiled.map_err(|fault| venue_body::refused(&fault))?, &pricing)
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
    #[garde(skip)]
    orphan_rule: Option<OrphanRuleName>,
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
            orphan_rule: body.orphan_rule.map(OrphanRule::from),
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

fn one_form(body: &NewEventBody) -> impl FnOnce(&Option<Vec<SectionSpec>>, &()) -> garde::Result {
    let given = [
        body.sections.is_some(),
        body.total_seats.is_some(),
        body.chart_id.is_some(),
        body.seating_plan.is_some(),
    ];
    let (count, has_keys) = (given.iter().filter(|given| **given).count(), body.keys.is_some());
    move |sections, ()| match (count, sections) {
        (0, _) => Err(garde::Error::new("are needed, or chart_id, seating_plan, or total_seats and price")),
        (1, Some(sections)) if sections.len() > MAX_SECTIONS => {
            Err(garde::Error::new(format!("must be 1 to {MAX_SECTIONS}")))
        }
        (1, None) if has_keys => Err(garde::Error::new("are what keys are for")),
        (1, _) => Ok(()),
        _ => Err(garde::Error::new("and chart_id, seating_plan and total_seats exclude each other")),
    }
}

fn price_of(total_seats: Option<i64>) -> impl FnOnce(&Option<i64>, &()) -> garde::Result {
    move |price, ()| match (price, total_seats) {
        (None, Some(_)) => Err(garde::Error::new("is needed with total_seats")),
        _ => Ok(()),
    }
}
