//! What protects the server: rate, time and queue limits.

use std::time::Duration;

use futures_util::future::join_all;

use crate::helpers::{ADMIN, TestServer, USER, USER_ID};

#[actix_web::test]
async fn one_request_too_many_is_429_for_that_key_only() {
    let server = TestServer::start_with(|config| config.rate_limit_per_s = Some(3)).await;
    let path = format!("/api/v1/users/{USER_ID}/reservations");
    for _ in 0..3 {
        assert_eq!(server.get(&path, Some(USER)).await.status, 200);
    }
    let refused = server.get(&path, Some(USER)).await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(server.get(&path, Some(ADMIN)).await.status, 200);
    assert_eq!(server.get("/api/v1/events", None).await.status, 200);
    for path in ["/livez", "/readyz", "/health", "/metrics", "/api/v1/health", "/api/v1/metrics"] {
        assert_eq!(server.get(path, Some(USER)).await.status, 200, "{path} is not counted");
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(server.get(&path, Some(USER)).await.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn a_store_that_does_not_answer_ends_in_503() {
    let server = TestServer::start_with(|config| config.request_timeout_ms = 300).await;
    let event_id = server.event(1).await;
    let seats = server.seats(&event_id).await;
    server.store.hold_appends();
    let answer = server.reserve(&event_id, &seats).await;
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.store.release_appends();
    server.store.set_down(true);
    server.get("/api/v1/events", None).await.problem(503, "unavailable");
    server.store.set_down(false);
    server.stop().await;
}

#[actix_web::test]
async fn a_full_queue_is_503_at_once() {
    let server = TestServer::start_with(|config| {
        config.queue_per_event = 2;
        config.request_timeout_ms = 2_000;
    })
    .await;
    let event_id = server.event(10).await;
    let seats = server.seats(&event_id).await;
    server.store.hold_appends();
    let calls = join_all((0..6).map(|seat| server.reserve(&event_id, &seats[seat..=seat])));
    let release = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.store.release_appends();
    };
    let (answers, ()) = futures_util::join!(calls, release);
    let overloaded: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert_eq!(overloaded.len(), 4, "{answers:?}");
    for answer in overloaded {
        answer.problem(503, "overloaded");
        assert!(answer.header("retry-after").is_some());
    }
    server.stop().await;
}
