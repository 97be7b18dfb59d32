//! A tiny server that speaks the contract from memory, and a run of every scenario against it.
//! It can be told to misbehave, so that what the scenarios check is known to be checked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::Target;
use crate::report::Report;
use crate::{Cli, run};

#[derive(Clone, Copy, PartialEq)]
enum Behaviour {
    Correct,
    SellsTwice,
    Breaks,
    /// Every third reservation is made, and answered 503; asked again by its key, it is found.
    LosesAnswers,
    /// Holds never run out.
    LeaksHolds,
    /// Bodies in chunks, and the connection is closed after each answer.
    ChunksAndCloses,
}

#[derive(Default)]
struct World {
    /// Per event: each seat's status, and which reservation it belongs to.
    events: Vec<Vec<(&'static str, usize)>>,
    hold_ttl_s: u64,
    reservations: Vec<(usize, Vec<usize>)>,
    keys: HashMap<String, Value>,
    seq: u64,
}

async fn serve(behaviour: Behaviour) -> Arc<Target> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let world = Arc::new(Mutex::new(World::default()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, Arc::clone(&world), behaviour));
        }
    });
    Arc::new(Target::new(&url, "key", Duration::from_secs(5)).unwrap())
}

async fn talk(mut stream: TcpStream, world: Arc<Mutex<World>>, behaviour: Behaviour) {
    let mut input = Vec::new();
    loop {
        let (method, path, tag, body) = loop {
            if let Some(request) = take_request(&mut input) {
                break request;
            }
            if stream.read_buf(&mut input).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let (status, answer) = if tag && path.ends_with("/seats") {
            (304, Value::Null)
        } else {
            world.lock().unwrap().answer(&method, &path, &body, behaviour)
        };
        if let Some(hold) = answer.get("hold_of").and_then(Value::as_u64)
            && behaviour != Behaviour::LeaksHolds
        {
            let world = Arc::clone(&world);
            let hold_ttl_s = world.lock().unwrap().hold_ttl_s;
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(hold_ttl_s)).await;
                world.lock().unwrap().end(hold as usize, "reserved", "available");
            });
        }
        let text = answer.to_string();
        let rest = match (status, behaviour) {
            (304, _) => "ETag: \"1\"\r\n\r\n".to_owned(),
            (_, Behaviour::ChunksAndCloses) => {
                let (a, b) = text.split_at(text.len() / 2);
                let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
                format!(
                    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}{}0\r\n\r\n",
                    chunk(a),
                    chunk(b)
                )
            }
            _ => format!("ETag: \"1\"\r\nContent-Length: {}\r\n\r\n{text}", text.len()),
        };
        stream.write_all(format!("HTTP/1.1 {status} X\r\n{rest}").as_bytes()).await.unwrap();
        if behaviour == Behaviour::ChunksAndCloses {
            return;
        }
    }
}

