//! What callers hear when something broke, for every call and fault: whether it is safe to repeat, by the
//! key, or to look first.

use actix_web::http::Method;
use engine::testing::InjectedFault;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::helpers::{ADMIN, Answer, TestServer, USER, new_event};

const NOTHING_DONE: &str = "safe to repeat: nothing was done";
const HARMLESS: &str = "safe to repeat: done twice is the same as done once";
const READS: &str = "safe to repeat: it changes nothing";
const BY_KEY: &str = "repeat it with the same idempotency key";
const LOOK_FIRST: &str = "look first (GET /api/v1/";

/// A call, what it does, and what is heard of it if it is not known what was done.
const CALLS: [(&str, &str); 13] = [
    ("create_event", LOOK_FIRST),
    ("create_event by key", BY_KEY),
    ("reserve", LOOK_FIRST),
    ("reserve by key", BY_KEY),
    ("reserve by key in the body", BY_KEY),
    ("confirm", HARMLESS),
    ("cancel", HARMLESS),
    ("extend by key", HARMLESS),
    ("amend", HARMLESS),
    ("delete", HARMLESS),
    ("get event", READS),
    ("get reservation", READS),
    ("list events", READS),
];

/// Something to call about.
struct Stage {
    server: TestServer,
    event_id: String,
    empty_event_id: String,
    seats: Vec<String>,
    reservation_id: String,
}

impl Stage {
    async fn new(request_timeout_ms: u64) -> Self {
        let server = TestServer::start_with(|config| config.request_timeout_ms = request_timeout_ms).await;
        let (event_id, empty_event_id) = (server.event(3).await, server.event(1).await);
        let seats = server.seats(&event_id).await;
        let reservation_id = server.reserved(&event_id, &seats[..1]).await;
        server.clock.advance_s(1);
        Self { server, event_id, empty_event_id, seats, reservation_id }
    }

    async fn call(&self, call: &str) -> Answer {
        let event = format!("/api/v1/events/{}", self.event_id);
        let reservation = format!("/api/v1/reservations/{}", self.reservation_id);
        let mut seats = json!({"event_id": self.event_id, "seat_ids": self.seats[1..2]});
        if call.ends_with("in the body") {
            seats["idempotency_key"] = json!("key-1");
        }
        let amended = json!({"name": "Encore"});
        let (method, path, key, body) = match call {
            call if call.starts_with("create") => {
                (Method::POST, "/api/v1/events".to_owned(), ADMIN, Some(new_event(json!({}))))
            }
            call if call.starts_with("reserve") => {
                (Method::POST, "/api/v1/reservations".to_owned(), USER, Some(seats))
            }
            "confirm" | "cancel" | "extend by key" => {
                let action = call.split(' ').next().expect("a word");
                (Method::POST, format!("{reservation}/{action}"), USER, None)
            }
            "amend" => (Method::PATCH, event, ADMIN, Some(amended)),
            "delete" => (Method::DELETE, format!("/api/v1/events/{}", self.empty_event_id), ADMIN, None),
            // Of an event in memory nothing is asked of the store.
            "get event" => (Method::GET, format!("/api/v1/events/{}", self.empty_event_id), USER, None),
            "get reservation" => (Method::GET, reservation, USER, None),
            "list events" => (Method::GET, "/api/v1/events".to_owned(), USER, None),
            other => panic!("{other}"),
        };
        let mut headers = vec![("x-api-key", key), ("content-type", "application/json")];
        if call.ends_with("by key") {
            headers.push(("idempotency-key", "key-1"));
        }
        self.server.send(method, &path, &headers, body.map(|body: Value| body.to_string().into())).await
    }
}

fn detail(answer: &Answer) -> String {
    let problem = answer.problem(503, "unavailable");
    problem["detail"].as_str().expect("text").to_owned()
}

/// None says that nothing was done unless that is certain, and each says one thing.
fn assert_says(detail: &str, expected: &str, of: &str) {
    for words in [NOTHING_DONE, HARMLESS, READS, BY_KEY, LOOK_FIRST] {
        assert_eq!(detail.contains(words), words == expected, "{of}: {detail}");
    }
    assert_eq!(detail.contains("nothing was done"), expected == NOTHING_DONE, "{of}: {detail}");
}

#[actix_web::test]
async fn what_certainly_had_no_effect_is_safe_to_repeat() {
    for (call, unknown) in CALLS {
        let stage = Stage::new(10_000).await;
        let is_read = unknown == READS;
        if is_read {
            stage.server.store.set_down(true);
        } else {
            stage.server.store.inject(InjectedFault::Aborted);
        }
        assert_says(&detail(&stage.call(call).await), if is_read { READS } else { NOTHING_DONE }, call);
        stage.server.store.set_down(true);
        let down = stage.call(call).await;
        assert_says(&detail(&down), if is_read { READS } else { NOTHING_DONE }, call);
        stage.server.store.set_down(false);
        stage.server.stop().await;
    }
}

#[actix_web::test]
async fn of_what_is_not_known_nobody_says_that_nothing_was_done() {
    // At once, since the owner looks for what became of a batch for some seconds.
    join_all(CALLS.into_iter().filter(|(_, unknown)| *unknown != READS).map(|(call, unknown)| async move {
        let stage = Stage::new(10_000).await;
        stage.server.store.inject(InjectedFault::UnknownWrittenThenDown);
        assert_says(&detail(&stage.call(call).await), unknown, call);
        stage.server.store.set_down(false);
        // What is advised comes to a good end.
        let again = stage.call(call).await;
        let is_done = match call {
            "delete" => again.status == 404,
            "reserve" => again.json()["conflicts"][0]["reason"] == "yours",
            _ => again.status.is_success(),
        };
        assert!(is_done, "{call}: {again:?}");
        let is_replay = unknown == BY_KEY;
        assert_eq!(again.header("idempotent-replayed"), is_replay.then_some("true"), "{call}");
        stage.server.stop().await;
    }))
    .await;
}

#[actix_web::test]
async fn what_takes_too_long_may_have_been_done() {
    // A new event is not an append.
    for (call, unknown) in
        CALLS.into_iter().filter(|(call, unknown)| *unknown != READS && !call.starts_with("create"))
    {
        let stage = Stage::new(300).await;
        stage.server.store.hold_appends();
        let late = stage.call(call).await;
        assert_says(&detail(&late), unknown, call);
        stage.server.store.release_appends();
        stage.server.stop().await;
    }
}
