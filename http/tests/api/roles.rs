//! Who may call what, checked for every operation by what the document declares.

use actix_web::http::Method;
use holdfast_http::calls::{CALLS, Role};
use serde_json::{Value, json};

use crate::helpers::{ADMIN, TestServer, USER, USER_ID, new_event, with_key};

/// An operation of the document.
pub(crate) struct Operation {
    pub(crate) id: String,
    method: Method,
    path: String,
    role: Role,
}

/// Every operation of the document.
pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&holdfast_http::openapi::json()).expect("JSON");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            let role = CALLS.iter().find(|call| call.id == id).expect("it is in the table").role;
            let declared = match operation["security"][0]["api_key"][0].as_str() {
                None => Role::Anyone,
                Some("user") => Role::User,
                Some(_) => Role::Admin,
            };
            assert_eq!(declared, role, "{id}");
            operations.push(Operation {
                id,
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                role,
            });
        }
    }
    operations
}

#[actix_web::test]
async fn every_call_admits_whom_the_document_says() {
    let server = TestServer::start().await;
    let operations = operations();
    assert_eq!(operations.len(), CALLS.len(), "a call of the table is not served");
    for operation in &operations {
        for (key, who) in [(None, "anonymous"), (Some(USER), "user"), (Some(ADMIN), "admin")] {
            let (path, body) = request(&server, operation).await;
            let mut headers = with_key(key);
            headers.push(("content-type", "application/json"));
            let answer = server.send(operation.method.clone(), &path, &headers, body).await;
            let status = answer.status.as_u16();
            match (operation.role, who) {
                (Role::User | Role::Admin, "anonymous") => drop(answer.problem(401, "unauthenticated")),
                (Role::Admin, "user") => drop(answer.problem(403, "forbidden")),
                _ => assert!((200..300).contains(&status), "{} as {who}: {answer:?}", operation.id),
            }
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_wrong_key_is_refused_by_every_call_of_the_api() {
    let server = TestServer::start().await;
    for operation in operations().iter().filter(|operation| operation.path.starts_with("/api/v1/")) {
        let (path, body) = request(&server, operation).await;
        for header in [("x-api-key", "wrong-key-0123456"), ("authorization", "Bearer wrong-key-0123456")] {
            let headers = [header, ("content-type", "application/json")];
            let answer = server.send(operation.method.clone(), &path, &headers, body.clone()).await;
            answer.problem(401, "unauthenticated");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_bearer_token_is_a_key() {
    let server = TestServer::start().await;
    let path = format!("/api/v1/users/{USER_ID}/reservations");
    for (token, status) in [(format!("Bearer {USER}"), 200), (format!("bearer {ADMIN}"), 200)] {
        let answer = server.send(Method::GET, &path, &[("authorization", &token)], None).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    server.stop().await;
}

/// As a proxy or a page that asks for a password sends it along.
#[actix_web::test]
async fn a_foreign_authorization_is_no_key() {
    let server = TestServer::start().await;
    let event_id = server.event(1).await;
    let basic = [("authorization", "Basic dXNlcjpwYXNzd29yZA==")];
    for path in
        ["/api/v1/events".to_owned(), format!("/api/v1/events/{event_id}/seats"), "/health".to_owned()]
    {
        assert_eq!(server.send(Method::GET, &path, &basic, None).await.status, 200, "{path}");
    }
    let path = format!("/api/v1/users/{USER_ID}/reservations");
    server.send(Method::GET, &path, &basic, None).await.problem(401, "unauthenticated");
    let both = [basic[0], ("x-api-key", USER)];
    assert_eq!(server.send(Method::GET, &path, &both, None).await.status, 200);
    server.get("/api/v1/events", Some("an-unknown-key-0123")).await.problem(401, "unauthenticated");
    server.stop().await;
}

/// A request that succeeds for a caller that may make it.
async fn request(server: &TestServer, operation: &Operation) -> (String, Option<Vec<u8>>) {
    let event_id = server.event(20).await;
    let (id, body) = match operation.id.as_str() {
        "create_event" => (String::new(), Some(new_event(json!({})))),
        "amend_event" => (event_id, Some(json!({"name": "Another"}))),
        "reserve" => {
            let seats = server.seats(&event_id).await;
            (String::new(), Some(json!({"event_id": event_id, "seat_ids": [seats[0]], "user_id": USER_ID})))
        }
        "add_sections" => {
            (event_id, Some(json!({"sections": [{"name": "Floor", "capacity": 5, "price": 1}]})))
        }
        "set_allocations" | "add_allocations" => {
            let chart = json!({"sections": [{"name": "Floor", "capacity": 5, "price": 1}], "total_seats": null, "price": null});
            let allocations =
                json!({"allocations": [{"channel": "kill", "section": "Floor", "quantity": 1}]});
            (server.event_with(chart).await, Some(allocations))
        }
        "create_chart" => (String::new(), Some(json!({"sections": [{"name": "Floor", "capacity": 5}]}))),
        "get_chart" | "get_chart_map" => {
            let chart = json!({"sections": [{"name": "Floor", "capacity": 5}]});
            let made = server.post("/api/v1/charts", Some(ADMIN), &chart).await;
            (made.json()["id"].as_str().expect("an id").to_owned(), None)
        }
        "list_reservations" => (USER_ID.to_owned(), None),
        name if name.contains("reservation") => {
            let seats = server.seats(&event_id).await;
            let id = server.reserved(&event_id, &seats[..1]).await;
            server.clock.advance_s(1);
            (id, None)
        }
        _ => (event_id, None),
    };
    (operation.path.replace("{id}", &id), body.map(|body| body.to_string().into_bytes()))
}
