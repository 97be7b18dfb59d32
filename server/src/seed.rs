//! Example events, so that there is something to look at.

use std::collections::HashSet;
use std::sync::Arc;

use charts::Compiled;
use charts::spec::{CategorySpec, SectionSpec, TicketTypeSpec};
use engine::{CallError, Currency, Engine, EventDetails, EventId, NewEvent, Rules, Seating, Timestamp};
use serde::Deserialize;

const PAGE: u32 = 100;
const HOLD_TTL_S: u32 = 900;
const DAY_S: u32 = 86_400;
const HOUR_S: u32 = 3_600;

struct Example {
    name: &'static str,
    description: &'static str,
    venue: &'static str,
    /// As a request would say it: sections, categories, ticket types.
    house: &'static str,
    in_days: u32,
    starts_at_hour_utc: u32,
    lasts_hours: u32,
}

const EXAMPLES: [Example; 3] = [
    Example {
        name: "Rock Festival",
        description: "Two stages, one long evening: standing, stands and suites.",
        venue: "Tokyo Dome",
        house: include_str!("venues/arena.json"),
        in_days: 30,
        starts_at_hour_utc: 9,
        lasts_hours: 4,
    },
    Example {
        name: "Jazz Night",
        description: "A quartet, and a late second set, in a theatre with odd and even halves and boxes.",
        venue: "Old Theatre Tokyo",
        house: include_str!("venues/theatre.json"),
        in_days: 14,
        starts_at_hour_utc: 10,
        lasts_hours: 3,
    },
    Example {
        name: "Film Night",
        description: "A silent film with a piano. The last row has sofas for two.",
        venue: "Cinema Ginza",
        house: include_str!("venues/cinema.json"),
        in_days: 7,
        starts_at_hour_utc: 10,
        lasts_hours: 3,
    },
];

#[derive(Deserialize)]
struct House {
    #[serde(default)]
    ticket_types: Vec<TicketTypeSpec>,
    categories: Vec<CategorySpec>,
    sections: Vec<SectionSpec>,
}

impl House {
    /// The examples are part of the program, so they are right.
    fn seating(json: &str) -> Seating {
        let house: Self = serde_json::from_str(json).expect("an example is a house");
        let Compiled { layout, own_prices, .. } =
            charts::compile(&house.sections, None).unwrap_or_else(|fault| panic!("{fault}"));
        let prices = charts::prices(&layout, &own_prices, &house.categories, &house.ticket_types, None);
        let prices = prices.unwrap_or_else(|fault| panic!("{fault}"));
        Seating { layout: layout.shared(), prices: Arc::new(prices) }
    }
}

/// Makes the example events that are not there yet, by name and venue, and returns how many those were.
pub async fn seed(engine: &Engine) -> Result<usize, CallError> {
    let present = names_and_venues(engine).await?;
    let mut made = 0;
    for example in &EXAMPLES {
        if !present.contains(&(example.name.to_owned(), example.venue.to_owned())) {
            engine.create_event(example.event(engine.now())).await?;
            made += 1;
        }
    }
    Ok(made)
}

async fn names_and_venues(engine: &Engine) -> Result<HashSet<(String, String)>, CallError> {
    let mut found = HashSet::new();
    let mut before: Option<EventId> = None;
    loop {
        let page = engine.events(before, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        before = Some(last.info.id);
        let details = page.iter().map(|view| &view.info.details);
        found.extend(details.map(|details| (details.name.clone(), details.venue.clone())));
    }
}

impl Example {
    fn event(&self, now: Timestamp) -> NewEvent {
        let day_us = i64::from(DAY_S) * 1_000_000;
        let today = Timestamp::from_micros(now.as_micros() / day_us * day_us);
        let start_at = today.plus_s(self.in_days * DAY_S + self.starts_at_hour_utc * HOUR_S);
        NewEvent {
            details: EventDetails {
                name: self.name.to_owned(),
                description: self.description.to_owned(),
                venue: self.venue.to_owned(),
                start_at,
                end_at: start_at.plus_s(self.lasts_hours * HOUR_S),
                hold_ttl_s: HOLD_TTL_S,
                max_hold_s: 4 * HOLD_TTL_S,
                max_seats_per_reservation: 10,
                rules: Rules::default(),
            },
            currency: Currency::JPY,
            seating: House::seating(self.house),
            allocations: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use engine::testing::MemoryStore;
    use engine::{EngineConfig, LocalLease, SystemClock};

    use super::*;

    #[actix_web::test]
    async fn the_example_events_are_made_once() {
        let (store, lease) = (Arc::new(MemoryStore::new()), Arc::new(LocalLease));
        let engine = Engine::start(EngineConfig::default(), store, lease, Arc::new(SystemClock));
        assert_eq!(seed(&engine).await, Ok(3));
        assert_eq!(seed(&engine).await, Ok(0));
        let events = engine.events(None, 10).await.expect("it is up");
        let names: BTreeSet<_> = events.iter().map(|event| event.info.details.name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["Film Night", "Jazz Night", "Rock Festival"]));
    }
}
