//! The examples in the OpenAPI document: of one event, one of its reservations, and every refusal. A test
//! holds them to their schemas.

use serde_json::{Value, json};

use crate::calls::Call;
use crate::wire::problem::Code;
use crate::wire::repeat::{Certainty, advice};

const EVENT: &str = "0199b0e6-d3c1-8000-99b0-e6d3c1a00f2b";
const SEATS: [&str; 2] = ["00000000-0001-8000-99b0-e6d3c1a00f2b", "00000000-0002-8000-99b0-e6d3c1a00f2b"];
const RESERVATION: &str = "0199b0f1-7a40-8001-99b0-e6d3c1a00f2b";
const USER: &str = "00000000-0000-4000-8000-000000000001";

/// The bodies of requests, by name.
pub(crate) fn requests(call: &str) -> Vec<(&'static str, Value)> {
    match call {
        "create_event" => vec![("sections", new_event()), ("a number of seats", small_event())],
        "amend_event" => {
            vec![("details", json!({"name": "Rock Festival, extra night", "hold_ttl_s": 600}))]
        }
        "reserve" => vec![
            ("as a user", json!({"event_id": EVENT, "seat_ids": SEATS, "idempotency_key": "order-4711"})),
            ("for a user", json!({"event_id": EVENT, "seat_ids": SEATS, "user_id": USER})),
        ],
        _ => Vec::new(),
    }
}

/// The body of an answer that is no refusal.
pub(crate) fn answer(call: &str, status: &str) -> Option<Value> {
    let example = match (call, status) {
        ("create_event", _) => event(0, 0),
        ("list_events", _) => json!([event_summary(1, 2)]),
        ("get_event" | "amend_event", _) => event(1, 2),
        ("list_seats", _) => json!([seat(0, "reserved"), seat(1, "available")]),
        ("reserve" | "get_reservation", _) => reservation("pending"),
        ("confirm_reservation", _) => reservation("confirmed"),
        ("cancel_reservation", _) => reservation("cancelled"),
        ("extend_reservation", _) => reservation("extended"),
        ("list_reservations", _) => json!([reservation("confirmed")]),
        ("health", "200") => health("ok"),
        ("health", _) => health("down"),
        ("livez" | "readyz", "200") => json!({"status": "ok"}),
        ("metrics", _) => json!(
            "# HELP holdfast_http_requests_total Requests answered.\n\
             # TYPE holdfast_http_requests_total counter\n\
             holdfast_http_requests_total{route=\"/api/v1/reservations\",method=\"POST\",status=\"201\"} 1\n"
        ),
        _ => return None,
    };
    Some(example)
}

/// A refusal of a call by its code.
pub(crate) fn problem(code: Code, call: Call, path: &str) -> Value {
    let (status, title) = code.status_and_title();
    let id = match path {
        path if path.contains("/reservations/{id}") => RESERVATION,
        path if path.contains("/users/{id}") => USER,
        _ => EVENT,
    };
    let mut problem = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail(code, call),
        "instance": path.replace("{id}", id), "code": code.name(), "request_id": "5f0c2a9e81d3b746-1b",
    });
    match code {
        Code::SeatUnavailable => {
            problem["conflicts"] = json!([
                {"seat_id": SEATS[0], "reason": "reserved"},
                {"seat_id": SEATS[1], "reason": "yours", "reservation_id": RESERVATION},
            ]);
        }
        Code::ValidationFailed => {
            let (field, message) = invalid_field(call);
            problem["errors"] = json!([{"field": field, "message": message}]);
        }
        _ => {}
    }
    if is_decided_by_an_event(code, call) {
        problem["seq"] = json!(17);
    }
    problem
}

fn detail(code: Code, call: Call) -> String {
    let fault = |what: &str| format!("{what}; {}", advice(Certainty::NothingDone, call.repeat, false));
    match code {
        Code::MalformedRequest if call.id == "create_event" => {
            return "total_seats: invalid type: string \"20\", expected i64 at line 1 column 121".to_owned();
        }
        Code::MalformedRequest => return "query: this call takes none".to_owned(),
        Code::SeatNotFound => return format!("the event has no seat with the id {}", SEATS[1]),
        Code::ValidationFailed => {
            let (field, message) = invalid_field(call);
            return format!("{field} {message}");
        }
        Code::RequestTimeout => return fault("the body did not come in time"),
        Code::Overloaded => return fault("too many commands wait for this event"),
        Code::Unavailable if call.id == "readyz" => return "the server is about to stop".to_owned(),
        Code::Unavailable => return fault("a part of the service does not answer"),
        _ => {}
    }
    let text = match code {
        Code::Unauthenticated => "the API key is not known",
        Code::Forbidden if call.id == "reserve" => "a user reserves for itself; the user_id is another one's",
        Code::Forbidden if call.id == "list_reservations" => "a user sees its own reservations only",
        Code::Forbidden => "this call is the administrator's",
        Code::EventNotFound => "there is no such event",
        Code::ReservationNotFound => "there is no such reservation",
        Code::UserNotFound => "a user's id is a UUID",
        Code::NotAcceptable => "no encoding that is available is accepted",
        Code::SeatUnavailable => "2 of the seats are not available",
        Code::ReservationExpired => "the reservation expired at 2026-12-01T10:15:00.000Z",
        Code::ReservationCancelled => "the reservation is cancelled",
        Code::HoldLimitReached => {
            "the hold cannot be extended: it already lasts as long as the event allows, until 2026-12-01T11:00:00.000Z"
        }
        Code::EventInUse => "the event has pending or confirmed reservations",
        Code::EventEnded => "the event ended at 2027-01-10T12:00:00.000Z",
        Code::BodyTooLarge => "the body may have 1048576 bytes",
        Code::UnsupportedMediaType => "send the body with Content-Type: application/json",
        Code::IdempotencyKeyReused => "the idempotency key was used before, for another request",
        Code::RateLimited => "try again in 1 s",
        Code::NotFound if call.id == "list_seats" => "the event has no section of this name",
        _ => "there is nothing at this path",
    };
    text.to_owned()
}

