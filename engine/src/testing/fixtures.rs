//! Events to begin with.

use uuid::Uuid;

use crate::words::clock::Timestamp;
use crate::words::event_info::{Currency, EventDetails, NewEvent};
use crate::words::id::BatchId;
use crate::words::layout::Layout;

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
    }
}

/// An event of one section with those details, each seat at 500 yen.
pub fn new_event(now: Timestamp, seats: u32) -> NewEvent {
    NewEvent { details: details(now), currency: Currency::JPY, layout: Layout::of_seats(seats, 500) }
}

/// The id of a batch that is like no other.
pub fn random_batch_id() -> BatchId {
    BatchId::new(Uuid::new_v4())
}
