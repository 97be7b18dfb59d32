//! The calls of the HTTP contract that the scenarios make.

use std::fmt::Write as _;
use std::sync::Arc;

use rand::Rng;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use crate::http::{Connection, HttpError, Request, Response, Target};
use crate::stats::Outcome;

/// One connection that speaks the contract.
#[derive(Debug)]
pub(crate) struct Api {
    connection: Connection,
    path: String,
    body: String,
}

/// Why a call that had to succeed did not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{call} was answered {status}: {detail}")]
    Status { call: &'static str, status: u16, detail: String },
    #[error("{call}: the answer cannot be read: {error}")]
    Body { call: &'static str, error: serde_json::Error },
}

/// An event to create. Its date lies far ahead, so that no run ever meets an ended event.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) name: String,
    pub(crate) seats: u32,
    pub(crate) hold_ttl_s: u32,
    pub(crate) house: House,
}

/// What a new event consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum House {
    /// Rows of ten, from a number alone.
    Rows,
    /// Rows of a hundred with three aisles.
    Blocks,
    /// Counted places.
    Floor,
}

/// What a house with blocks has in a row, and the text of its seats.
const ROW_SEATS: u32 = 100;
const ROW_TEXT: &str = "1-24|25-50|51-76|77-100";

#[derive(Debug, Deserialize)]
pub(crate) struct HasId {
    pub(crate) id: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ListedEvent {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Counts {
    pub(crate) available_seats: u64,
    pub(crate) reserved_seats: u64,
    pub(crate) confirmed_seats: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reservation {
    pub(crate) id: String,
    pub(crate) seat_ids: Vec<String>,
    pub(crate) seq: u64,
}

/// The part of a refusal that scenarios look at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) detail: String,
    pub(crate) seq: Option<u64>,
    #[serde(default)]
    pub(crate) conflicts: Vec<Conflict>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Conflict {
    pub(crate) seat_id: String,
}

impl Api {
    pub(crate) fn new(target: &Arc<Target>) -> Self {
        Self { connection: Connection::new(Arc::clone(target)), path: String::new(), body: String::new() }
    }

    pub(crate) async fn connect(&mut self) -> Result<(), ApiError> {
        Ok(self.connection.connect().await?)
    }

    pub(crate) async fn create_event(&mut self, event: &NewEvent) -> Result<String, ApiError> {
        let mut body = json!({
            "name": event.name, "venue": "Load", "description": "Made by the load generator.",
            "start_at": "2099-01-10T09:00:00Z", "end_at": "2099-01-10T12:00:00Z",
            "price": 5000, "hold_ttl_s": event.hold_ttl_s, "max_hold_s": event.hold_ttl_s,
        });
        match event.house {
            House::Rows => body["total_seats"] = json!(event.seats),
            House::Blocks => {
                let seating =
                    json!([{"rows": format!("1-{}", event.seats.div_ceil(ROW_SEATS)), "seats": ROW_TEXT}]);
                body["sections"] = json!([{"name": "Hall", "seating": seating}]);
            }
            House::Floor => body["sections"] = json!([{"name": "Floor", "capacity": event.seats}]),
        }
        let response = self.connection.send(Request::post("/api/v1/events", Some(&body.to_string()))).await?;
        Ok(read::<HasId>("POST /events", &response, 201)?.id)
    }

    pub(crate) async fn events(&mut self) -> Result<Response<'_>, HttpError> {
        self.connection.send(Request::get("/api/v1/events")).await
    }

    /// The newest hundred events.
    pub(crate) async fn newest_events(&mut self) -> Result<Vec<ListedEvent>, ApiError> {
        let response = self.connection.send(Request::get("/api/v1/events?limit=100")).await?;
        read("GET /events", &response, 200)
    }

    pub(crate) async fn event(&mut self, event: &str) -> Result<Response<'_>, HttpError> {
        self.set_path(&["/api/v1/events/", event]);
        self.connection.send(Request::get(&self.path)).await
    }

    pub(crate) async fn counts(&mut self, event: &str) -> Result<Counts, ApiError> {
        read("GET /events/{id}", &self.event(event).await?, 200)
    }

    /// The ids of all seats of an event.
    pub(crate) async fn seat_ids(&mut self, event: &str) -> Result<Vec<String>, ApiError> {
        let response = self.seats(event, "", None, false).await?;
        let seats: Vec<HasId> = read("GET /events/{id}/seats", &response, 200)?;
        Ok(seats.into_iter().map(|seat| seat.id).collect())
    }

    /// The seat map; `query` is empty or begins with `?`.
    pub(crate) async fn seats(
        &mut self,
        event: &str,
        query: &str,
        if_none_match: Option<&str>,
        gzip: bool,
    ) -> Result<Response<'_>, HttpError> {
        self.set_path(&["/api/v1/events/", event, "/seats", query]);
        self.connection.send(Request { if_none_match, gzip, ..Request::get(&self.path) }).await
    }