fn invalid_field(call: Call) -> (&'static str, &'static str) {
    match call.id {
        "create_event" | "amend_event" => ("end_at", "must be after start_at"),
        "reserve" => ("seat_ids", "must have at most 10 seats, has 11"),
        "list_seats" => ("status", "must be available, reserved or confirmed"),
        "list_events" | "list_reservations" => ("limit", "must be 1 to 100"),
        _ => ("idempotency_key", "must be 1 to 255 visible ASCII characters"),
    }
}

/// Such a refusal says against which batch.
fn is_decided_by_an_event(code: Code, call: Call) -> bool {
    let by_rule = [
        Code::SeatUnavailable,
        Code::ReservationExpired,
        Code::ReservationCancelled,
        Code::HoldLimitReached,
        Code::EventInUse,
        Code::EventEnded,
    ];
    by_rule.contains(&code) || code == Code::IdempotencyKeyReused && call.id == "reserve"
}

fn new_event() -> Value {
    json!({
        "name": "Rock Festival", "description": "Two stages, one night", "venue": "Tokyo Dome",
        "start_at": "2027-01-10T09:00:00Z", "end_at": "2027-01-10T12:00:00Z", "currency": "JPY",
        "hold_ttl_s": 900, "max_hold_s": 3600, "max_seats_per_reservation": 10,
        "sections": [
            {"name": "Arena", "rows": 20, "seats_per_row": 50, "price": 12000},
            {"name": "Stand", "rows": 100, "seats_per_row": 90, "price": 6800},
        ],
    })
}

fn small_event() -> Value {
    json!({
        "name": "Reading", "venue": "Back room", "start_at": "2027-01-10T18:00:00+09:00",
        "end_at": "2027-01-10T20:00:00+09:00", "total_seats": 100, "price": 5000,
    })
}

fn event(reserved: u32, confirmed: u32) -> Value {
    let mut event = event_summary(reserved, confirmed);
    event["sections"] = json!([
        {"name": "Arena", "rows": 20, "seats_per_row": 50, "seats": 1000, "price": 12000},
        {"name": "Stand", "rows": 100, "seats_per_row": 90, "seats": 9000, "price": 6800},
    ]);
    event
}

fn event_summary(reserved: u32, confirmed: u32) -> Value {
    json!({
        "id": EVENT, "name": "Rock Festival", "description": "Two stages, one night", "venue": "Tokyo Dome",
        "start_at": "2027-01-10T09:00:00.000Z", "end_at": "2027-01-10T12:00:00.000Z",
        "currency": "JPY", "currency_decimals": 0,
        "hold_ttl_s": 900, "max_hold_s": 3600, "max_seats_per_reservation": 10,
        "total_seats": 10_000, "available_seats": 10_000 - reserved - confirmed,
        "reserved_seats": reserved, "confirmed_seats": confirmed, "version": 2 * confirmed + reserved,
        "created_at": "2026-12-01T09:00:00.000Z", "updated_at": "2026-12-01T09:00:00.000Z",
    })
}

fn seat(index: usize, status: &str) -> Value {
    let number = index + 1;
    json!({
        "id": SEATS[index], "seat_number": format!("Arena-A-{number}"), "section": "Arena", "row": "A",
        "number": number, "status": status, "price": 12000,
    })
}

fn reservation(state: &str) -> Value {
    let mut reservation = json!({
        "id": RESERVATION, "event_id": EVENT, "user_id": USER, "seat_ids": SEATS,
        "seat_numbers": ["Arena-A-1", "Arena-A-2"], "status": state, "total_amount": 24000,
        "currency": "JPY", "currency_decimals": 0, "expires_at": "2026-12-01T10:15:00.000Z", "expires_in_s": 0,
        "confirmed_at": null, "cancelled_at": null, "created_at": "2026-12-01T10:00:00.000Z",
        "updated_at": "2026-12-01T10:05:00.000Z", "seq": 18,
    });
    let changes = match state {
        "pending" => json!({"expires_in_s": 900, "updated_at": "2026-12-01T10:00:00.000Z", "seq": 17}),
        "extended" => {
            json!({"status": "pending", "expires_at": "2026-12-01T10:20:00.000Z", "expires_in_s": 900})
        }
        "confirmed" => json!({"confirmed_at": "2026-12-01T10:05:00.000Z"}),
        _ => json!({"cancelled_at": "2026-12-01T10:05:00.000Z"}),
    };
    for (field, value) in changes.as_object().into_iter().flatten() {
        reservation[field] = value.clone();
    }
    reservation
}

fn health(store: &str) -> Value {
    let status = if store == "ok" { "ok" } else { "unavailable" };
    json!({
        "status": status, "version": env!("CARGO_PKG_VERSION"), "store": store, "lease": "ok",
        "stopping": false, "live_events": 3,
    })
}
