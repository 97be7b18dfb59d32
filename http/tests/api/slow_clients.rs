//! Clients that are slow, by accident or not: each of them costs a connection, for a bounded time.

use std::time::Duration;

use crate::helpers::{TestServer, USER};
use crate::raw::Raw;

const GET: &str = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
const ENDLESS_HEADER: &str = "x-slow: and slower\r\n";

fn post(key: &str, body: &str) -> String {
    format!(
        "POST /api/v1/reservations HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\nx-request-id: slow-1\r\n\
         content-type: application/json\r\n{body}"
    )
}

fn bodies() -> [&'static str; 2] {
    ["transfer-encoding: chunked\r\n\r\n", "content-length: 100000\r\n\r\n"]
}

async fn server() -> TestServer {
    TestServer::start_with(|config| {
        config.header_timeout_ms = 400;
        config.request_timeout_ms = 400;
    })
    .await
}

#[track_caller]
fn assert_in_time(took: Duration) {
    assert!((350..3_000).contains(&took.as_millis()), "{took:?}");
}

#[actix_web::test]
async fn a_head_that_drips_in_is_cut_off_on_a_fresh_connection_and_on_a_kept_one() {
    let server = server().await;
    let mut fresh = Raw::connect(server.address).await;
    fresh.send("GET /livez HTTP/1.1\r\n").await;
    let (said, took) = fresh.drip(ENDLESS_HEADER).await;
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"request_timeout\""), "{said}");
    assert_in_time(took);
    let (said, took) = Raw::connect(server.address).await.drip("").await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert_in_time(took);
    let mut kept = Raw::connect(server.address).await;
    for _ in 0..2 {
        kept.send(GET).await;
        assert!(kept.answer().await.starts_with("HTTP/1.1 200 "));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    kept.send("GET /livez HTTP/1.1\r\n").await;
    let (said, took) = kept.drip(ENDLESS_HEADER).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert_in_time(took);
    server.stop().await;
}

#[actix_web::test]
async fn a_body_that_drips_in_is_408_and_the_connection_closes() {
    let server = server().await;
    for (body, drip) in bodies().into_iter().zip(["1\r\n \r\n", " "]) {
        let mut client = Raw::connect(server.address).await;
        client.send(GET).await;
        client.answer().await;
        client.send(&post(USER, body)).await;
        let (said, took) = client.drip(drip).await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        for part in ["\"code\":\"request_timeout\"", "connection: close", "\"request_id\":\"slow-1\""] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert_in_time(took);
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let server = server().await;
    let not_json = post(USER, "").replace("application/json", "text/plain");
    for (body, drip) in bodies().into_iter().zip(["1\r\n \r\n", " "]) {
        for (request, status) in [
            (post("a-key-that-is-not-known", body), 401),
            (format!("{not_json}{body}"), 415),
            (post(USER, "content-encoding: br\r\n") + body, 415),
            (post(USER, body).replacen("/reservations", "/nowhere", 1), 404),
        ] {
            let mut client = Raw::connect(server.address).await;
            client.send(&request).await;
            let (said, took) = client.drip(drip).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
            assert!(said.contains("connection: close"), "{said}");
            assert!(took < Duration::from_secs(3), "{took:?}");
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_body_in_chunks_that_was_read_leaves_the_connection_open() {
    let server = server().await;
    let mut client = Raw::connect(server.address).await;
    for _ in 0..2 {
        client.send(&post(USER, "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")).await;
        let said = client.answer().await;
        assert!(said.starts_with("HTTP/1.1 400 ") && !said.contains("connection: close"), "{said}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn requests_sent_ahead_are_all_answered() {
    let server = server().await;
    let mut client = Raw::connect(server.address).await;
    client.send(&(GET.repeat(500) + "GET /livez HTTP/1.1\r\n")).await;
    let (said, took) = client.drip(ENDLESS_HEADER).await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 500);
    assert_in_time(took);
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_reads_nothing_is_closed_and_its_seat_map_let_go() {
    let server = TestServer::start_with(|config| config.answer_timeout_ms = 8_000).await;
    let id = server.event(200_000).await;
    let seat = format!("00000000-0001-8000-{}", &id[19..]);
    let path = format!("/api/v1/events/{id}/seats");
    let whole = server.get(&path, None).await.bytes.len();
    let one = server.state.memory.taken();
    assert!((whole..whole + whole / 4).contains(&one), "{one} bytes of {whole}");
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = Raw::connect(server.address).await;
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.state.memory.taken(), one, "all share one map");
    server.reserved(&id, &[seat]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.get(&path, None).await;
    assert!(server.state.memory.taken() > one + whole, "what is out of date but under way is counted");
    for client in &mut clients {
        client.until_closed().await;
    }
    assert!(server.state.memory.taken() < one + whole, "it is not let go of");
    server.stop().await;
}

#[actix_web::test]
async fn what_does_not_fit_beside_the_answers_under_way_is_503() {
    let server = TestServer::start_with(|config| config.max_answer_bytes = 400_000).await;
    let path = |id| format!("/api/v1/events/{id}/seats");
    let (small, large) = (server.event(100).await, server.event(4_000).await);
    let refused = server.get(&path(large), None).await;
    refused.problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(server.get(&path(small), None).await.status, 200);
    server.stop().await;
}

/// What a command did is never called undone for want of room for its answer; nor is the server called dead.
#[actix_web::test]
async fn without_any_room_commands_and_health_are_answered() {
    let server = TestServer::start_with(|config| config.max_answer_bytes = 1).await;
    let id = server.event(1).await;
    assert_eq!(server.get("/livez", None).await.status, 200);
    let event = server.get(&format!("/api/v1/events/{id}"), None).await;
    assert_eq!(event.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn an_address_has_so_many_connections() {
    let server = TestServer::start_with(|config| config.max_connections_per_address = 2).await;
    let mut first = Raw::connect(server.address).await;
    let mut second = Raw::connect(server.address).await;
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        client.answer().await;
    }
    assert!(Raw::connect(server.address).await.hears_nothing().await);
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut third = Raw::connect(server.address).await;
    third.send(GET).await;
    assert!(third.answer().await.starts_with("HTTP/1.1 200 "));
    drop((second, third));
    server.stop().await;
}
