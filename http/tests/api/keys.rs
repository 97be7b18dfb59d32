//! `Idempotency-Key` on the calls that make or change something, but for reservations, which are in
//! `reservations.rs`.

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::helpers::{ADMIN, Answer, TestServer, USER, new_event};

async fn create(server: &TestServer, key: &str, body: &Value) -> Answer {
    let headers = [("x-api-key", ADMIN), ("content-type", "application/json"), ("idempotency-key", key)];
    server.send(Method::POST, "/api/v1/events", &headers, Some(body.to_string().into_bytes())).await
}

#[actix_web::test]
async fn a_key_makes_one_event() {
    let server = TestServer::start().await;
    let body = new_event(json!({}));
    let first = create(&server, "event-1", &body).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, None));
    let again = create(&server, "\"event-1\"", &body).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("location"), first.header("location"));

    let other = new_event(json!({"name": "Another"}));
    create(&server, "event-1", &other).await.problem(422, "idempotency_key_reused");
    assert_eq!(create(&server, "event-2", &other).await.status, 201);
    create(&server, "a b", &body).await.problem(422, "validation_failed");
    assert_eq!(server.get("/api/v1/events", None).await.ids().len(), 2);

    let path = first.header("location").expect("a path").to_owned();
    let changed = server.send_json(Method::PATCH, &path, Some(ADMIN), &json!({"name": "Encore"})).await;
    assert_eq!(changed.status, 200);
    assert_eq!(create(&server, "event-1", &body).await.json()["name"], "Encore", "as it is now");
    assert_eq!(server.send(Method::DELETE, &path, &[("x-api-key", ADMIN)], None).await.status, 204);
    create(&server, "event-1", &body).await.problem(404, "event_not_found");
    server.stop().await;
}

#[actix_web::test]
async fn equal_keys_at_once_make_one_event() {
    let server = TestServer::start().await;
    let body = new_event(json!({}));
    let answers = join_all((0..10).map(|_| create(&server, "event-1", &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let made = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none());
    assert_eq!(made.count(), 1);
    assert_eq!(server.get("/api/v1/events", None).await.ids().len(), 1);
    server.stop().await;
}

#[actix_web::test]
async fn every_change_takes_a_key_of_the_right_form() {
    let server = TestServer::start().await;
    let event_id = server.event(2).await;
    let seats = server.seats(&event_id).await;
    let id = server.reserved(&event_id, &seats[..1]).await;
    server.clock.advance_s(1);
    let reservation =
        |action: &str| (Method::POST, format!("/api/v1/reservations/{id}/{action}"), USER, None);
    let event = format!("/api/v1/events/{event_id}");
    for (method, path, api_key, body) in [
        reservation("extend"),
        reservation("confirm"),
        reservation("cancel"),
        (Method::PATCH, event.clone(), ADMIN, Some(b"{\"name\": \"Encore\"}".to_vec())),
        (Method::DELETE, event, ADMIN, None),
    ] {
        for (key, status) in [("a b", 422), ("", 422), ("key-1", 200)] {
            let headers =
                [("x-api-key", api_key), ("content-type", "application/json"), ("idempotency-key", key)];
            let answer = server.send(method.clone(), &path, &headers, body.clone()).await;
            match status {
                422 => assert_eq!(
                    answer.problem(422, "validation_failed")["errors"][0]["field"],
                    "idempotency_key"
                ),
                _ => assert!(answer.status.is_success(), "{method} {path}: {answer:?}"),
            }
        }
    }
    server.stop().await;
}
