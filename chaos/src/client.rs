//! Asks one node one question, and reads what it answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{
    ConflictReason, EventId, ReservationId, ReservationStatus, SeatId, SeatNo, SeatStatus, Timestamp, UserId,
};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::balancer::Balancer;
use crate::cluster::{ADMIN_API_KEY, SetupError};
use checker::history::{Answer, Ask, Call, Log, SeatMap, Seen};

/// The time after which a client gives up, and asks another node.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A client of all nodes, that logs what it asks and what it hears.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    nodes: Vec<String>,
    log: Log,
    began: Instant,
    balancer: Option<Arc<Balancer>>,
}

#[derive(Deserialize)]
struct ReservationBody {
    id: ReservationId,
    user_id: UserId,
    seat_ids: Vec<SeatId>,
    status: ReservationStatus,
    total_amount: i64,
    expires_at: String,
    seq: u64,
}

#[derive(Deserialize)]
struct EventBody {
    id: EventId,
    version: u64,
    reserved_seats: u32,
    confirmed_seats: u32,
}

#[derive(Deserialize)]
struct SeatBody {
    status: SeatStatus,
}

#[derive(Deserialize)]
struct ProblemBody {
    code: String,
    #[serde(default)]
    detail: String,
    seq: Option<u64>,
    #[serde(default)]
    conflicts: Vec<ConflictBody>,
}

#[derive(Deserialize)]
struct ConflictBody {
    seat_id: SeatId,
    reason: String,
    reservation_id: Option<ReservationId>,
}

impl Client {
    /// A client of the nodes at these addresses.
    pub fn new(nodes: Vec<String>, log: Log) -> Result<Self, SetupError> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| SetupError::new("no HTTP client", error))?;
        Ok(Self { http, nodes, log, began: Instant::now(), balancer: None })
    }

    /// The same client, but behind a load balancer that passes over nodes that are not ready.
    pub fn balanced(&self) -> Self {
        Self { balancer: Some(Arc::new(Balancer::start(&self.nodes))), ..self.clone() }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was asked and answered so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Makes an event. Not logged: the run cannot go on without.
    pub async fn create_event(&self, seats: u32, hold_ttl_s: u32) -> Result<EventId, SetupError> {
        let body = json!({
            "name": "Chaos", "description": "", "venue": "here",
            "start_at": "2099-01-01T00:00:00Z", "end_at": "2099-01-02T00:00:00Z",
            "hold_ttl_s": hold_ttl_s, "max_hold_s": 2 * hold_ttl_s, "max_seats_per_reservation": 10,
            "total_seats": seats, "price": 500,
        });
        let failed = |error: String| SetupError::new("an event cannot be made", error);
        let request = self.request(Method::POST, 0, "/events").json(&body);
        let response = request.send().await.map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| failed(error.to_string()))?;
        let event: EventBody =
            serde_json::from_str(&text).map_err(|error| failed(format!("{status} {error} {text}")))?;
        Ok(event.id)
    }

    /// The seats of an event, as a node shows them. Not logged.
    pub async fn seat_map(&self, node: usize, event_id: EventId) -> Result<SeatMap, SetupError> {
        let failed = |error: String| SetupError(format!("node {node} does not show its seats: {error}"));
        let request = self.request(Method::GET, node, &format!("/events/{event_id}/seats"));
        let response = request.send().await.map_err(|error| failed(error.to_string()))?;
        let etag = header(&response, "etag").unwrap_or_default();
        let version = etag.trim_start_matches("W/").trim_matches('"').parse();
        let version = version.map_err(|_| failed(format!("{}, ETag {etag:?}", response.status())))?;
        let seats: Vec<SeatBody> = response.json().await.map_err(|error| failed(error.to_string()))?;
        Ok(SeatMap { node, version, statuses: seats.into_iter().map(|seat| seat.status).collect() })
    }

    /// Sends one request to one node, and logs it with its answer.
    pub async fn ask(&self, ask: &Arc<Ask>, node: usize, attempt: u32) -> Answer {
        let node = self.balancer.as_ref().map_or(node, |balancer| balancer.choose(node));
        let sent_at = self.began.elapsed();
        let (answer, decided_by) = self.exchange(ask, node).await;
        self.log.push(Call {
            ask: Arc::clone(ask),
            attempt,
            asked_node: node,
            sent_at,
            ended_at: self.began.elapsed(),
            decided_by,
            answer: answer.clone(),
        });
        answer
    }

    async fn exchange(&self, ask: &Ask, node: usize) -> (Answer, Option<String>) {
        let request = match ask {
            Ask::Reserve { event_id, user_id, seats, key } => {
                let seat_ids: Vec<SeatId> = seats.iter().map(|&seat_no| event_id.seat(seat_no)).collect();
                let body = json!({"event_id": event_id, "user_id": user_id, "seat_ids": seat_ids});
                self.request(Method::POST, node, "/reservations").header("Idempotency-Key", key).json(&body)
            }
            Ask::Confirm(id) => self.request(Method::POST, node, &format!("/reservations/{id}/confirm")),
            Ask::Cancel(id) => self.request(Method::POST, node, &format!("/reservations/{id}/cancel")),
            Ask::Extend(id) => self.request(Method::POST, node, &format!("/reservations/{id}/extend")),
            Ask::Read(id) => self.request(Method::GET, node, &format!("/reservations/{id}")),
            Ask::View(id) => self.request(Method::GET, node, &format!("/events/{id}")),
            Ask::Map(_) | Ask::Wish { .. } | Ask::Allocate(..) | Ask::Rename(..) | Ask::Delete(_) => {
                return (Answer::Odd("never asked".to_owned()), None);
            }
        };
        match request.send().await {
            Ok(response) => {
                let decided_by = header(&response, "x-holdfast-node");
                (read(ask, response).await, decided_by)
            }
            Err(error) => (Answer::Nothing(kind(&error).to_owned()), None),
        }
    }

    fn request(&self, method: Method, node: usize, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.nodes[node]);
        self.http.request(method, url).header("X-API-Key", ADMIN_API_KEY)
    }
}

