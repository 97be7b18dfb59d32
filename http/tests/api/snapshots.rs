//! Problem documents, as a client sees them, whole: what changes one of them changes the snapshot.

use engine::testing::InjectedFault;
use serde_json::{Value, json};

use crate::helpers::{ADMIN, Answer, TestServer, USER, new_event};

const UNKNOWN: &str = "/api/v1/reservations/00000000-0000-4000-8000-00000000ffff";

/// An id is another one in each run.
fn without_ids(text: &str) -> String {
    let is_id =
        |word: &str| word.len() == 36 && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let mut shown = String::new();
    for word in text.split_inclusive(|c: char| !(c.is_ascii_hexdigit() || c == '-')) {
        let (id, rest) = word.split_at(word.len().min(36));
        shown += &if is_id(id) { format!("[id]{rest}") } else { word.to_owned() };
    }
    shown
}

fn document(answer: &Answer) -> String {
    let mut problem = answer.json();
    problem["request_id"] = Value::from("[request id]");
    let retry_after = answer.header("retry-after").map(|seconds| format!(" (retry after {seconds} s)"));
    let text = serde_json::to_string_pretty(&problem).expect("JSON");
    format!("{}{}\n{text}\n", answer.status.as_u16(), retry_after.unwrap_or_default())
}

#[actix_web::test]
async fn problem_documents_are_these() {
    let server = TestServer::start().await;
    let event_id = server.event(2).await;
    let seats = server.seats(&event_id).await;
    let held = server.reserved(&event_id, &seats[..1]).await;
    let event_path = format!("/api/v1/events/{event_id}");
    let mut answers = vec![
        ("a seat that is taken", server.reserve(&event_id, &seats[..1]).await),
        ("no seats", server.reserve(&event_id, &[]).await),
        ("no such reservation", server.get(UNKNOWN, Some(USER)).await),
        ("no key", server.get(UNKNOWN, None).await),
        ("a user's key", server.post("/api/v1/events", Some(USER), &new_event(json!({}))).await),
        ("two mistakes", {
            let event = new_event(json!({"name": "", "end_at": "2020-01-01T00:00:00Z"}));
            server.post("/api/v1/events", Some(ADMIN), &event).await
        }),
        ("not the type", {
            let event = new_event(json!({"total_seats": "20"}));
            server.post("/api/v1/events", Some(ADMIN), &event).await
        }),
        ("a wrong method", server.post(&event_path, Some(ADMIN), &json!({})).await),
    ];
    server.act(&held, "cancel").await;
    answers.push(("a cancelled reservation", server.act(&held, "confirm").await));
    server.store.inject(InjectedFault::Aborted);
    answers.push(("an aborted batch", server.reserve(&event_id, &seats[..1]).await));
    server.store.inject(InjectedFault::UnknownWrittenThenDown);
    answers.push(("an unknown outcome", server.reserve(&event_id, &seats[..1]).await));
    server.store.set_down(false);
    let shown = answers.iter().map(|(name, answer)| format!("# {name}\n{}", document(answer)));
    insta::assert_snapshot!(without_ids(&shown.collect::<Vec<_>>().join("\n")));
    server.stop().await;
}
