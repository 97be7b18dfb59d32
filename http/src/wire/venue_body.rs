//! What a new event has to sell, on the wire: read into the engine's seating.

use std::sync::Arc;

use charts::spec::{CategorySpec, SectionSpec, TicketTypeSpec};
use charts::{Compiled, Fault, Labels};
use engine::{Allocation, Layout, MAX_PRICE_MINOR, MAX_SEATS_PER_EVENT, Prices, SeatNo, SeatStatus, Seating};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::name::Name;
use crate::wire::problem::{FieldError, Problem};
use crate::wire::time::Time;

/// What a request says of categories, ticket types and prices.
#[derive(Debug, Default)]
pub struct Pricing {
    pub(crate) categories: Vec<CategorySpec>,
    pub(crate) ticket_types: Vec<TicketTypeSpec>,
    pub(crate) price: Option<i64>,
}

/// A layout with its prices.
pub struct Venue {
    pub(crate) seating: Seating,
    /// The operator's own key of each seat, to be kept before the event.
    pub(crate) listed_keys: Option<Vec<String>>,
}

impl Venue {
    pub(crate) fn of(compiled: Compiled, pricing: &Pricing) -> Result<Self, Problem> {
        let Compiled { layout, own_prices, listed_keys } = compiled;
        let Pricing { categories, ticket_types, price } = pricing;
        let prices = charts::prices(&layout, &own_prices, categories, ticket_types, *price);
        let prices = prices.map_err(|fault| refused(&fault))?;
        Ok(Self { seating: Seating { layout: layout.shared(), prices: Arc::new(prices) }, listed_keys })
    }

    /// Of a layout that is kept already.
    pub(crate) fn of_layout(layout: Arc<Layout>, pricing: &Pricing) -> Result<Self, Problem> {
        let Pricing { categories, ticket_types, price } = pricing;
        let prices = charts::prices(&layout, &Default::default(), categories, ticket_types, *price);
        let prices = prices.map_err(|fault| refused(&fault))?;
        Ok(Self { seating: Seating { layout, prices: Arc::new(prices) }, listed_keys: None })
    }

    /// The same ticket types, and more sections behind those of `before`.
    pub(crate) fn more(before: &Seating, compiled: Compiled, pricing: &Pricing) -> Result<Seating, Problem> {
        let Compiled { layout, own_prices, .. } = compiled;
        let prices =
            charts::more_prices(&before.prices, &layout, &own_prices, &pricing.categories, pricing.price);
        let prices: Prices = prices.map_err(|fault| refused(&fault))?;
        Ok(Seating { layout: layout.shared(), prices: Arc::new(prices) })
    }
}

/// A fault of a chart as a problem.
pub(crate) fn refused(fault: &Fault) -> Problem {
    Problem::invalid_field(fault.place.clone(), fault.message.clone())
}