    /// Reserves for a new random user.
    pub(crate) async fn reserve<S: AsRef<str>>(
        &mut self,
        event: &str,
        seats: &[S],
    ) -> Result<Response<'_>, HttpError> {
        self.reserve_as(event, seats, random_uuid(), None).await
    }

    /// With an idempotency key, asking again with the same arguments is the same reservation.
    pub(crate) async fn reserve_as<S: AsRef<str>>(
        &mut self,
        event: &str,
        seats: &[S],
        user: Uuid,
        key: Option<Uuid>,
    ) -> Result<Response<'_>, HttpError> {
        write_reservation(&mut self.body, event, seats, user, key);
        self.connection.send(Request::post("/api/v1/reservations", Some(&self.body))).await
    }

    /// With what is wanted as JSON fields, such as `"best_available":{"quantity":2}`.
    pub(crate) async fn wish(
        &mut self,
        event: &str,
        wish: &str,
        user: Uuid,
        key: Option<Uuid>,
    ) -> Result<Response<'_>, HttpError> {
        begin_reservation(&mut self.body, event, user, key);
        self.body.push_str(wish);
        self.body.push('}');
        self.connection.send(Request::post("/api/v1/reservations", Some(&self.body))).await
    }

    pub(crate) async fn confirm(&mut self, reservation: &str) -> Result<Response<'_>, HttpError> {
        self.set_path(&["/api/v1/reservations/", reservation, "/confirm"]);
        self.connection.send(Request::post(&self.path, None)).await
    }

    pub(crate) async fn cancel(&mut self, reservation: &str) -> Result<Response<'_>, HttpError> {
        self.set_path(&["/api/v1/reservations/", reservation, "/cancel"]);
        self.connection.send(Request::post(&self.path, None)).await
    }

    fn set_path(&mut self, parts: &[&str]) {
        self.path.clear();
        self.path.extend(parts.iter().copied());
    }
}

/// Judges an answer: as expected, refused by the rules, or a failure.
pub(crate) fn outcome(result: &Result<Response<'_>, HttpError>, expected: u16) -> Outcome {
    match result {
        Ok(response) if response.status == expected => Outcome::Done,
        Ok(response) if response.status == 409 => Outcome::Refused,
        Ok(response) => {
            let code = problem(response.body).code;
            Outcome::Failed(format!("{} {code}", response.status).trim_end().to_owned())
        }
        Err(error) => Outcome::Failed(error.kind().to_owned()),
    }
}

/// Whether the same request may fare better a moment later: the server could not be reached, or could not
/// decide.
pub(crate) fn is_passing(answer: &Result<Response<'_>, HttpError>) -> bool {
    match answer {
        Ok(response) => matches!(response.status, 502..=504),
        Err(HttpError::Timeout(_) | HttpError::Connection(_)) => true,
        Err(HttpError::Malformed(_)) => false,
    }
}

pub(crate) fn random_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid()
}

/// What a refusal says of itself; empty where the body is none.
pub(crate) fn problem(body: &[u8]) -> Problem {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Reads a body that must be there.
pub(crate) fn read<T: DeserializeOwned>(
    call: &'static str,
    response: &Response<'_>,
    expected: u16,
) -> Result<T, ApiError> {
    if response.status != expected {
        let Problem { code, detail, .. } = problem(response.body);
        return Err(ApiError::Status { call, status: response.status, detail: format!("{code} {detail}") });
    }
    serde_json::from_slice(response.body).map_err(|error| ApiError::Body { call, error })
}

/// Written by hand, since this is what the hottest loop does. Ids need no escaping.
fn write_reservation<S: AsRef<str>>(
    body: &mut String,
    event: &str,
    seats: &[S],
    user: Uuid,
    key: Option<Uuid>,
) {
    begin_reservation(body, event, user, key);
    body.push_str(r#""seat_ids":["#);
    for (number, seat) in seats.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(body, r#"{comma}"{}""#, seat.as_ref());
    }
    body.push_str("]}");
}

fn begin_reservation(body: &mut String, event: &str, user: Uuid, key: Option<Uuid>) {
    body.clear();
    // Writing to a String cannot fail.
    let _ = write!(body, r#"{{"event_id":"{event}","user_id":"{user}","#);
    if let Some(key) = key {
        let _ = write!(body, r#""idempotency_key":"{key}","#);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_valid_json() {
        let mut body = "left over".to_owned();
        let nil = Uuid::nil();
        for (key, expected) in [
            (None, json!({"event_id": "e", "user_id": nil, "seat_ids": ["a", "b"]})),
            (
                Some(nil),
                json!({"event_id": "e", "user_id": nil, "idempotency_key": nil, "seat_ids": ["a", "b"]}),
            ),
        ] {
            write_reservation(&mut body, "e", &["a", "b"], nil, key);
            let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(parsed, expected);
        }
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let answer = |status| Ok(Response { status, etag: None, body: b"" });
        for (status, passes) in
            [(201, false), (409, false), (422, false), (500, false), (502, true), (503, true), (504, true)]
        {
            assert_eq!(is_passing(&answer(status)), passes, "{status}");
        }
        assert!(is_passing(&Err(HttpError::Timeout(std::time::Duration::ZERO))));
    }

    #[test]
    fn answers_are_judged() {
        let answer = |status, body: &'static str| Ok(Response { status, etag: None, body: body.as_bytes() });
        assert_eq!(outcome(&answer(201, "{}"), 201), Outcome::Done);
        assert_eq!(outcome(&answer(409, "{}"), 201), Outcome::Refused);
        let overloaded = answer(503, r#"{"code": "overloaded"}"#);
        assert_eq!(outcome(&overloaded, 201), Outcome::Failed("503 overloaded".to_owned()));
        assert_eq!(outcome(&answer(502, "<html>"), 201), Outcome::Failed("502".to_owned()));
    }
}
