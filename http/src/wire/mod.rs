//! What stands on the wire: bodies, ids, pages, times, and refusals.

pub mod allocation_body;
pub mod chart_body;
pub mod conflict;
pub mod event_body;
pub mod layout_body;
pub mod map_view;
pub mod name;
pub mod object;
pub mod paging;
pub mod problem;
pub mod repeat;
pub mod request_id;
pub mod reservation_body;
pub mod seat_body;
pub mod time;
pub mod venue_body;
pub mod wish_body;
