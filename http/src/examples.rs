//! The examples in the OpenAPI document: of one event, one of its reservations, and every refusal. A test
//! holds them to their schemas.

use serde_json::{Value, json};

use crate::calls::Call;
use crate::wire::problem::Code;
use crate::wire::repeat::{Certainty, advice};

const EVENT: &str = "0199b0e6-d3c1-8000-99b0-e6d3c1a00f2b";
const SEATS: [&str; 2] = ["00000000-0001-8000-99b0-e6d3c1a00f2b", "00000000-0002-8000-99b0-e6d3c1a00f2b"];
const RESERVATION: &str = "0199b0f1-7a40-8001-99b0-e6d3c1a00f2b";
const CHART: &str = "7be1c4b4-9f1d-8a3e-b0d1-5f9a7c1e2d43";
const USER: &str = "00000000-0000-4000-8000-000000000001";

/// A chart as CSV.
pub(crate) const CSV_CHART: &str = "section,row,seat,seat_to,quantity,category,channel\n\
                                    Stalls,A,1,12,,1,\n\
                                    Stalls,B,1,12,,1,kill\n\
                                    Floor,,,,420,GA,\n";

/// The bodies of requests, by name.
pub(crate) fn requests(call: &str) -> Vec<(&'static str, Value)> {
    match call {
        "create_event" => vec![
            ("sections", new_event()),
            ("a number of seats", small_event()),
            ("a real house", theatre()),
            ("a chart", event_of_chart()),
        ],
        "create_chart" => vec![(
            "sections",
            json!({
                "name": "Opera house",
                "sections": [{"name": "Stalls", "category": "1", "seating": [{"rows": "A-H,J-M", "seats": "1-12|14-25"}]}],
            }),
        )],
        "add_sections" => {
            vec![("more places", json!({"sections": [{"name": "Floor", "category": "GA", "capacity": 200}]}))]
        }
        "set_allocations" | "add_allocations" => vec![(
            "for a promoter",
            json!({"allocations": [
                {"channel": "promoter", "section": "Floor", "quantity": 300, "release_at": "2027-01-08T09:00:00Z"},
                {"channel": "kill", "section": "Stalls", "rows": "A", "seats": "10-21", "note": "orchestra pit"},
            ]}),
        )],
        "amend_event" => {
            vec![("details", json!({"name": "Rock Festival, extra night", "hold_ttl_s": 600}))]
        }
        "reserve" => vec![
            ("as a user", json!({"event_id": EVENT, "seat_ids": SEATS, "idempotency_key": "order-4711"})),
            ("for a user", json!({"event_id": EVENT, "seat_ids": SEATS, "user_id": USER})),
            (
                "the best available",
                json!({"event_id": EVENT, "best_available": {
                    "quantity": 3, "ticket_types": {"adult": 2, "child": 1}, "categories": ["1", "2"],
                }}),
            ),
            (
                "by the names of the house, and places",
                json!({
                    "event_id": EVENT,
                    "seats": [{"section": "Stalls", "row": "A", "seat": "12", "ticket_type": "adult"}],
                    "places": [{"section": "Floor", "quantity": 2}],
                    "tables": [{"section": "Ballroom", "table": "7"}],
                }),
            ),
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
        ("add_sections", _) => event(1, 2),
        ("get_statuses", _) => json!({
            "version": 5, "total_seats": 10_000, "reserved": [[1, 1]], "confirmed": [[7, 8]], "not_for_sale": [],
        }),
        ("get_layout", _) => layout(),
        ("get_allocations" | "set_allocations" | "add_allocations", _) => json!({
            "version": 5, "allocations": [{
                "channel": "kill", "parts": [{"section": "Stalls", "row": "A", "seats": "10-21", "quantity": 12}],
                "release_at": null, "released": false, "note": "orchestra pit", "allocated": 12, "held": 0, "sold": 1,
                "left": 11, "kept": ["Stalls-A-21"],
            }],
        }),
        ("create_chart", _) => imported_chart(),
        ("get_chart", _) => chart(),
        ("list_charts", _) => json!([chart()]),
        ("get_chart_map", _) => {
            json!({"size": {"width": 120, "height": 80}, "seats": [[10.5, 20], [11, 20]]})
        }
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
        path if path.contains("/charts/{id}") => CHART,
        _ => EVENT,
    };
    let mut problem = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail(code, call),
        "instance": path.replace("{id}", id), "code": code.name(), "request_id": "5f0c2a9e81d3b746-1b",
    });
    match code {
        Code::SeatUnavailable => {
            problem["conflicts"] = json!([
                {"seat_id": SEATS[0], "seat_number": "Arena-A-1", "reason": "reserved"},
                {"seat_id": SEATS[1], "seat_number": "Arena-A-2", "reason": "yours", "reservation_id": RESERVATION},
            ]);
        }
        Code::SoldTogether => {
            let conflict = |index: usize| json!({"seat_id": SEATS[index], "seat_number": format!("Box 1-1-{}", index + 1), "reason": "sold_together"});
            problem["conflicts"] = json!([conflict(0), conflict(1)]);
        }
        Code::LeavesSingleSeat => {
            problem["conflicts"] =
                json!([{"seat_id": SEATS[1], "seat_number": "Arena-A-2", "reason": "left_single"}]);
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
        Code::ChartNotFound => "there is no such chart",
        Code::EventChanged => "the event has changed meanwhile",
        Code::SoldTogether => "2 of the seats sell only together with others",
        Code::LeavesSingleSeat => "Arena-A-2 would be left single",
        Code::NoBlockFree => "no block has so many seats free",
        Code::SoldOut => "1 places are free, 2 are asked for",
        Code::UnknownCategory => "best_available.categories: there is no category \"9\"",
        Code::UnknownTicketType => "seats[0].ticket_type: there is no ticket type \"senior\"",
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
        "list_seats" => ("status", "must be available, reserved, confirmed or not_for_sale"),
        "create_chart" => {
            ("sections[0].seating[3].seats", "\"14-\" at character 6: a range is from one to another")
        }
        "add_sections" => ("sections[0].capacity", "must be 1 to 200000"),
        "set_allocations" | "add_allocations" => {
            ("allocations[0].section", "there is no section \"Balcony\"")
        }
        "list_charts" => ("limit", "must be 1 to 100"),
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
        Code::EventChanged,
        Code::SoldTogether,
        Code::LeavesSingleSeat,
        Code::NoBlockFree,
        Code::SoldOut,
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
    let section = |name: &str, rows: u32, seats_per_row: u32, price: i64| {
        json!({
            "name": name, "rows": rows, "seats_per_row": seats_per_row, "tables": 0, "seats": rows * seats_per_row,
            "places": 0, "price": price, "categories": [name],
        })
    };
    event["sections"] = json!([section("Arena", 20, 50, 12000), section("Stand", 100, 90, 6800)]);
    event["categories"] = json!([
        {"key": "Arena", "name": "Arena", "prices": {"standard": 12000}},
        {"key": "Stand", "name": "Stand", "prices": {"standard": 6800}},
    ]);
    event["ticket_types"] = json!([{"key": "standard", "name": "standard"}]);
    event["orphan_rule"] = json!("off");
    event
}

fn event_summary(reserved: u32, confirmed: u32) -> Value {
    json!({
        "id": EVENT, "name": "Rock Festival", "description": "Two stages, one night", "venue": "Tokyo Dome",
        "start_at": "2027-01-10T09:00:00.000Z", "end_at": "2027-01-10T12:00:00.000Z",
        "currency": "JPY", "currency_decimals": 0,
        "hold_ttl_s": 900, "max_hold_s": 3600, "max_seats_per_reservation": 10,
        "total_seats": 10_000, "available_seats": 10_000 - reserved - confirmed,
        "reserved_seats": reserved, "confirmed_seats": confirmed, "not_for_sale_seats": 0, "version": 2 * confirmed + reserved,
        "created_at": "2026-12-01T09:00:00.000Z", "updated_at": "2026-12-01T09:00:00.000Z",
    })
}

fn seat(index: usize, status: &str) -> Value {
    let number = index + 1;
    json!({
        "id": SEATS[index], "seat_number": format!("Arena-A-{number}"), "section": "Arena", "row": "A",
        "number": number.to_string(), "status": status, "price": 12000, "category": "Arena", "kind": "seat",
    })
}

fn reservation(state: &str) -> Value {
    let mut reservation = json!({
        "id": RESERVATION, "event_id": EVENT, "user_id": USER, "seat_ids": SEATS,
        "seat_numbers": ["Arena-A-1", "Arena-A-2"], "seats": [reserved_seat(0), reserved_seat(1)], "places": [],
        "status": state, "total_amount": 24000,
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

fn reserved_seat(index: usize) -> Value {
    let number = (index + 1).to_string();
    let label = format!("Arena-A-{number}");
    json!({
        "id": SEATS[index], "key": label, "section": "Arena", "row": "A", "number": number, "seat_number": label,
        "category": "Arena", "ticket_type": "standard", "price": 12000, "attributes": [], "kind": "seat",
    })
}

fn theatre() -> Value {
    json!({
        "name": "La Bohème", "venue": "Opera house", "start_at": "2027-01-10T19:00:00Z",
        "end_at": "2027-01-10T22:00:00Z", "currency": "EUR", "orphan_rule": "refuse",
        "ticket_types": [{"key": "adult", "name": "Adult"}, {"key": "child", "name": "Under 16"}],
        "categories": [
            {"key": "1", "name": "Price 1", "prices": {"adult": 7500, "child": 3750}},
            {"key": "P", "name": "Premium", "prices": {"adult": 11_000}},
            {"key": "GA", "name": "Standing", "price": 1500},
        ],
        "sections": [
            {"name": "Stalls", "category": "1", "entrance": "Gate 3",
                "seating": [{"rows": "A-H,J-M", "seats": "1-12|14-25"}],
                "marks": [
                    {"rows": "D-F", "seats": "14-25", "category": "P"},
                    {"rows": "M", "seats": "1,25", "attributes": ["wheelchair"]},
                    {"rows": "L", "sell": "together"},
                ]},
            {"name": "Floor", "category": "GA", "capacity": 420},
        ],
        "max_seats_per_reservation": 12,
        "allocations": [
            {"channel": "promoter", "section": "Floor", "quantity": 30},
            {"channel": "kill", "section": "Stalls", "rows": "A", "seats": "10-12,14-21", "note": "orchestra pit"},
        ],
    })
}

fn event_of_chart() -> Value {
    json!({
        "name": "Jazz Night", "venue": "Opera house", "start_at": "2027-01-11T19:00:00Z",
        "end_at": "2027-01-11T22:00:00Z", "chart_id": CHART, "categories": [{"key": "1", "price": 4000}],
    })
}

fn chart() -> Value {
    json!({
        "id": CHART, "name": "Opera house", "created_at": "2026-12-01T09:00:00.000Z", "total_seats": 288,
        "sections": [{"name": "Stalls", "rows": 12, "tables": 0, "seats": 288, "places": 0}], "categories": ["1"],
    })
}

fn imported_chart() -> Value {
    let mut chart = chart();
    chart["ignored"] = json!(["zones[].rows[].seats[].radius"]);
    chart["aisles"] = json!(12);
    chart
}

fn layout() -> Value {
    json!({
        "layout_id": "0e1c4b4b-9f1d-8a3e-b0d1-5f9a7c1e2d43", "total_seats": 444,
        "sections": [{"name": "Stalls", "entrance": "Gate 3"}, {"name": "Floor"}], "categories": ["1", "GA"],
        "parts": [
            {"kind": "row", "section": 0, "row": "A", "first": 1, "stretches": [
                {"seats": "1-12", "category": 0},
                {"seats": "14-25", "category": 0, "aisle_before": true},
            ]},
            {"kind": "places", "section": 1, "first": 25, "capacity": 420, "category": 1},
        ],
    })
}

fn health(store: &str) -> Value {
    let status = if store == "ok" { "ok" } else { "unavailable" };
    json!({
        "status": status, "version": env!("CARGO_PKG_VERSION"), "store": store, "lease": "ok",
        "stopping": false, "live_events": 3,
    })
}