fn take_request(input: &mut Vec<u8>) -> Option<(String, String, bool, Vec<u8>)> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let start = match request.parse(input).unwrap() {
        httparse::Status::Complete(start) => start,
        httparse::Status::Partial => return None,
    };
    let headers: HashMap<String, String> = (request.headers.iter())
        .map(|header| (header.name.to_lowercase(), String::from_utf8(header.value.to_vec()).unwrap()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let (method, path) = (request.method.unwrap().to_owned(), request.path.unwrap().to_owned());
    if input.len() < start + length {
        return None;
    }
    let body = input[start..start + length].to_vec();
    input.drain(..start + length);
    Some((method, path, headers.contains_key("if-none-match"), body))
}

impl World {
    fn answer(&mut self, method: &str, path: &str, body: &[u8], behaviour: Behaviour) -> (u16, Value) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
        let number = |text: &str| text.parse::<usize>().unwrap();
        match (method, parts.as_slice()) {
            ("POST", ["events"]) => {
                let seats = body["total_seats"].as_u64().unwrap() as usize;
                self.events.push(vec![("available", 0); seats]);
                self.hold_ttl_s = body["hold_ttl_s"].as_u64().unwrap();
                (201, json!({"id": (self.events.len() - 1).to_string()}))
            }
            ("GET", ["events" | "events?limit=100"]) => {
                (200, (0..self.events.len()).rev().map(|event| self.event(event)).collect())
            }
            ("GET", ["events", event]) => (200, self.event(number(event))),
            ("GET", ["events", event, "seats"]) => {
                let seats = self.events[number(event)].iter().enumerate();
                (
                    200,
                    seats
                        .map(|(seat, (status, _))| json!({"id": seat.to_string(), "status": status}))
                        .collect(),
                )
            }
            ("POST", ["reservations"]) if behaviour == Behaviour::Breaks => {
                (500, json!({"code": "internal"}))
            }
            ("POST", ["reservations"]) if behaviour == Behaviour::LosesAnswers => self.lose_some(&body),
            ("POST", ["reservations"]) => self.reserve(&body, behaviour),
            ("POST", ["reservations", id, "confirm"]) => self.end(number(id), "reserved", "confirmed"),
            ("POST", ["reservations", id, "cancel"]) => self.end(number(id), "reserved", "available"),
            _ => (404, json!({"code": "not_found"})),
        }
    }

    fn event(&self, event: usize) -> Value {
        let count = |status| self.events[event].iter().filter(|seat| seat.0 == status).count();
        json!({"id": event.to_string(), "available_seats": count("available"),
            "reserved_seats": count("reserved"), "confirmed_seats": count("confirmed")})
    }

    fn lose_some(&mut self, body: &Value) -> (u16, Value) {
        let key = body["idempotency_key"].as_str().unwrap().to_owned();
        if let Some(reservation) = self.keys.get(&key) {
            return (201, reservation.clone());
        }
        let (status, answer) = self.reserve(body, Behaviour::LosesAnswers);
        if status == 201 {
            self.keys.insert(key, answer.clone());
            if self.reservations.len().is_multiple_of(3) {
                return (503, json!({"code": "unavailable"}));
            }
        }
        (status, answer)
    }

    fn reserve(&mut self, body: &Value, behaviour: Behaviour) -> (u16, Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event: usize = text(&body["event_id"]).parse().unwrap();
        let ids: Vec<String> = body["seat_ids"].as_array().unwrap().iter().map(text).collect();
        // A seat that is named by the real layout of ids is the first.
        let seats: Vec<usize> = ids.iter().map(|id| id.parse().unwrap_or(0)).collect();
        let hall = &mut self.events[event];
        let taken: Vec<_> = seats.iter().filter(|&&seat| hall[seat].0 != "available").collect();
        if !taken.is_empty() && behaviour != Behaviour::SellsTwice {
            let conflicts: Vec<_> = taken.iter().map(|seat| json!({"seat_id": seat.to_string()})).collect();
            return (409, json!({"code": "seat_unavailable", "seq": self.seq, "conflicts": conflicts}));
        }
        let id = self.reservations.len();
        for &seat in &seats {
            hall[seat] = ("reserved", id);
        }
        self.reservations.push((event, seats));
        self.seq += 1;
        (201, json!({"id": id.to_string(), "seat_ids": ids, "seq": self.seq, "hold_of": id}))
    }

    fn end(&mut self, id: usize, from: &str, to: &'static str) -> (u16, Value) {
        let (event, seats) = &self.reservations[id];
        for &seat in seats {
            let entry = &mut self.events[*event][seat];
            if *entry == (static_name(from), id) {
                entry.0 = to;
            }
        }
        (200, json!({"id": id.to_string()}))
    }
}

fn static_name(status: &str) -> &'static str {
    if status == "reserved" { "reserved" } else { "available" }
}

async fn report(behaviour: Behaviour, arguments: &str) -> Report {
    let target = serve(behaviour).await;
    let cli = Cli::try_parse_from(["load"].into_iter().chain(arguments.split_whitespace())).unwrap();
    run(target, cli.scenario).await.unwrap()
}

fn broken(report: &Report) -> Vec<&str> {
    report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
}

const ONSALE: &str = "onsale --seats 300 --callers 20 --map-age-s 0.02 --max-s 20";

#[tokio::test]
async fn onsale_sells_out_and_everything_holds() {
    for behaviour in [Behaviour::Correct, Behaviour::ChunksAndCloses] {
        let report = report(behaviour, ONSALE).await;
        assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
        assert!(report.summary.all.done >= 150, "{}", report.to_text());
    }
}

