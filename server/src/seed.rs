//! Example events, so that there is something to look at.

use std::collections::HashSet;

use engine::{CallError, Currency, Engine, EventDetails, EventId, NewEvent, Rules, Seating, Timestamp};

const PAGE: u32 = 100;
const HOLD_TTL_S: u32 = 900;
const DAY_S: u32 = 86_400;
const HOUR_S: u32 = 3_600;

struct Example {
    name: &'static str,
    description: &'static str,
    venue: &'static str,
    seats: u32,
    price_minor: i64,
    in_days: u32,
    starts_at_hour_utc: u32,
    lasts_hours: u32,
}

const EXAMPLES: [Example; 3] = [
    Example {
        name: "Rock Festival",
        description: "Two stages, one long evening.",
        venue: "Tokyo Dome",
        seats: 100,
        price_minor: 12_000,
        in_days: 30,
        starts_at_hour_utc: 9,
        lasts_hours: 4,
    },
    Example {
        name: "Jazz Night",
        description: "A quartet, and a late second set.",
        venue: "Blue Note Tokyo",
        seats: 50,
        price_minor: 8_800,
        in_days: 14,
        starts_at_hour_utc: 10,
        lasts_hours: 3,
    },
    Example {
        name: "Tech Conference",
        description: "A day of talks on systems that do not lose things.",
        venue: "Tokyo Big Sight",
        seats: 200,
        price_minor: 25_000,
        in_days: 60,
        starts_at_hour_utc: 0,
        lasts_hours: 9,
    },
];

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
            seating: Seating::of_seats(self.seats, self.price_minor),
            allocations: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

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
        assert_eq!(names, BTreeSet::from(["Jazz Night", "Rock Festival", "Tech Conference"]));
    }
}
