//! Every call: who may make it, and what it may not find. The OpenAPI document and the test of the roles are
//! made from this table; a call that is not in it is not served.

use crate::wire::problem::Code;

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
    /// The refusal if what stands in its path is not there.
    pub missing: Option<Code>,
}

const fn call(id: &'static str, role: Role, missing: Option<Code>) -> Call {
    Call { id, role, missing }
}

/// Every call.
pub const CALLS: [Call; 16] = [
    call("create_event", Role::Admin, None),
    call("list_events", Role::Anyone, None),
    call("get_event", Role::Anyone, Some(Code::EventNotFound)),
    call("amend_event", Role::Admin, Some(Code::EventNotFound)),
    call("delete_event", Role::Admin, Some(Code::EventNotFound)),
    call("list_seats", Role::Anyone, Some(Code::EventNotFound)),
    call("reserve", Role::User, None),
    call("get_reservation", Role::User, Some(Code::ReservationNotFound)),
    call("confirm_reservation", Role::User, Some(Code::ReservationNotFound)),
    call("cancel_reservation", Role::User, Some(Code::ReservationNotFound)),
    call("extend_reservation", Role::User, Some(Code::ReservationNotFound)),
    call("list_reservations", Role::User, Some(Code::UserNotFound)),
    call("health", Role::Anyone, None),
    call("livez", Role::Anyone, None),
    call("readyz", Role::Anyone, None),
    call("metrics", Role::Anyone, None),
];
