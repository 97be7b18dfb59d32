//! What is refused, and how: the rows of the contract's table that no other file has.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::helpers::{ADMIN, TestServer, USER, USER_ID, new_event, with_key};

const UNKNOWN: &str = "00000000-0000-4000-8000-00000000ffff";

#[actix_web::test]
async fn malformed_bodies_are_400_and_name_the_field() {
    let server = TestServer::start().await;
    for (path, key, body, named) in [
        ("/api/v1/events", ADMIN, "{".to_owned(), "line 1"),
        ("/api/v1/events", ADMIN, "[]".to_owned(), "a JSON object"),
        ("/api/v1/events", ADMIN, new_event(json!({"colour": "red"})).to_string(), "colour"),
        ("/api/v1/events", ADMIN, new_event(json!({"name": null})).to_string(), "name"),
        ("/api/v1/events", ADMIN, new_event(json!({"total_seats": "20"})).to_string(), "total_seats"),
        ("/api/v1/events", ADMIN, new_event(json!({"start_at": "tomorrow"})).to_string(), "start_at"),
        ("/api/v1/reservations", USER, json!({"seat_ids": [UNKNOWN]}).to_string(), "event_id"),
        ("/api/v1/reservations", USER, json!({"event_id": "x", "seat_ids": []}).to_string(), "event_id"),
        (
            "/api/v1/reservations",
            USER,
            json!({"event_id": UNKNOWN, "seat_ids": ["x"]}).to_string(),
            "seat_ids[0]",
        ),
        (
            "/api/v1/reservations",
            USER,
            json!({"event_id": UNKNOWN, "seat_ids": [UNKNOWN], "seats": 2}).to_string(),
            "seats",
        ),
    ] {
        let headers = [("x-api-key", key), ("content-type", "application/json; charset=utf-8")];
        let answer = server.send(Method::POST, path, &headers, Some(body.clone().into_bytes())).await;
        let problem = answer.problem(400, "malformed_request");
        assert!(problem["detail"].as_str().expect("text").contains(named), "{body}: {problem}");
        assert_eq!(problem["instance"], path);
    }
    server.stop().await;
}

#[actix_web::test]
async fn bodies_must_be_json_and_not_too_large() {
    let server = TestServer::start_with(|config| config.max_body_bytes = 1_000).await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let headers = [("x-api-key", USER), ("content-type", content_type)];
        let answer = server.send(Method::POST, "/api/v1/reservations", &headers, Some(b"{}".to_vec())).await;
        answer.problem(415, "unsupported_media_type");
    }
    server
        .send(Method::POST, "/api/v1/reservations", &with_key(Some(USER)), None)
        .await
        .problem(415, "unsupported_media_type");
    let long = json!({"event_id": UNKNOWN, "seat_ids": [], "idempotency_key": "k".repeat(1_000)});
    server.post("/api/v1/reservations", Some(USER), &long).await.problem(413, "body_too_large");
    server.stop().await;
}

#[actix_web::test]
async fn an_array_is_no_object() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    let seats = server.seats(&event_id).await;
    let by_position = json!([event_id, [seats[0]], null, null]);
    let refused = server.post("/api/v1/reservations", Some(USER), &by_position).await;
    let problem = refused.problem(400, "malformed_request");
    assert!(problem["detail"].as_str().expect("text").contains("a JSON object"), "{problem}");
    let event = new_event(json!({"total_seats": null, "price": null, "sections": [["Arena", 1, 1, 5]]}));
    let problem = server.post("/api/v1/events", Some(ADMIN), &event).await.problem(400, "malformed_request");
    assert!(problem["detail"].as_str().expect("text").contains("sections[0]"), "{problem}");
    server.stop().await;
}

#[actix_web::test]
async fn what_is_not_understood_is_refused() {
    let server = TestServer::start().await;
    let event_id = server.event(3).await;
    let seats = server.seats(&event_id).await;
    let id = server.reserved(&event_id, &seats).await;
    let one_seat = json!({"seat_ids": [seats[0]]});
    let cancel = format!("/api/v1/reservations/{id}/cancel");
    server.post(&cancel, Some(USER), &one_seat).await.problem(400, "malformed_request");
    for (method, path, key) in [
        (Method::POST, format!("{cancel}?dry_run=1"), USER),
        (Method::POST, format!("/api/v1/reservations/{id}/confirm?x"), USER),
        (Method::GET, format!("/api/v1/reservations/{id}?fields=id"), USER),
        (Method::DELETE, format!("/api/v1/events/{event_id}?force=true"), ADMIN),
        (Method::GET, format!("/api/v1/events/{event_id}?lang=en"), ADMIN),
    ] {
        let answer = server.send(method, &path, &with_key(Some(key)), None).await;
        answer.problem(400, "malformed_request");
    }
    let path = format!("/api/v1/reservations/{id}");
    let shown = server.get(&path, Some(USER)).await.json();
    assert_eq!((&shown["status"], &shown["seat_ids"]), (&json!("pending"), &json!(seats)));
    assert_eq!(
        server.post(&cancel, Some(USER), &json!({})).await.status,
        200,
        "an empty object says nothing"
    );
    let id = server.reserved(&event_id, &seats).await;
    let confirm = format!("/api/v1/reservations/{id}/confirm");
    assert_eq!(server.post(&confirm, Some(USER), &json!(null)).await.status, 200, "nor does null");
    server.stop().await;
}

