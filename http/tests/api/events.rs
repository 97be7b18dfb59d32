//! Events: made, listed, changed, deleted.

use std::io::Read;

use actix_web::http::Method;
use serde_json::json;

use crate::helpers::{ADMIN, TestServer, new_event, with_key};

#[actix_web::test]
async fn an_event_of_sections_is_made_and_found() {
    let server = TestServer::start().await;
    let body = new_event(json!({
        "total_seats": null, "price": null, "description": "One night", "hold_ttl_s": 60, "currency": "EUR",
        "start_at": "2027-01-10T18:00:00+09:00",
        "sections": [
            {"name": "Arena", "rows": 2, "seats_per_row": 3, "price": 12000},
            {"name": "Stand", "rows": 1, "seats_per_row": 4, "price": 6800},
        ],
    }));
    let made = server.post("/api/v1/events", Some(ADMIN), &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let event = made.json();
    let id = event["id"].as_str().expect("an id");
    let path = format!("/api/v1/events/{id}");
    assert_eq!(made.header("location"), Some(path.as_str()));
    let expected = json!({
        "id": id, "name": "Rock Festival", "description": "One night", "venue": "Tokyo Dome",
        "start_at": "2027-01-10T09:00:00.000Z", "end_at": "2027-01-10T12:00:00.000Z",
        "currency": "EUR", "currency_decimals": 2,
        "hold_ttl_s": 60, "max_hold_s": 240, "max_seats_per_reservation": 10,
        "sections": [
            {"name": "Arena", "rows": 2, "seats_per_row": 3, "tables": 0, "seats": 6, "places": 0, "price": 12000,
                "categories": ["Arena"]},
            {"name": "Stand", "rows": 1, "seats_per_row": 4, "tables": 0, "seats": 4, "places": 0, "price": 6800,
                "categories": ["Stand"]},
        ],
        "categories": [
            {"key": "Arena", "name": "Arena", "prices": {"standard": 12000}},
            {"key": "Stand", "name": "Stand", "prices": {"standard": 6800}},
        ],
        "ticket_types": [{"key": "standard", "name": "standard"}], "orphan_rule": "off",
        "total_seats": 10, "available_seats": 10, "reserved_seats": 0, "confirmed_seats": 0,
        "not_for_sale_seats": 0, "version": 0,
        "created_at": "2026-06-01T00:00:00.000Z", "updated_at": "2026-06-01T00:00:00.000Z",
    });
    assert_eq!(event, expected);
    assert_eq!(server.get(&path, None).await.json(), expected);
    server.stop().await;
}

#[actix_web::test]
async fn defaults_are_the_servers() {
    let server = TestServer::start_with(|config| config.reservation_expiry_minutes = 2).await;
    let event = server.post("/api/v1/events", Some(ADMIN), &new_event(json!({}))).await.json();
    assert_eq!((&event["hold_ttl_s"], &event["max_hold_s"]), (&json!(120), &json!(480)));
    assert_eq!((&event["currency"], &event["description"]), (&json!("JPY"), &json!("")));
    assert_eq!(event["sections"][0]["name"], json!(null));
    server.stop().await;
}

#[actix_web::test]
async fn every_broken_rule_is_named_at_once() {
    let server = TestServer::start().await;
    let section = |name: &str| json!({"name": name, "rows": 1, "seats_per_row": 1, "price": 1});
    let cases = [
        (json!({"name": ""}), vec!["name"]),
        (json!({"name": "x".repeat(256), "venue": " "}), vec!["name", "venue"]),
        (json!({"name": "nul\u{0}"}), vec!["name"]),
        (json!({"name": "\u{200B}", "venue": "a\u{202E}b"}), vec!["name", "venue"]),
        (json!({"name": "a\u{85}b", "venue": "a\u{2028}b"}), vec!["name", "venue"]),
        (json!({"end_at": "2027-01-10T09:00:00Z"}), vec!["end_at"]),
        (json!({"price": -1}), vec!["price"]),
        (json!({"price": 1_000_000_000_001_i64}), vec!["price"]),
        (json!({"price": null}), vec!["price"]),
        (json!({"total_seats": 0}), vec!["total_seats"]),
        (json!({"total_seats": 200_001}), vec!["total_seats"]),
        (json!({"total_seats": null, "price": null}), vec!["sections"]),
        (json!({"sections": [section("A")]}), vec!["sections"]),
        (json!({"total_seats": null, "price": null, "sections": []}), vec!["sections"]),
        (
            json!({"total_seats": null, "price": null, "sections": [section("A"), section("A")]}),
            vec!["sections[1].name"],
        ),
        (
            json!({"total_seats": null, "price": null,
                "sections": [section("Orch\u{e9}e"), section("Orche\u{301}e ")]}),
            vec!["sections[1].name"],
        ),
        (
            json!({"total_seats": null, "price": null, "sections": [section("A"), section("B\u{2066}")]}),
            vec!["sections[1].name"],
        ),
        (
            json!({"total_seats": null, "price": null,
                "sections": [{"name": "A", "rows": 1000, "seats_per_row": 201, "price": 1}]}),
            vec!["sections[0]"],
        ),
        (
            json!({"total_seats": null, "price": null,
                "sections": [section("A"), {"name": "", "rows": 0, "seats_per_row": -1, "price": -1}]}),
            vec!["sections[1].name", "sections[1].rows", "sections[1].seats_per_row", "sections[1].price"],
        ),
        (json!({"hold_ttl_s": 0}), vec!["hold_ttl_s"]),
        (json!({"hold_ttl_s": 86_401}), vec!["hold_ttl_s"]),
        (json!({"hold_ttl_s": 60, "max_hold_s": 59}), vec!["max_hold_s"]),
        (json!({"currency": "yen"}), vec!["currency"]),
        (json!({"currency": "ABC"}), vec!["currency"]),
        (json!({"max_seats_per_reservation": 0}), vec!["max_seats_per_reservation"]),
    ];
    for (changes, fields) in cases {
        let answer = server.post("/api/v1/events", Some(ADMIN), &new_event(changes.clone())).await;
        let problem = answer.problem(422, "validation_failed");
        let errors = problem["errors"].as_array().expect("errors");
        let named: std::collections::BTreeSet<_> =
            errors.iter().map(|error| error["field"].as_str().expect("a field")).collect();
        assert_eq!(named, fields.into_iter().collect(), "{changes}: {problem}");
        assert!(errors.iter().all(|error| error["message"].as_str().is_some_and(|text| !text.is_empty())));
    }
    server.stop().await;
}

/// The price is one of a seat in IDR, whose amounts are long.
#[actix_web::test]
async fn the_dearest_seats_add_up() {
    let server = TestServer::start().await;
    let changes = json!({"total_seats": 1_000, "price": 1_000_000_000_000_i64, "currency": "IDR",
        "max_seats_per_reservation": 1_000});
    let event_id = server.event_with(changes).await;
    let seats = server.seats(&event_id).await;
    let made = server.reserve(&event_id, &seats).await.json();
    assert_eq!(made["total_amount"], json!(1_000_000_000_000_000_i64));
    assert_eq!((&made["currency"], &made["currency_decimals"]), (&json!("IDR"), &json!(2)));
    server.stop().await;
}

#[actix_web::test]
async fn names_are_kept_composed_and_found_decomposed() {
    let server = TestServer::start().await;
    let section = json!({"name": " Orche\u{301}e ", "rows": 1, "seats_per_row": 2, "price": 1});
    let changes = json!({"name": " Cafe\u{301} ", "total_seats": null, "price": null, "sections": [section]});
    let path = format!("/api/v1/events/{}", server.event_with(changes).await);
    let event = server.get(&path, None).await.json();
    assert_eq!((&event["name"], &event["sections"][0]["name"]), (&json!("Caf\u{e9}"), &json!("Orch\u{e9}e")));
    let decomposed = server.get(&format!("{path}/seats?section=Orche%CC%81e"), None).await;
    assert_eq!(decomposed.ids().len(), 2);
    let body = json!({"name": "\u{200B}"});
    let answer = server.send_json(Method::PATCH, &path, Some(ADMIN), &body).await;
    assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], "name");
    server.stop().await;
}

