//! What those who run the server see of it.

use std::time::Duration;

use actix_web::http::Method;
use serde_json::json;

use crate::helpers::{TestServer, USER, USER_ID};

#[actix_web::test]
async fn health_tells_of_each_part() {
    let server = TestServer::start().await;
    for path in ["/api/v1/health", "/health"] {
        let healthy = server.get(path, None).await;
        let expected = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "store": "ok", "lease": "ok",
            "stopping": false, "live_events": 0});
        assert_eq!((healthy.status.as_u16(), healthy.json()), (200, expected));
    }
    server.store.set_down(true);
    // As of a second ago at most.
    actix_web::rt::time::sleep(Duration::from_millis(1_050)).await;
    let ill = server.get("/api/v1/health", None).await;
    assert_eq!((ill.status.as_u16(), &ill.json()["store"]), (503, &json!("down")));
    assert_eq!(ill.json()["status"], "unavailable");
    assert!(ill.header("retry-after").is_some());
    server.store.set_down(false);
    server.stop().await;
}

#[actix_web::test]
async fn a_stopping_server_is_unready_but_answers() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/readyz", None).await.status, 200);
    server.state.begin_stop();
    server.get("/readyz", None).await.problem(503, "unavailable");
    assert_eq!(server.get("/livez", None).await.status, 200);
    assert_eq!(server.get("/api/v1/events", None).await.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn a_request_keeps_its_id() {
    let server = TestServer::start().await;
    let long = "x".repeat(129);
    for (given, kept) in [("order-4711", true), ("a b", false), (long.as_str(), false)] {
        for path in ["/api/v1/events", "/api/v1/nothing", "/livez"] {
            let answer = server.send(Method::GET, path, &[("x-request-id", given)], None).await;
            let id = answer.header("x-request-id").expect("an id");
            assert_eq!(id == given, kept, "{given}: {id}");
        }
    }
    let made = server.get("/livez", None).await;
    assert!(made.header("x-request-id").is_some_and(|id| !id.is_empty()));
    server.stop().await;
}

#[actix_web::test]
async fn metrics_are_by_template_and_described() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    let seats = server.seats(&event_id).await;
    server.reserved(&event_id, &seats).await;
    server.get(&format!("/api/v1/users/{USER_ID}/reservations"), Some(USER)).await;
    server.send(Method::from_bytes(b"BREW").expect("a method"), "/coffee", &[], None).await;
    let answer = server.get("/metrics", None).await;
    assert!(answer.header("content-type").is_some_and(|media_type| media_type.starts_with("text/plain")));
    let text = String::from_utf8(answer.bytes).expect("text");
    for part in [
        "# HELP holdfast_http_requests_total ",
        "# TYPE holdfast_http_request_seconds histogram",
        "holdfast_http_requests_total{route=\"/api/v1/reservations\",method=\"POST\",status=\"201\"}",
        "holdfast_http_requests_total{route=\"/api/v1/events/{id}/seats\",method=\"GET\",status=\"200\"}",
        "holdfast_http_requests_total{route=\"other\",method=\"other\",status=\"404\"}",
        "holdfast_http_request_seconds_bucket{route=\"/api/v1/users/{id}/reservations\",method=\"GET\",le=\"0.064\"}",
        "# TYPE holdfast_batch_seconds histogram",
        "holdfast_changes_total{change=\"reserved\"}",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains(&event_id), "a label for each event would never end");
    assert_eq!(server.get("/api/v1/metrics", None).await.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn every_metric_is_explained() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    let seats = server.seats(&event_id).await;
    let id = server.reserved(&event_id, &seats).await;
    server.act(&id, "confirm").await;
    server.reserve(&event_id, &seats).await.problem(409, "seat_unavailable");
    let text = String::from_utf8(server.get("/metrics", None).await.bytes).expect("text");
    let page = include_str!("../../../docs/metrics.md");
    let mut names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    names.retain(|line| !page.contains(&format!("`{}`", line.split(' ').next().unwrap_or_default())));
    assert!(names.is_empty(), "not in docs/metrics.md: {names:?}");
    server.stop().await;
}