#[actix_web::test]
async fn ids_that_lead_nowhere_are_404_of_their_kind() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    for id in [UNKNOWN, "x", "%00", "0"] {
        server.get(&format!("/api/v1/events/{id}"), None).await.problem(404, "event_not_found");
        server.get(&format!("/api/v1/events/{id}/seats"), None).await.problem(404, "event_not_found");
        let path = format!("/api/v1/reservations/{id}");
        server.get(&path, Some(USER)).await.problem(404, "reservation_not_found");
        server.act(id, "confirm").await.problem(404, "reservation_not_found");
    }
    server
        .get(&format!("/api/v1/reservations/{event_id}"), Some(USER))
        .await
        .problem(404, "reservation_not_found");
    server.get("/api/v1/nothing", None).await.problem(404, "not_found");
    server.get("/", None).await.problem(404, "not_found");
    server.stop().await;
}

#[actix_web::test]
async fn seats_of_elsewhere_are_404_by_name() {
    let server = TestServer::start().await;
    let (here, there) = (server.event(2).await, server.event(2).await);
    let (ours, theirs) = (server.seats(&here).await, server.seats(&there).await);
    let problem = server
        .reserve(&here, &[ours[0].clone(), theirs[0].clone(), UNKNOWN.to_owned()])
        .await
        .problem(404, "seat_not_found");
    let detail = problem["detail"].as_str().expect("text");
    assert!(
        detail.contains(&theirs[0]) && detail.contains(UNKNOWN) && !detail.contains(&ours[0]),
        "{detail}"
    );
    server.reserve(UNKNOWN, &ours[..1]).await.problem(404, "event_not_found");
    let seat = ours[0].replacen("00000000-0001", "00000000-0003", 1);
    let problem = server.reserve(&here, std::slice::from_ref(&seat)).await.problem(404, "seat_not_found");
    assert!(problem["detail"].as_str().expect("text").contains(&seat), "{problem}");
    assert!(problem["seq"].is_u64(), "{problem}");
    server.stop().await;
}

#[actix_web::test]
async fn a_method_that_a_path_does_not_know_is_405() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    for (method, path, allow) in [
        (Method::PUT, "/api/v1/events".to_owned(), "GET, HEAD, POST"),
        (Method::POST, format!("/api/v1/events/{event_id}"), "GET, HEAD, PATCH, DELETE"),
        (Method::GET, "/api/v1/reservations".to_owned(), "POST"),
        (Method::DELETE, "/livez".to_owned(), "GET, HEAD"),
        (Method::OPTIONS, format!("/api/v1/users/{USER_ID}/reservations"), "GET, HEAD"),
    ] {
        let answer = server.send(method, &path, &[], None).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_reservation_must_obey_the_rules() {
    let server = TestServer::start().await;
    let event_id = server.event_with(json!({"max_seats_per_reservation": 2})).await;
    let seats = server.seats(&event_id).await;
    let long_key = "k".repeat(256);
    for (body, field) in [
        (json!({"seat_ids": []}), "seat_ids"),
        (json!({"seat_ids": [seats[0], seats[0]]}), "seat_ids"),
        (json!({"seat_ids": seats[..3]}), "seat_ids"),
        (json!({"seat_ids": [seats[0]], "idempotency_key": ""}), "idempotency_key"),
        (json!({"seat_ids": [seats[0]], "idempotency_key": "a b"}), "idempotency_key"),
        (json!({"seat_ids": [seats[0]], "idempotency_key": long_key}), "idempotency_key"),
    ] {
        let mut body = body;
        body["event_id"] = json!(event_id);
        let problem =
            server.post("/api/v1/reservations", Some(USER), &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    let body = json!({"event_id": event_id, "seat_ids": [seats[0]]});
    let problem =
        server.post("/api/v1/reservations", Some(ADMIN), &body).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "user_id");
    let event = server.get(&format!("/api/v1/events/{event_id}"), None).await.json();
    assert_eq!((&event["reserved_seats"], &event["version"]), (&json!(0), &json!(0)));
    server.stop().await;
}

#[actix_web::test]
async fn what_is_over_cannot_be_reserved() {
    let server = TestServer::start().await;
    let event_id = server
        .event_with(
            json!({"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-02T00:00:00Z", "allow_past": true}),
        )
        .await;
    let seats = server.seats(&event_id).await;
    server.reserve(&event_id, &seats[..1]).await.problem(409, "event_ended");
    server.stop().await;
}

#[actix_web::test]
async fn a_handler_that_panics_is_a_500_and_the_server_goes_on() {
    async fn panics() -> HttpResponse {
        panic!("as this test wants it")
    }
    let server = TestServer::start_with_api(|api| {
        api.route("/events", web::get().to(panics));
    })
    .await;
    for _ in 0..3 {
        let answer = server.get("/api/v1/events", Some(USER)).await;
        answer.problem(500, "internal");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    assert_eq!(server.get("/livez", None).await.status, 200);
    server.stop().await;
}