#[tokio::test]
async fn onsale_asks_again_by_the_same_key() {
    let report = report(Behaviour::LosesAnswers, &format!("{ONSALE} --retry-s 5")).await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    let retried = report.facts.iter().find(|fact| fact.name == "retried").unwrap();
    assert!(retried.value.as_u64().unwrap() >= 50, "{}", report.to_text());
}

#[tokio::test]
async fn onsale_notices_a_double_sale() {
    let report = report(Behaviour::SellsTwice, ONSALE).await;
    assert!(broken(&report).contains(&"no seat was sold twice"), "{}", report.to_text());
}

#[tokio::test]
async fn hot_goes_on_with_the_next_event_and_ends_when_all_are_used() {
    let arguments = "hot --connections 4 --duration-s 5 --warmup-s 0.001 --events 3 --seats-per-event 100";
    let report = report(Behaviour::Correct, arguments).await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    assert!(report.facts.iter().any(|fact| fact.name == "ended early"));
    assert!((100..=150).contains(&report.summary.all.done), "{}", report.to_text());
}

#[tokio::test]
async fn hot_notices_a_server_that_breaks() {
    let report =
        report(Behaviour::Breaks, "hot --connections 2 --duration-s 0.2 --warmup-s 0.001 --events 1").await;
    assert_eq!(broken(&report), ["something was done", "no request failed"]);
    assert_eq!(report.summary.failures.keys().collect::<Vec<_>>(), ["500 internal"]);
}

#[tokio::test]
async fn steady_waits_until_every_hold_has_ended() {
    let report = report(Behaviour::Correct, "steady --rate 200 --duration-s 0.5 --hold-ttl-s 3").await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    assert_eq!(report.summary.operation("reserve").unwrap().done, 100);
    assert!(report.summary.operation("confirm").unwrap().done > 50, "{}", report.to_text());
}

#[tokio::test]
async fn steady_notices_a_hold_that_never_ends() {
    let report =
        report(Behaviour::LeaksHolds, "steady --rate 400 --duration-s 0.5 --hold-ttl-s 1 --grace-s 1").await;
    assert_eq!(broken(&report), ["every hold ended"], "{}", report.to_text());
}

#[tokio::test]
async fn browse_sees_both_kinds_of_seat_map() {
    let report = report(Behaviour::Correct, "browse --connections 2 --duration-s 0.3 --seats 50").await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    for operation in ["event", "seat map", "seat map, unchanged"] {
        assert!(report.summary.operation(operation).unwrap().done > 0, "{operation}");
    }
}

#[tokio::test]
async fn onsale_answers_also_who_comes_too_late() {
    let report = report(Behaviour::Correct, &format!("{ONSALE} --customers 1000")).await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    let reserve = report.summary.operation("reserve").unwrap();
    assert!(reserve.done + reserve.refused >= 1000, "{}", report.to_text());
}

#[tokio::test]
async fn cold_tells_first_answers_from_second_ones() {
    let report = report(Behaviour::Correct, "cold --seats 5").await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    assert_eq!(report.summary.operation("first, empty").unwrap().done, 1);
    assert_eq!(report.summary.operation("second answer").unwrap().refused, 1);
}

#[tokio::test]
async fn sweep_climbs_step_by_step() {
    let arguments =
        "sweep --from-rate 10 --to-rate 20 --factor 2 --step-s 2 --connections 8 --p99-limit-ms 5000";
    let report = report(Behaviour::Correct, arguments).await;
    assert_eq!(broken(&report), [""; 0], "{}", report.to_text());
    assert_eq!(report.curve.points.len(), 2);
}

#[tokio::test]
async fn k6_runs_its_hundred_users() {
    let report = report(Behaviour::Correct, "k6 --time-scale 0.01 --think-s 0.2 --seats 200").await;
    // How quick the fake is on a busy machine is nothing to test.
    let broken: Vec<_> = broken(&report).into_iter().filter(|name| *name != "p95 below 500 ms").collect();
    assert_eq!(broken, [""; 0], "{}", report.to_text());
    for operation in ["list events", "list seats", "reserve"] {
        let operation = report.summary.operation(operation).unwrap();
        assert!(operation.done + operation.refused >= 100, "{}", report.to_text());
    }
}
