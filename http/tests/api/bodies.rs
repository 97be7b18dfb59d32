//! Bodies of requests: their encoding and their size.

use std::io::Write;

use actix_web::http::Method;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::helpers::{ADMIN, Answer, TestServer, USER, new_event};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

async fn send(server: &TestServer, path: &str, key: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let headers = [("x-api-key", key), ("content-type", "application/json"), ("content-encoding", encoding)];
    server.send(Method::POST, path, &headers, Some(body)).await
}

#[actix_web::test]
async fn a_body_in_gzip_is_inflated() {
    let server = TestServer::start().await;
    let event = new_event(json!({"name": "Packed"})).to_string();
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        let made = send(&server, "/api/v1/events", ADMIN, encoding, gzip(event.as_bytes())).await;
        assert_eq!((made.status.as_u16(), &made.json()["name"]), (201, &json!("Packed")));
    }
    let plain = send(&server, "/api/v1/events", ADMIN, "identity", event.clone().into_bytes()).await;
    assert_eq!(plain.status, 201);

    let event_id = server.event(2).await;
    let seats = server.seats(&event_id).await;
    let body = json!({"event_id": event_id, "seat_ids": seats}).to_string();
    let held = send(&server, "/api/v1/reservations", USER, "gzip", gzip(body.as_bytes())).await;
    assert_eq!(held.status, 201, "{held:?}");
    let path = format!("/api/v1/reservations/{}/confirm", held.json()["id"].as_str().expect("an id"));
    assert_eq!(send(&server, &path, USER, "gzip", gzip(b"{}")).await.status, 200, "an empty object");
    server.stop().await;
}

#[actix_web::test]
async fn a_body_is_bounded_after_it_was_inflated() {
    let server = TestServer::start_with(|config| config.max_body_bytes = 2_000).await;
    let bomb = gzip(&vec![b' '; 1_000_000]);
    assert!(bomb.len() < 2_000);
    send(&server, "/api/v1/reservations", USER, "gzip", bomb).await.problem(413, "body_too_large");
    // Where the seating plan of a stadium may come, an administrator has more room.
    let bomb = gzip(&vec![b' '; 17 * 1024 * 1024]);
    send(&server, "/api/v1/events", ADMIN, "gzip", bomb).await.problem(413, "body_too_large");
    let fits = format!("{:2000}", new_event(json!({})).to_string());
    let made = send(&server, "/api/v1/events", ADMIN, "gzip", gzip(fits.as_bytes())).await;
    assert_eq!(made.status, 201, "{made:?}");
    let broken = &gzip(fits.as_bytes())[..40];
    for body in [broken.to_vec(), b"{}".to_vec()] {
        send(&server, "/api/v1/events", ADMIN, "gzip", body).await.problem(400, "malformed_request");
    }
    server.stop().await;
}

#[actix_web::test]
async fn an_encoding_that_is_not_known_is_named() {
    let server = TestServer::start().await;
    for encoding in ["br", "deflate", "gzip, gzip"] {
        let refused = send(&server, "/api/v1/events", ADMIN, encoding, b"{}".to_vec()).await;
        let problem = refused.problem(415, "unsupported_media_type");
        let detail = problem["detail"].as_str().expect("text");
        assert!(detail.contains(encoding) && detail.contains("Content-Encoding"), "{detail}");
        assert_eq!(refused.header("accept-encoding"), Some("gzip, identity"));
    }
    server.stop().await;
}
