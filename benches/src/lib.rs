//! What the benchmarks share: events of any size, and who asks for which of their seats.

use engine::testing::event_info as event_info_at;
use engine::{Clock, EventInfo, Layout, SeatNo, SystemClock, UserId};
use uuid::Uuid;

/// An event of one section with rows of 100 seats; `tag` makes its id.
pub fn event_info(seats: u32, tag: u32) -> EventInfo {
    let layout = Layout::of_sections([("Arena".to_owned(), seats.div_ceil(100), seats.min(100), 12_000)]);
    event_info_at(SystemClock.now(), tag, layout)
}

/// The user of this number.
pub fn user(number: u32) -> UserId {
    UserId::new(Uuid::from_u128(number.into()))
}

/// The two seats that the caller of this number asks for: no two callers ask for the same.
pub fn pair_of_seats(caller: u32) -> Vec<SeatNo> {
    vec![2 * caller + 1, 2 * caller + 2]
}