fn kind(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no connection"
    } else {
        "broken connection"
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

async fn read(ask: &Ask, response: Response) -> Answer {
    let status = response.status();
    let replayed = header(&response, "idempotent-replayed").as_deref() == Some("true");
    if status == StatusCode::REQUEST_TIMEOUT {
        // The first request on a connection came too late, as it seems to a node that was paused: it reads
        // none.
        return Answer::Nothing("408".to_owned());
    }
    let text = match response.text().await {
        Ok(text) => text,
        Err(error) => return Answer::Nothing(kind(&error).to_owned()),
    };
    let body: Value = match serde_json::from_str(&text) {
        Ok(body) => body,
        Err(_) => return Answer::Odd(format!("{status}, not JSON: {text:.200}")),
    };
    understand(ask, status, replayed, body).unwrap_or_else(|| Answer::Odd(format!("{status} {text:.200}")))
}

/// `None`: no answer that the API knows.
fn understand(ask: &Ask, status: StatusCode, replayed: bool, body: Value) -> Option<Answer> {
    match status.as_u16() {
        200 | 201 if matches!(ask, Ask::View(_)) => {
            let event: EventBody = serde_json::from_value(body).ok()?;
            Some(Answer::Viewed {
                version: event.version,
                reserved: event.reserved_seats,
                confirmed: event.confirmed_seats,
                statuses: None,
            })
        }
        200 | 201 => Some(Answer::Done(seen(serde_json::from_value(body).ok()?, replayed)?)),
        404 | 409 | 422 => {
            let problem: ProblemBody = serde_json::from_value(body).ok()?;
            let conflicts: Option<_> = problem.conflicts.into_iter().map(conflict).collect();
            Some(Answer::Rejected { code: problem.code, seq: problem.seq, conflicts: conflicts? })
        }
        503 => {
            let problem: ProblemBody = serde_json::from_value(body).ok()?;
            let text = format!("503 {}", problem.code);
            let is_certain = problem.code == "overloaded" || problem.detail.contains("nothing was done");
            Some(if is_certain { Answer::NotDone(text) } else { Answer::Nothing(text) })
        }
        _ => None,
    }
}

fn conflict(body: ConflictBody) -> Option<(SeatNo, ConflictReason)> {
    let reason = match (body.reason.as_str(), body.reservation_id) {
        ("reserved", None) => ConflictReason::Reserved,
        ("confirmed", None) => ConflictReason::Confirmed,
        ("yours", Some(id)) => ConflictReason::Yours(id),
        _ => return None,
    };
    Some((body.seat_id.seat_no(), reason))
}

fn seen(body: ReservationBody, replayed: bool) -> Option<Seen> {
    let seats: Vec<SeatNo> = body.seat_ids.iter().map(|id| id.seat_no()).collect();
    Some(Seen {
        id: body.id,
        user_id: body.user_id,
        seats,
        status: body.status,
        total_minor: body.total_amount,
        expires_at: Timestamp::from(OffsetDateTime::parse(&body.expires_at, &Rfc3339).ok()?),
        seq: body.seq,
        replayed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_id() -> EventId {
        EventId::mint(Timestamp::from_micros(1_800_000_000_000_000), 1)
    }

    #[test]
    fn a_rejection_is_understood_with_its_conflicts() {
        let body = json!({"status": 409, "code": "seat_unavailable", "seq": 17,
            "conflicts": [{"seat_id": event_id().seat(4), "reason": "confirmed"}]});
        assert_eq!(
            understand(&Ask::View(event_id()), StatusCode::CONFLICT, false, body),
            Some(Answer::Rejected {
                code: "seat_unavailable".to_owned(),
                seq: Some(17),
                conflicts: vec![(4, ConflictReason::Confirmed)],
            })
        );
    }

    #[test]
    fn a_fault_says_nothing_and_the_unheard_of_is_no_answer() {
        let ask = Ask::View(event_id());
        let fault = understand(&ask, StatusCode::SERVICE_UNAVAILABLE, false, json!({"code": "unavailable"}));
        assert_eq!(fault, Some(Answer::Nothing("503 unavailable".to_owned())));
        assert_eq!(understand(&ask, StatusCode::INTERNAL_SERVER_ERROR, false, json!({})), None);
        assert_eq!(understand(&ask, StatusCode::OK, false, json!({"id": "x"})), None);
    }
}
