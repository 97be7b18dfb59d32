//! Reservations: the whole way of one, its repetitions, and the rush on the same seats.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::helpers::{ADMIN, Answer, OTHER_USER_ID, TestServer, USER, USER_ID};

#[actix_web::test]
async fn the_first_free_seat_of_the_first_event_is_reserved_confirmed_and_given_back() {
    let server = TestServer::start().await;
    server.event(3).await;
    let event_id = server.get("/api/v1/events", None).await.ids()[0].clone();
    let free = format!("/api/v1/events/{event_id}/seats?status=available");
    let seat = server.get(&free, None).await.ids()[0].clone();
    let made = server.reserve(&event_id, std::slice::from_ref(&seat)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let reservation = made.json();
    let id = reservation["id"].as_str().expect("an id");
    let path = format!("/api/v1/reservations/{id}");
    assert_eq!(made.header("location"), Some(path.as_str()));
    let pending = json!({
        "id": id, "event_id": event_id, "user_id": USER_ID, "seat_ids": [seat], "seat_numbers": ["A-1"],
        "seats": [{"id": seat, "key": "A-1", "section": null, "row": "A", "number": "1", "seat_number": "A-1",
            "category": "standard", "ticket_type": "standard", "price": 5000, "attributes": [], "kind": "seat"}],
        "places": [], "status": "pending", "total_amount": 5000, "currency": "JPY", "currency_decimals": 0,
        "expires_at": "2026-06-01T00:15:00.000Z", "expires_in_s": 900, "confirmed_at": null, "cancelled_at": null,
        "created_at": "2026-06-01T00:00:00.000Z", "updated_at": "2026-06-01T00:00:00.000Z", "seq": 1,
    });
    assert_eq!(reservation, pending);
    assert_eq!(server.get(&path, Some(USER)).await.json(), pending);

    server.clock.advance_s(60);
    let confirmed = server.act(id, "confirm").await.json();
    assert_eq!((&confirmed["status"], &confirmed["seq"]), (&json!("confirmed"), &json!(2)));
    assert_eq!(
        (&confirmed["confirmed_at"], &confirmed["expires_in_s"]),
        (&json!("2026-06-01T00:01:00.000Z"), &json!(0))
    );
    assert_eq!(server.act(id, "confirm").await.json(), confirmed, "a repetition changes nothing");

    let cancelled = server.act(id, "cancel").await.json();
    assert_eq!(
        (&cancelled["status"], &cancelled["cancelled_at"]),
        (&json!("cancelled"), &json!("2026-06-01T00:01:00.000Z"))
    );
    assert_eq!(server.act(id, "cancel").await.json(), cancelled, "a repetition changes nothing");
    server.act(id, "confirm").await.problem(409, "reservation_cancelled");
    assert_eq!(server.get(&free, None).await.ids().len(), 3);
    server.stop().await;
}

#[actix_web::test]
async fn a_hold_is_extended_up_to_its_limit() {
    let server = TestServer::start().await;
    let event_id = server.event_with(json!({"hold_ttl_s": 60, "max_hold_s": 100})).await;
    let seats = server.seats(&event_id).await;
    let id = server.reserved(&event_id, &seats[..1]).await;
    server.clock.advance_s(30);
    assert_eq!(server.act(&id, "extend").await.json()["expires_in_s"], 60);
    server.clock.advance_s(30);
    assert_eq!(server.act(&id, "extend").await.json()["expires_in_s"], 40);
    server.act(&id, "extend").await.problem(409, "hold_limit_reached");
    server.clock.advance_s(40);
    for action in ["extend", "confirm", "cancel"] {
        server.act(&id, action).await.problem(409, "reservation_expired");
    }
    let found = server.get(&format!("/api/v1/reservations/{id}"), Some(USER)).await.json();
    assert_eq!((&found["status"], &found["expires_in_s"]), (&json!("expired"), &json!(0)));
    assert_eq!(server.reserve(&event_id, &seats[..1]).await.status, 201, "the seat is free again");
    server.stop().await;
}

#[actix_web::test]
async fn a_taken_seat_is_named_and_the_free_one_stays_free() {
    let server = TestServer::start().await;
    let event_id = server.event(3).await;
    let seats = server.seats(&event_id).await;
    server.reserved(&event_id, &seats[..1]).await;
    let sold = server.reserved(&event_id, &seats[1..2]).await;
    assert_eq!(server.act(&sold, "confirm").await.status, 200);
    let body = json!({"event_id": event_id, "seat_ids": seats, "user_id": OTHER_USER_ID});
    let refused = server.post("/api/v1/reservations", Some(ADMIN), &body).await;
    let problem = refused.problem(409, "seat_unavailable");
    let expected = json!([
        {"seat_id": seats[0], "seat_number": "A-1", "reason": "reserved"},
        {"seat_id": seats[1], "seat_number": "A-2", "reason": "confirmed"},
    ]);
    assert_eq!((&problem["conflicts"], &problem["seq"]), (&expected, &json!(3)));
    assert_eq!(server.reserve(&event_id, &seats[2..]).await.status, 201);
    server.stop().await;
}

#[actix_web::test]
async fn a_user_hears_which_reservation_of_its_own_has_the_seat() {
    let server = TestServer::start().await;
    let event_id = server.event(3).await;
    let seats = server.seats(&event_id).await;
    let held = server.reserved(&event_id, &seats[..1]).await;
    let sold = server.reserved(&event_id, &seats[1..2]).await;
    assert_eq!(server.act(&sold, "confirm").await.status, 200);
    let body = json!({"event_id": event_id, "seat_ids": seats[2..], "user_id": OTHER_USER_ID});
    assert_eq!(server.post("/api/v1/reservations", Some(ADMIN), &body).await.status, 201);
    let expected = json!([
        {"seat_id": seats[0], "seat_number": "A-1", "reason": "yours", "reservation_id": held},
        {"seat_id": seats[1], "seat_number": "A-2", "reason": "yours", "reservation_id": sold},
        {"seat_id": seats[2], "seat_number": "A-3", "reason": "reserved"},
    ]);
    let by_user = server.reserve(&event_id, &seats).await;
    assert_eq!(by_user.problem(409, "seat_unavailable")["conflicts"], expected);
    // The administrator asks for the user.
    let body = json!({"event_id": event_id, "seat_ids": seats, "user_id": USER_ID});
    let by_admin = server.post("/api/v1/reservations", Some(ADMIN), &body).await;
    assert_eq!(by_admin.problem(409, "seat_unavailable")["conflicts"], expected);
    server.stop().await;
}

async fn reserve_with_key(server: &TestServer, header: Option<&str>, body: Value) -> Answer {
    let mut headers = vec![("x-api-key", USER), ("content-type", "application/json")];
    headers.extend(header.map(|key| ("idempotency-key", key)));
    server.send(Method::POST, "/api/v1/reservations", &headers, Some(body.to_string().into_bytes())).await
}

#[actix_web::test]
async fn a_key_has_one_effect() {
    let server = TestServer::start().await;
    let event_id = server.event(4).await;
    let seats = server.seats(&event_id).await;
    let body = json!({"event_id": event_id, "seat_ids": [seats[0]]});
    let first = reserve_with_key(&server, Some("order-1"), body.clone()).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, None));
    let mut in_body = body.clone();
    in_body["idempotency_key"] = json!("order-1");
    for again in [
        reserve_with_key(&server, Some("order-1"), body.clone()).await,
        reserve_with_key(&server, None, in_body.clone()).await,
        reserve_with_key(&server, Some("order-1"), in_body.clone()).await,
        reserve_with_key(&server, Some("\"order-1\""), in_body.clone()).await,
    ] {
        assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, Some("true")));
        let mut expected = first.json();
        expected["replayed"] = json!(true);
        assert_eq!(again.json(), expected);
    }
    reserve_with_key(&server, Some("order-2"), in_body).await.problem(400, "malformed_request");
    let other = json!({"event_id": event_id, "seat_ids": [seats[1]]});
    reserve_with_key(&server, Some("order-1"), other).await.problem(422, "idempotency_key_reused");
    let problem =
        reserve_with_key(&server, Some("a b"), body.clone()).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "idempotency_key");

    let id = first.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.act(&id, "cancel").await.status, 200);
    let late = reserve_with_key(&server, Some("order-1"), body).await;
    assert_eq!((late.status.as_u16(), &late.json()["status"]), (201, &json!("cancelled")));
    assert_eq!(late.json()["replayed"], true);
    server.stop().await;
}