#[actix_web::test]
async fn an_event_that_is_over_is_a_mistake_unless_it_is_meant() {
    let server = TestServer::start().await;
    let past = json!({"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-02T00:00:00Z"});
    let answer = server.post("/api/v1/events", Some(ADMIN), &new_event(past.clone())).await;
    let problem = answer.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "end_at");
    assert!(problem["errors"][0]["message"].as_str().expect("text").contains("allow_past"), "{problem}");
    let mut meant = past;
    meant["allow_past"] = json!(true);
    server.event_with(meant).await;
    // It has begun, and goes on.
    server.event_with(json!({"start_at": "2026-01-01T00:00:00Z"})).await;
    server.stop().await;
}

/// Also where the clock and the client have more than three digits.
#[actix_web::test]
async fn times_have_three_digits() {
    let server = TestServer::start().await;
    server.clock.advance_micros(123_987);
    let event_id = server.event_with(json!({"end_at": "2027-01-10T12:00:00.7+00:00"})).await;
    let event = server.get(&format!("/api/v1/events/{event_id}"), None).await.json();
    assert_eq!(
        (&event["created_at"], &event["end_at"]),
        (&json!("2026-06-01T00:00:00.123Z"), &json!("2027-01-10T12:00:00.700Z"))
    );
    let seats = server.seats(&event_id).await;
    let reservation = server.reserve(&event_id, &seats[..1]).await.json();
    assert_eq!(reservation["expires_at"], "2026-06-01T00:15:00.123Z");
    server.stop().await;
}

