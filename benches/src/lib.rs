//! What the benchmarks share: events of any size, who asks for which of their seats, and sales straight
//! into a store.

use std::sync::Arc;

use engine::testing::{event_info as event_info_at, random_batch_id};
use engine::{
    Batch, Clock, Command, Event, EventInfo, OpenBatch, SeatNo, Seating, Store, SystemClock, UserId,
};
use uuid::Uuid;

/// An event of one section with rows of 100 seats; `tag` makes its id.
pub fn event_info(seats: u32, tag: u32) -> EventInfo {
    let seating = Seating::of_sections([("Arena".to_owned(), seats.div_ceil(100), seats.min(100), 12_000)]);
    event_info_at(SystemClock.now(), tag, seating)
}

/// The user of this number.
pub fn user(number: u32) -> UserId {
    UserId::new(Uuid::from_u128(number.into()))
}

/// The two seats that the caller of this number asks for: no two callers ask for the same.
pub fn pair_of_seats(caller: u32) -> Vec<SeatNo> {
    vec![2 * caller + 1, 2 * caller + 2]
}

/// An event that a benchmark owns, without an engine.
pub struct Sale {
    event: Event,
    epoch: u64,
}

impl Sale {
    /// A new event in a store that works.
    pub async fn begin(store: &dyn Store, seats: u32) -> Self {
        let info = event_info(seats, rand::random());
        store.create_event(&info).await.expect("the event is new");
        let snapshot = store.activate(info.id, "benchmark", 0).await;
        let snapshot = snapshot.expect("the store answers").expect("the event is there");
        Self { event: Event::new(info), epoch: snapshot.event.epoch }
    }

    /// The reservations of so many callers, from one on: each its pair of seats.
    pub fn next_batch(&mut self, first_caller: u32, reservations: u32) -> Arc<Batch> {
        let now = SystemClock.now();
        let mut open = OpenBatch::default();
        for caller in first_caller..first_caller + reservations {
            // As in life: callers are in no order, and so is the index of their reservations.
            let user_id = UserId::new(Uuid::from_u128(rand::random()));
            let command = Command::reserve(user_id, pair_of_seats(caller), None);
            let (outcome, change) = self.event.apply(&command, now).expect("the seats are free");
            open.push(change.expect("a hold is a change"), outcome.reservation().cloned());
        }
        Arc::new(open.close(&mut self.event, self.epoch, random_batch_id(), now))
    }
}
