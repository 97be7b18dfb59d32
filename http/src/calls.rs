//! Every call: who may make it, and what it is refused for. The OpenAPI document and the test of the roles
//! are made from this table; a call that is not in it is not served.

use crate::wire::problem::Code;
use crate::wire::repeat::Repeat;

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Without a key, too.
    Anyone,
    /// A user, for itself, or the administrator.
    User,
    /// The administrator.
    Admin,
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its `operationId`.
    pub id: &'static str,
    /// Who may make it.
    pub role: Role,
    /// What it does that is made once more.
    pub repeat: Repeat,
    /// What it is refused for, besides what every call of its kind is.
    pub refusals: &'static [Code],
}

impl Call {
    /// The call with this `operationId`, which there must be.
    pub fn of(id: &str) -> Self {
        let call = CALLS.iter().find(|call| call.id == id);
        *call.unwrap_or_else(|| panic!("{id} is not in the table of calls"))
    }
}

const fn call(id: &'static str, role: Role, repeat: Repeat, refusals: &'static [Code]) -> Call {
    Call { id, role, repeat, refusals }
}

const MAKES_EVENT: Repeat = Repeat::Makes("GET /api/v1/events");
const MAKES_RESERVATION: Repeat = Repeat::Makes("GET /api/v1/users/{id}/reservations");

/// Every call.
pub const CALLS: [Call; 26] = [
    // The event of a key that was used before can be deleted.
    call("create_event", Role::Admin, MAKES_EVENT, &[Code::EventNotFound, Code::IdempotencyKeyReused]),
    call("list_events", Role::Anyone, Repeat::Reads, &[Code::NotAcceptable]),
    call("get_event", Role::Anyone, Repeat::Reads, &[Code::EventNotFound]),
    call("amend_event", Role::Admin, Repeat::Harmless, &[Code::EventNotFound]),
    call("delete_event", Role::Admin, Repeat::Harmless, &[Code::EventNotFound, Code::EventInUse]),
    call("list_seats", Role::Anyone, Repeat::Reads, &LIST_SEATS),
    call("get_statuses", Role::Anyone, Repeat::Reads, &[Code::EventNotFound, Code::NotAcceptable]),
    call("get_layout", Role::Anyone, Repeat::Reads, &[Code::EventNotFound, Code::NotAcceptable]),
    call("add_sections", Role::Admin, Repeat::Harmless, &[Code::EventNotFound, Code::EventChanged]),
    call("get_allocations", Role::Admin, Repeat::Reads, &[Code::EventNotFound]),
    call("set_allocations", Role::Admin, Repeat::Harmless, &[Code::EventNotFound, Code::EventChanged]),
    call("add_allocations", Role::Admin, Repeat::Harmless, &[Code::EventNotFound, Code::EventChanged]),
    call("create_chart", Role::Admin, Repeat::Harmless, &[]),
    call("list_charts", Role::Anyone, Repeat::Reads, &[Code::NotAcceptable]),
    call("get_chart", Role::Anyone, Repeat::Reads, &[Code::ChartNotFound]),
    call("get_chart_map", Role::Anyone, Repeat::Reads, &[Code::ChartNotFound, Code::NotAcceptable]),
    call("reserve", Role::User, MAKES_RESERVATION, &RESERVE),
    call("get_reservation", Role::User, Repeat::Reads, &[Code::ReservationNotFound]),
    call("confirm_reservation", Role::User, Repeat::Harmless, &CONFIRM),
    call("cancel_reservation", Role::User, Repeat::Harmless, &CANCEL),
    call("extend_reservation", Role::User, Repeat::Harmless, &EXTEND),
    call("list_reservations", Role::User, Repeat::Reads, &[Code::UserNotFound, Code::Forbidden]),
    call("health", Role::Anyone, Repeat::Reads, &[]),
    call("livez", Role::Anyone, Repeat::Reads, &[]),
    call("readyz", Role::Anyone, Repeat::Reads, &[Code::Unavailable]),
    call("metrics", Role::Anyone, Repeat::Reads, &[]),
];

const LIST_SEATS: [Code; 3] = [Code::EventNotFound, Code::NotFound, Code::NotAcceptable];
const RESERVE: [Code; 12] = [
    Code::Forbidden,
    Code::EventNotFound,
    Code::SeatNotFound,
    Code::SeatUnavailable,
    Code::SoldTogether,
    Code::LeavesSingleSeat,
    Code::NoBlockFree,
    Code::SoldOut,
    Code::UnknownCategory,
    Code::UnknownTicketType,
    Code::EventEnded,
    Code::IdempotencyKeyReused,
];
const CONFIRM: [Code; 3] = [Code::ReservationNotFound, Code::ReservationExpired, Code::ReservationCancelled];
const CANCEL: [Code; 2] = [Code::ReservationNotFound, Code::ReservationExpired];
const EXTEND: [Code; 4] =
    [Code::ReservationNotFound, Code::HoldLimitReached, Code::ReservationExpired, Code::ReservationCancelled];
