//! The seats of an event.

use std::io::Read;

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::json;

use crate::helpers::{TestServer, USER};

#[actix_web::test]
async fn seats_are_listed_and_filtered() {
    let server = TestServer::start().await;
    let id = server
        .event_with(json!({"total_seats": null, "price": null, "sections": [
            {"name": "Arena", "rows": 1, "seats_per_row": 2, "price": 900},
            {"name": "Stand", "rows": 1, "seats_per_row": 1, "price": 500},
        ]}))
        .await;
    let path = format!("/api/v1/events/{id}/seats");
    let seats = server.seats(&id).await;
    server.reserved(&id, &seats[..1]).await;
    let arena = |seat: usize, status: &str| {
        json!({"id": seats[seat], "seat_number": format!("Arena-A-{}", seat + 1), "section": "Arena",
            "row": "A", "number": (seat + 1).to_string(), "status": status, "price": 900, "category": "Arena",
            "kind": "seat"})
    };
    let stand = json!({"id": seats[2], "seat_number": "Stand-A-1", "section": "Stand", "row": "A", "number": "1",
        "status": "available", "price": 500, "category": "Stand", "kind": "seat"});
    for (query, expected) in [
        ("", json!([arena(0, "reserved"), arena(1, "available"), stand])),
        ("?status=available", json!([arena(1, "available"), stand])),
        ("?status=reserved", json!([arena(0, "reserved")])),
        ("?status=confirmed", json!([])),
        ("?section=Arena", json!([arena(0, "reserved"), arena(1, "available")])),
        ("?section=Stand&status=available", json!([stand])),
    ] {
        let answer = server.get(&format!("{path}{query}"), None).await;
        assert_eq!(answer.json(), expected, "{query}");
    }
    let answer = server.get(&format!("{path}?status=free"), None).await;
    assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], "status");
    let built = server.state.seat_maps.built();
    server.get(&format!("{path}?section=aren"), None).await.problem(404, "not_found");
    assert_eq!(server.state.seat_maps.built(), built, "nothing is built for a section that is not there");
    server.stop().await;
}

#[actix_web::test]
async fn a_section_is_built_once_for_all_who_ask_for_it() {
    let server = TestServer::start().await;
    let id = server
        .event_with(json!({"total_seats": null, "price": null, "sections": [
            {"name": "Arena", "rows": 100, "seats_per_row": 60, "price": 900},
            {"name": "Stand", "rows": 1, "seats_per_row": 1, "price": 500},
        ]}))
        .await;
    let path = format!("/api/v1/events/{id}/seats?section=Arena");
    for (encoding, built) in [("identity", 1), ("gzip", 2)] {
        let headers = [("accept-encoding", encoding)];
        let answers = join_all((0..16).map(|_| server.send(Method::GET, &path, &headers, None))).await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.bytes == answers[0].bytes));
        assert_eq!(server.state.seat_maps.built(), built, "{encoding}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn an_unnamed_section_is_null() {
    let server = TestServer::start().await;
    let id = server.event(1).await;
    let seat = server.get(&format!("/api/v1/events/{id}/seats"), None).await.json()[0].clone();
    assert_eq!((&seat["section"], &seat["seat_number"]), (&json!(null), &json!("A-1")));
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_is_up_to_date_gets_nothing() {
    let server = TestServer::start().await;
    let id = server.event(5).await;
    let path = format!("/api/v1/events/{id}/seats");
    let first = server.get(&path, None).await;
    let etag = first.header("etag").expect("an ETag").to_owned();
    let again = |etag: String| {
        let server = &server;
        let path = &path;
        async move { server.send(Method::GET, path, &[("if-none-match", &etag)], None).await }
    };
    for known in [etag.clone(), format!("\"x\", {etag}"), "*".to_owned()] {
        let answer = again(known).await;
        assert_eq!((answer.status.as_u16(), answer.bytes.len()), (304, 0));
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "as with the seats");
    }
    let seats = first.ids();
    server.reserved(&id, &seats[..1]).await;
    let changed = again(etag.clone()).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    server.stop().await;
}

#[actix_web::test]
async fn seats_come_compressed_to_those_who_ask() {
    let server = TestServer::start().await;
    for seats in [200, 6_000] {
        let id = server.event(seats).await;
        let path = format!("/api/v1/events/{id}/seats");
        let plain = server.get(&path, Some(USER)).await;
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.ids().len(), seats as usize);
        let packed = server.send(Method::GET, &path, &[("accept-encoding", "gzip")], None).await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert!(packed.bytes.len() * 4 < plain.bytes.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed.bytes[..]).read_to_end(&mut unpacked).expect("gzip");
        assert!(unpacked == plain.bytes);
    }
    server.stop().await;
}
