//! Events to begin with.

use uuid::Uuid;

use crate::words::{
    BatchId, Currency, EventDetails, EventId, EventInfo, NewEvent, Rules, Seating, Timestamp,
};

/// The details of an event that is still to come at `now`: holds of a minute, at most four minutes with
/// extensions, ten seats a reservation.
pub fn details(now: Timestamp) -> EventDetails {
    EventDetails {
        name: "Jazz Night".to_owned(),
        description: String::new(),
        venue: "Blue Note Tokyo".to_owned(),
        start_at: now.plus_s(50_000),
        end_at: now.plus_s(60_000),
        hold_ttl_s: 60,
        max_hold_s: 240,
        max_seats_per_reservation: 10,
        rules: Rules::default(),
    }
}

/// An event of one section with those details, each seat at 500 yen.
pub fn new_event(now: Timestamp, seats: u32) -> NewEvent {
    NewEvent {
        details: details(now),
        currency: Currency::JPY,
        seating: Seating::of_seats(seats, 500),
        allocations: Vec::new(),
    }
}

/// An event with those details and its own seats; `tag` makes its id.
pub fn event_info(created_at: Timestamp, tag: u32, seating: Seating) -> EventInfo {
    EventInfo {
        id: EventId::mint(created_at, tag),
        details: details(created_at),
        currency: Currency::JPY,
        seating,
        allocations: Vec::new(),
        created_at,
        updated_at: created_at,
    }
}

/// The id of a batch that is like no other.
pub fn random_batch_id() -> BatchId {
    BatchId::new(Uuid::new_v4())
}
