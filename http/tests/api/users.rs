//! The reservations of a user.

use serde_json::{Value, json};

use crate::helpers::{ADMIN, OTHER_USER_ID, TestServer, USER, USER_ID};

#[actix_web::test]
async fn a_user_sees_its_own_newest_first() {
    let server = TestServer::start().await;
    let event_id = server.event(10).await;
    let seats = server.seats(&event_id).await;
    let mut made = Vec::new();
    for seat in 0..5 {
        made.push(server.reserved(&event_id, &seats[seat..=seat]).await);
        server.clock.advance_s(1);
    }
    made.reverse();
    assert_eq!(server.act(&made[0], "confirm").await.status, 200);
    let body = json!({"event_id": event_id, "seat_ids": [seats[9]], "user_id": OTHER_USER_ID});
    assert_eq!(server.post("/api/v1/reservations", Some(ADMIN), &body).await.status, 201);

    let path = format!("/api/v1/users/{USER_ID}/reservations");
    assert_eq!(server.get(&path, Some(USER)).await.ids(), made);
    assert_eq!(server.get(&path, Some(ADMIN)).await.ids(), made);
    assert_eq!(server.get(&format!("{path}?status=confirmed"), Some(USER)).await.ids(), made[..1]);

    let first = server.get(&format!("{path}?status=pending&limit=2"), Some(USER)).await;
    assert_eq!(first.ids(), made[1..3]);
    let link = first.header("link").expect("a next page");
    let next = link.trim_start_matches('<').split('>').next().expect("a target");
    let second = server.get(next, Some(USER)).await;
    assert_eq!(second.ids(), made[3..]);
    assert_eq!(second.header("link"), None);
    server.stop().await;
}

#[actix_web::test]
async fn other_users_are_off_limits() {
    let server = TestServer::start().await;
    let event_id = server.event(10).await;
    let seats = server.seats(&event_id).await;
    let body = json!({"event_id": event_id, "seat_ids": [seats[0]], "user_id": OTHER_USER_ID});
    server.post("/api/v1/reservations", Some(USER), &body).await.problem(403, "forbidden");
    let theirs: Value = server.post("/api/v1/reservations", Some(ADMIN), &body).await.json();
    let id = theirs["id"].as_str().expect("an id");
    assert_eq!(theirs["user_id"], OTHER_USER_ID);

    server.get(&format!("/api/v1/reservations/{id}"), Some(USER)).await.problem(404, "reservation_not_found");
    for action in ["confirm", "cancel", "extend"] {
        server.act(id, action).await.problem(404, "reservation_not_found");
    }
    let path = format!("/api/v1/users/{OTHER_USER_ID}/reservations");
    server.get(&path, Some(USER)).await.problem(403, "forbidden");
    server.get("/api/v1/users/me/reservations", Some(ADMIN)).await.problem(404, "user_not_found");
    server.stop().await;
}