#[actix_web::test]
async fn a_replay_of_what_expired_says_so() {
    let server = TestServer::start().await;
    let event_id = server.event_with(json!({"hold_ttl_s": 60})).await;
    let seats = server.seats(&event_id).await;
    let body = json!({"event_id": event_id, "seat_ids": [seats[0]]});
    let first = reserve_with_key(&server, Some("order-1"), body.clone()).await.json();
    assert_eq!(first.get("replayed"), None);
    server.clock.advance_s(60);
    let late = reserve_with_key(&server, Some("order-1"), body).await;
    assert_eq!((late.status.as_u16(), late.header("idempotent-replayed")), (201, Some("true")));
    let late = late.json();
    assert_eq!((&late["id"], &late["status"]), (&first["id"], &json!("expired")));
    assert_eq!(late["replayed"], true);
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_hung_up_finds_its_reservation_by_the_key() {
    let server = TestServer::start().await;
    let event_id = server.event(4).await;
    let seats = server.seats(&event_id).await;
    server.store.hold_appends();
    let body = json!({"event_id": event_id, "seat_ids": [seats[0]]}).to_string();
    let request = format!(
        "POST /api/v1/reservations HTTP/1.1\r\nhost: x\r\nx-api-key: {USER}\r\ncontent-type: application/json\r\n\
         idempotency-key: hung-up\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(server.address).await.expect("a connection");
    socket.write_all(request.as_bytes()).await.expect("a request");
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(socket);
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.store.release_appends();
    let body = json!({"event_id": event_id, "seat_ids": [seats[0]]});
    let again = reserve_with_key(&server, Some("hung-up"), body).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replayed")),
        (201, Some("true")),
        "{again:?}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn ten_callers_of_one_seat_have_one_winner() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    let seats = server.seats(&event_id).await;
    let answers = join_all((0..10).map(|_| server.reserve(&event_id, &seats))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 9));
    for answer in lost {
        let problem = answer.problem(409, "seat_unavailable");
        let reservation_id = won[0].json()["id"].clone();
        let yours = json!([
            {"seat_id": seats[0], "seat_number": "A-1", "reason": "yours", "reservation_id": reservation_id},
        ]);
        assert_eq!(problem["conflicts"], yours);
        assert!(
            problem["seq"].as_u64() >= won[0].json()["seq"].as_u64(),
            "decided against the winner's batch"
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn two_hundred_callers_of_fifty_seats_have_fifty_winners() {
    let server = TestServer::start().await;
    let event_id = server.event(50).await;
    let seats = server.seats(&event_id).await;
    let calls = (0..200).map(|caller| {
        let user_id = format!("00000000-0000-4000-9000-{caller:012}");
        let body = json!({"event_id": event_id, "seat_ids": [seats[caller % 50]], "user_id": user_id});
        let server = &server;
        async move { server.post("/api/v1/reservations", Some(ADMIN), &body).await }
    });
    let answers = join_all(calls).await;
    let mut winners: HashMap<String, u32> = HashMap::new();
    for answer in &answers {
        if answer.status == 201 {
            *winners.entry(answer.json()["seat_ids"][0].as_str().expect("an id").to_owned()).or_default() +=
                1;
        } else {
            let problem = answer.problem(409, "seat_unavailable");
            assert_eq!(problem["conflicts"].as_array().map(Vec::len), Some(1), "{problem}");
        }
    }
    assert_eq!(winners.len(), 50);
    assert!(winners.values().all(|&count| count == 1), "{winners:?}");
    let event = server.get(&format!("/api/v1/events/{event_id}"), None).await.json();
    assert_eq!((&event["available_seats"], &event["reserved_seats"]), (&json!(0), &json!(50)));
    let report = engine::verify(&*server.store).await.expect("a report");
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    server.stop().await;
}
