//! What stands on the wire: bodies, ids, pages, times, and refusals.

pub mod event_body;
pub mod name;
pub mod object;
pub mod paging;
pub mod problem;
pub mod repeat;
pub mod request_id;
pub mod reservation_body;
pub mod seat_body;
pub mod time;