#[actix_web::test]
async fn an_event_is_changed() {
    let server = TestServer::start().await;
    let path = format!("/api/v1/events/{}", server.event(10).await);
    let body = json!({"name": "Encore", "hold_ttl_s": 30});
    let changed = server.send_json(Method::PATCH, &path, Some(ADMIN), &body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let event = changed.json();
    assert_eq!((&event["name"], &event["hold_ttl_s"]), (&json!("Encore"), &json!(30)));
    assert_eq!(event["venue"], "Tokyo Dome");
    let body = json!({"end_at": "2027-01-10T08:00:00Z"});
    let answer = server.send_json(Method::PATCH, &path, Some(ADMIN), &body).await;
    assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], "end_at");
    let answer = server.send_json(Method::PATCH, &path, Some(ADMIN), &json!({"total_seats": 5})).await;
    answer.problem(400, "malformed_request");
    server.stop().await;
}

#[actix_web::test]
async fn an_event_in_use_is_not_deleted() {
    let server = TestServer::start().await;
    let id = server.event(10).await;
    let path = format!("/api/v1/events/{id}");
    let seats = server.seats(&id).await;
    let reservation = server.reserved(&id, &seats[..1]).await;
    let delete = || server.send(Method::DELETE, &path, &[("x-api-key", ADMIN)], None);
    assert!(delete().await.problem(409, "event_in_use")["seq"].is_u64());
    assert_eq!(server.act(&reservation, "cancel").await.status, 200);
    assert_eq!(delete().await.status, 204);
    server.get(&path, None).await.problem(404, "event_not_found");
    delete().await.problem(404, "event_not_found");
    server.stop().await;
}

#[actix_web::test]
async fn pages_hold_every_event_once_newest_first() {
    let server = TestServer::start().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(server.event(1).await);
        server.clock.advance_s(1);
    }
    made.reverse();
    let mut path = Some("/api/v1/events?limit=3".to_owned());
    let (mut found, mut pages) = (Vec::new(), 0);
    while let Some(page_path) = path {
        let page = server.get(&page_path, None).await;
        assert_eq!(page.status, 200, "{page:?}");
        found.extend(page.ids());
        pages += 1;
        path = page.header("link").map(|link| {
            let (target, relation) = link.split_once("; ").expect("a relation");
            assert_eq!(relation, "rel=\"next\"");
            target.trim_matches(['<', '>']).to_owned()
        });
    }
    assert_eq!((found, pages), (made, 3));
    server.stop().await;
}

#[actix_web::test]
async fn a_page_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor")] {
        let answer = server.get(&format!("/api/v1/events?{query}"), None).await;
        assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], field);
    }
    for query in ["limit=x", "limits=3", "limit=1&limit=2"] {
        let answer = server.get(&format!("/api/v1/events?{query}"), None).await;
        answer.problem(400, "malformed_request");
    }
    let head = server.send(Method::HEAD, "/api/v1/events", &with_key(None), None).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    server.stop().await;
}

/// An event can have a thousand sections, and a page a hundred events.
#[actix_web::test]
async fn a_page_of_events_is_small() {
    let server = TestServer::start().await;
    let sections = (0..1_000)
        .map(|no| json!({"name": format!("{no:0>200}"), "rows": 1, "seats_per_row": 1, "price": 1}));
    let changes = json!({"total_seats": null, "price": null, "sections": sections.collect::<Vec<_>>()});
    for _ in 0..3 {
        server.event_with(changes.clone()).await;
    }
    let page = server.get("/api/v1/events", None).await;
    assert!(page.bytes.len() < 3_000, "{} bytes", page.bytes.len());
    let mut event = page.json()[0].clone();
    assert_eq!(event.get("sections"), None);
    let path = format!("/api/v1/events/{}", event["id"].as_str().expect("an id"));
    let whole = server.get(&path, None).await.json();
    for field in ["sections", "categories", "ticket_types", "orphan_rule"] {
        event[field] = whole[field].clone();
    }
    assert_eq!((&event, event["sections"].as_array().map(Vec::len)), (&whole, Some(1_000)));
    let packed = server.send(Method::GET, "/api/v1/events", &[("accept-encoding", "gzip")], None).await;
    assert_eq!(
        (packed.header("content-encoding"), packed.header("vary")),
        (Some("gzip"), Some("accept-encoding"))
    );
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.bytes[..]).read_to_end(&mut unpacked).expect("gzip");
    assert!(unpacked == page.bytes && packed.bytes.len() * 2 < unpacked.len());
    let refused = [("accept-encoding", "identity;q=0, br")];
    server.send(Method::GET, "/api/v1/events", &refused, None).await.problem(406, "not_acceptable");
    server.stop().await;
}