/// Section names as people read them. Those that look the same and are not are refused, and so is, all at
/// once, what each section says that can never be.
pub(crate) fn normalize(sections: &mut [SectionSpec]) -> Result<(), Problem> {
    let mut errors = Vec::new();
    for (index, section) in sections.iter_mut().enumerate() {
        let mut error = |field: &str, message: String| {
            errors.push(FieldError { field: format!("sections[{index}].{field}"), message });
        };
        let name = Name::of(&section.name);
        name.check().unwrap_or_else(|message| error("name", message));
        section.name = name.into_string();
        let most = i64::from(MAX_SEATS_PER_EVENT);
        for (field, number, least, most) in [
            ("rows", section.rows, 1, most),
            ("seats_per_row", section.seats_per_row, 1, most),
            ("capacity", section.capacity, 1, most),
            ("price", section.price, 0, MAX_PRICE_MINOR),
        ] {
            if number.is_some_and(|number| !(least..=most).contains(&number)) {
                error(field, format!("must be {least} to {most}"));
            }
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let looks: Vec<_> = sections.iter().map(|section| Name::of(&section.name).look().into_owned()).collect();
    for (index, look) in looks.iter().enumerate() {
        let earlier = looks[..index].iter().position(|other| other == look);
        if let Some(earlier) = earlier.filter(|&earlier| sections[earlier].name != sections[index].name) {
            let message = format!("looks like that of sections[{earlier}]");
            return Err(Problem::invalid_field(format!("sections[{index}].name"), message));
        }
    }
    Ok(())
}

/// Seats that are set aside for a channel: `quantity` of a section, or those of its rows and seats.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAllocation)]
pub struct AllocationSpec {
    /// Who may buy them, 1 to 255 characters; `kill`: nobody.
    #[schema(min_length = 1, max_length = 255)]
    pub channel: String,
    /// The section, by its exact name.
    pub section: String,
    /// In these rows (or tables); in all where absent.
    pub rows: Option<Labels>,
    /// These seats; all where absent.
    pub seats: Option<Labels>,
    /// In the place of rows and seats: so many of the section's free seats or places, the last ones.
    #[schema(minimum = 1, maximum = 200_000)]
    pub quantity: Option<i64>,
    /// When they go on open sale by themselves.
    pub release_at: Option<Time>,
    /// For the operator.
    #[schema(max_length = 1_000)]
    pub note: Option<String>,
}

/// The allocations that these say; `statuses` are the seats' now, empty for a new event.
pub(crate) fn allocations(
    specs: &[AllocationSpec],
    layout: &Layout,
    statuses: &[SeatStatus],
) -> Result<Vec<Allocation>, Problem> {
    let mut allocations: Vec<Allocation> = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let place = |field: &str| format!("allocations[{index}].{field}");
        let invalid = |field: &str, message: &str| Problem::invalid_field(place(field), message);
        if !(1..=255).contains(&spec.channel.chars().count()) {
            return Err(invalid("channel", "must have 1 to 255 characters"));
        }
        if spec.note.as_ref().is_some_and(|note| note.chars().count() > 1_000) {
            return Err(invalid("note", "must have at most 1,000 characters"));
        }
        let named = charts::seats_of(layout, &spec.section, spec.rows.as_ref(), spec.seats.as_ref());
        let mut seats = named.map_err(|fault| invalid(&fault.place, &fault.message))?;
        if let Some(quantity) = spec.quantity {
            if spec.rows.is_some() || spec.seats.is_some() {
                return Err(invalid("quantity", "stands in the place of rows and seats"));
            }
            let is_taken = |seat_no: &SeatNo| {
                let status = statuses.get(*seat_no as usize - 1);
                let is_held = matches!(status, Some(SeatStatus::Reserved | SeatStatus::Confirmed));
                let is_allocated =
                    |allocation: &Allocation| allocation.ranges().any(|range| range.contains(seat_no));
                is_held || allocations.iter().any(is_allocated)
            };
            seats.retain(|seat_no| !is_taken(seat_no));
            let quantity =
                usize::try_from(quantity).ok().filter(|quantity| (1..=seats.len()).contains(quantity));
            let Some(quantity) = quantity else {
                return Err(invalid("quantity", &format!("must be 1 to {}, so many are free", seats.len())));
            };
            seats.drain(..seats.len() - quantity);
        }
        allocations.push(Allocation {
            channel: spec.channel.clone(),
            seats: ranges(&seats),
            release_at: spec.release_at.map(|time| time.0),
            released: false,
            note: spec.note.clone().unwrap_or_default(),
        });
    }
    Ok(allocations)
}

/// Numbers in order as first and last ones of neighbours.
pub(crate) fn ranges(numbers: &[SeatNo]) -> Vec<(SeatNo, SeatNo)> {
    let mut ranges: Vec<(SeatNo, SeatNo)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// A price level of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Category)]
pub struct CategoryBody {
    key: String,
    name: String,
    /// By the key of the ticket type, in minor units. As what is not named, its seats are not sold.
    prices: std::collections::BTreeMap<String, i64>,
}

/// Adult, child, ….
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketType)]
pub struct TicketTypeBody {
    key: String,
    name: String,
}

/// The categories of an event, and its ticket types.
pub(crate) fn price_list(prices: &Prices) -> (Vec<CategoryBody>, Vec<TicketTypeBody>) {
    let types = &prices.ticket_types;
    let categories = prices.categories.iter().map(|category| {
        let priced = types.iter().zip(&category.prices_minor);
        let prices = priced.filter_map(|(of, price)| Some((of.key.clone(), (*price)?)));
        CategoryBody { key: category.key.clone(), name: category.name.clone(), prices: prices.collect() }
    });
    let ticket_types = types.iter().map(|of| TicketTypeBody { key: of.key.clone(), name: of.name.clone() });
    (categories.collect(), ticket_types.collect())
}
