//! Every call: who may make it, and what it may not find. The OpenAPI document and the test of the roles are
//! made from this table; a call that is not in it is not served.

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
    /// The refusal if what stands in its path is not there.
    pub missing: Option<Code>,
}

impl Call {
    /// The call with this `operationId`, which there must be.
    pub fn of(id: &str) -> Self {
        let call = CALLS.iter().find(|call| call.id == id);
        *call.unwrap_or_else(|| panic!("{id} is not in the table of calls"))
    }
}

const fn call(id: &'static str, role: Role, repeat: Repeat, missing: Option<Code>) -> Call {
    Call { id, role, repeat, missing }
}

const MAKES_EVENT: Repeat = Repeat::Makes("GET /api/v1/events");
const MAKES_RESERVATION: Repeat = Repeat::Makes("GET /api/v1/users/{id}/reservations");

/// Every call.
pub const CALLS: [Call; 16] = [
    // The event of a key that was used before can be deleted.
    call("create_event", Role::Admin, MAKES_EVENT, Some(Code::EventNotFound)),
    call("list_events", Role::Anyone, Repeat::Reads, None),
    call("get_event", Role::Anyone, Repeat::Reads, Some(Code::EventNotFound)),
    call("amend_event", Role::Admin, Repeat::Harmless, Some(Code::EventNotFound)),
    call("delete_event", Role::Admin, Repeat::Harmless, Some(Code::EventNotFound)),
    call("list_seats", Role::Anyone, Repeat::Reads, Some(Code::EventNotFound)),
    call("reserve", Role::User, MAKES_RESERVATION, None),
    call("get_reservation", Role::User, Repeat::Reads, Some(Code::ReservationNotFound)),
    call("confirm_reservation", Role::User, Repeat::Harmless, Some(Code::ReservationNotFound)),
    call("cancel_reservation", Role::User, Repeat::Harmless, Some(Code::ReservationNotFound)),
    call("extend_reservation", Role::User, Repeat::Harmless, Some(Code::ReservationNotFound)),
    call("list_reservations", Role::User, Repeat::Reads, Some(Code::UserNotFound)),
    call("health", Role::Anyone, Repeat::Reads, None),
    call("livez", Role::Anyone, Repeat::Reads, None),
    call("readyz", Role::Anyone, Repeat::Reads, None),
    call("metrics", Role::Anyone, Repeat::Reads, None),
];
