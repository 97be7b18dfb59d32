//! Real venues: charts, and what is sold of them.

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::helpers::{ADMIN, Answer, TestServer, USER, USER_ID, with_key};

/// A small theatre: boxes that sell together, a row with a wheelchair place and its companion, a floor.
fn theatre() -> Value {
    json!({
        "total_seats": null, "price": null, "currency": "EUR",
        "ticket_types": [{"key": "adult", "name": "Adult"}, {"key": "child"}],
        "categories": [
            {"key": "1", "name": "Price 1", "prices": {"adult": 7500, "child": 3750}},
            {"key": "box", "price": 9000},
            {"key": "GA", "prices": {"adult": 1500}},
        ],
        "keys": "{section}/{row}/{seat}",
        "sections": [
            {"name": "Stalls", "category": "1", "seating": [
                {"rows": "A", "seats": "14-2/2,1-13/2"}, {"rows": "B", "seats": "1-4|6-9"}],
                "marks": [{"rows": "B", "seats": "1", "attributes": ["wheelchair"]},
                          {"rows": "B", "seats": "2", "attributes": ["companion"]}]},
            {"name": "Boxes", "category": "box", "tables": [{"tables": "1-2", "seats": "1-3", "sell": "together"}]},
            {"name": "Floor", "category": "GA", "capacity": 150},
        ],
        "allocations": [{"channel": "kill", "section": "Stalls", "rows": "A", "seats": "14,12", "note": "pillar"}],
    })
}

async fn reserve(server: &TestServer, event: &str, wish: Value) -> Answer {
    let mut body = wish;
    body["event_id"] = json!(event);
    server.post("/api/v1/reservations", Some(USER), &body).await
}

/// The labels of what was reserved.
fn labels(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    let labels = answer["seat_numbers"].as_array().expect("labels").iter();
    labels.map(|label| label.as_str().expect("text").to_owned()).collect()
}

#[actix_web::test]
async fn the_event_says_what_it_has_and_what_it_costs() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let event = server.get(&format!("/api/v1/events/{id}"), None).await.json();
    assert_eq!((&event["total_seats"], &event["available_seats"]), (&json!(178), &json!(176)));
    assert_eq!(event["not_for_sale_seats"], 2);
    let sections = &event["sections"];
    assert_eq!(sections[0]["rows"], 2);
    assert_eq!((&sections[1]["tables"], &sections[1]["seats"]), (&json!(2), &json!(6)));
    assert_eq!((&sections[2]["places"], &sections[2]["price"]), (&json!(150), &json!(1500)));
    assert_eq!(event["categories"][0]["prices"], json!({"adult": 7500, "child": 3750}));
    assert_eq!(event["categories"][1]["prices"], json!({"adult": 9000, "child": 9000}));
    let seats = server.get(&format!("/api/v1/events/{id}/seats?section=Stalls"), None).await.json();
    let seat = |index: usize| {
        let seat = &seats[index];
        (seat["seat_number"].clone(), seat["key"].clone(), seat["status"].clone(), seat["attributes"].clone())
    };
    assert_eq!(seat(0), (json!("Stalls-A-14"), json!("Stalls/A/14"), json!("not_for_sale"), json!(null)));
    assert_eq!(
        seat(14),
        (json!("Stalls-B-1"), json!("Stalls/B/1"), json!("available"), json!(["wheelchair"]))
    );
    assert_eq!(seats[18]["aisle_before"], true);
    server.stop().await;
}

#[actix_web::test]
async fn layout_and_statuses_are_read_apart() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let answer = server.get(&format!("/api/v1/events/{id}/layout"), None).await;
    let layout = answer.json();
    assert_eq!(layout["parts"][0]["stretches"][0]["seats"], "14-2/2");
    assert_eq!(layout["parts"][0]["stretches"][1]["seats"], "1-13/2");
    assert_eq!(
        layout["parts"][2],
        json!({"kind": "table", "section": 1, "row": "1", "first": 23,
        "stretches": [{"seats": "1-3", "category": 1, "sold_together": true}]})
    );
    assert_eq!(
        layout["parts"][4],
        json!({"kind": "places", "section": 2, "first": 29, "capacity": 150, "category": 2})
    );
    let etag = answer.header("etag").expect("an ETag").to_owned();
    let path = format!("/api/v1/events/{id}/layout");
    let again = server.send(Method::GET, &path, &[("if-none-match", &etag)], None).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    let held =
        reserve(&server, &id, json!({"seats": [{"section": "Stalls", "row": "A", "seat": "1"}]})).await;
    assert_eq!(held.status, 201);
    let statuses = server.get(&format!("/api/v1/events/{id}/statuses"), None).await.json();
    let expected = json!({"version": 1, "total_seats": 178, "reserved": [[8, 8]], "confirmed": [], "not_for_sale": [[1, 2]]});
    assert_eq!(statuses, expected);
    // What sells changes the statuses, not the layout.
    let again = server.send(Method::GET, &path, &[("if-none-match", &etag)], None).await;
    assert_eq!(again.status, 304);
    server.stop().await;
}

#[actix_web::test]
async fn seats_are_named_as_the_house_names_them() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let answer = reserve(
        &server,
        &id,
        json!({
            "seats": [
                {"section": "Stalls", "row": "A", "seat": "13", "ticket_type": "child"},
                {"key": "Stalls/A/11", "ticket_type": "adult"},
            ],
            "places": [{"section": "Floor", "quantity": 2}],
            "tables": [{"section": "Boxes", "table": "2"}],
        }),
    )
    .await;
    let expected = ["Stalls-A-13", "Stalls-A-11", "Boxes-2-1", "Boxes-2-2", "Boxes-2-3", "Floor", "Floor"];
    assert_eq!(labels(&answer), expected);
    let reservation = answer.json();
    assert_eq!(reservation["total_amount"], 3750 + 7500 + 3 * 9000 + 2 * 1500);
    assert_eq!(
        reservation["places"],
        json!([{"section": "Floor", "quantity": 2, "category": "GA", "ticket_type": "adult", "price": 1500}])
    );
    let seats = reservation["seats"].as_array().expect("seats");
    let seat = |index: usize| [&seats[index]["ticket_type"], &seats[index]["price"], &seats[index]["kind"]];
    assert_eq!(seat(0), [&json!("child"), &json!(3750), &json!("seat")]);
    assert_eq!(seat(2), [&json!("adult"), &json!(9000), &json!("table")]);
    assert_eq!(seats[1]["key"], "Stalls/A/11");
    let path = format!("/api/v1/reservations/{}", reservation["id"].as_str().expect("an id"));
    assert_eq!(server.get(&path, Some(USER)).await.json(), reservation);
    server.stop().await;
}

#[actix_web::test]
async fn what_cannot_be_wished_is_refused_with_its_place() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    for (wish, status, code, text) in [
        (
            json!({"seats": [{"section": "Stalls", "row": "A", "seat": "99"}]}),
            404,
            "seat_not_found",
            "Stalls-A-99",
        ),
        (json!({"seats": [{"key": "nope"}]}), 404, "seat_not_found", "nope"),
        (json!({"seats": [{"row": "A"}]}), 422, "validation_failed", "seats[0] is named by"),
        (
            json!({"seats": [{"key": "Stalls/A/1", "ticket_type": "dog"}]}),
            422,
            "unknown_ticket_type",
            "seats[0].ticket_type",
        ),
        (
            json!({"places": [{"section": "Floor", "quantity": 1, "ticket_type": "child"}]}),
            422,
            "unknown_ticket_type",
            "not sold as",
        ),
        (
            json!({"places": [{"section": "Stalls", "quantity": 1}]}),
            422,
            "validation_failed",
            "places[0].section",
        ),
        (
            json!({"places": [{"section": "Floor", "quantity": 0}]}),
            422,
            "validation_failed",
            "places[0].quantity",
        ),
        (json!({"tables": [{"section": "Boxes", "table": "9"}]}), 404, "seat_not_found", "Boxes-9"),
        (json!({"best_available": {"quantity": 2, "categories": ["9"]}}), 422, "unknown_category", "\"9\""),
        (
            json!({"best_available": {"quantity": 2, "ticket_types": {"adult": 1}}}),
            422,
            "validation_failed",
            "must be 2 together",
        ),
        (
            json!({"best_available": {"quantity": 2, "attributes": {"sofa": 1}}}),
            422,
            "validation_failed",
            "no seat has this attribute",
        ),
        (json!({"best_available": {"quantity": 11}}), 422, "validation_failed", "at most 10"),
        (
            json!({"channel": "promoter", "places": [{"section": "Floor", "quantity": 1}]}),
            403,
            "forbidden",
            "administrator",
        ),
        (
            json!({"seats": [{"section": "Boxes", "row": "1", "seat": "1"}]}),
            409,
            "sold_together",
            "sell only together",
        ),
        (
            json!({"seats": [{"section": "Stalls", "row": "A", "seat": "14"}]}),
            409,
            "seat_unavailable",
            "not available",
        ),
        (json!({}), 422, "validation_failed", "seat_ids are needed"),
    ] {
        let problem = reserve(&server, &id, wish.clone()).await.problem(status, code);
        assert!(problem["detail"].as_str().expect("text").contains(text), "{wish}: {problem}");
    }
    let killed =
        reserve(&server, &id, json!({"seats": [{"section": "Stalls", "row": "A", "seat": "14"}]})).await;
    assert_eq!(killed.json()["conflicts"][0]["reason"], "not_for_sale");
    assert_eq!(killed.json()["conflicts"][0]["seat_number"], "Stalls-A-14");
    server.stop().await;
}

#[actix_web::test]
async fn the_best_seats_are_a_different_pair_for_each_caller() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let wish = || json!({"best_available": {"quantity": 2, "categories": ["1"], "ticket_types": {"adult": 1, "child": 1}}});
    // Twelve seats of row A, and four ordinary ones of row B beside two of which a wheelchair's companion
    // sits.
    let answers = join_all((0..9).map(|_| reserve(&server, &id, wish()))).await;
    let mut all: Vec<_> = answers.iter().flat_map(labels).collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!((count, all.len()), (18, 18), "{all:?}");
    assert!(answers.iter().all(|answer| answer.json()["total_amount"] == 7500 + 3750));
    // Nothing else is left: now others get the wheelchair's place, too.
    assert_eq!(labels(&reserve(&server, &id, wish()).await), ["Stalls-B-1", "Stalls-B-2"]);
    reserve(&server, &id, wish()).await.problem(409, "no_block_free");
    server.stop().await;
}

#[actix_web::test]
async fn a_repeated_key_finds_the_same_best_seats() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let wish = |quantity: u32| json!({"best_available": {"quantity": quantity}, "idempotency_key": "once"});
    let first = reserve(&server, &id, wish(2)).await;
    let again = reserve(&server, &id, wish(2)).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(labels(&again), labels(&first));
    reserve(&server, &id, wish(3)).await.problem(422, "idempotency_key_reused");
    server.stop().await;
}

#[actix_web::test]
async fn a_wheelchair_place_comes_with_its_companion() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let wish = json!({"best_available": {"quantity": 2, "attributes": {"wheelchair": 1}}});
    assert_eq!(labels(&reserve(&server, &id, wish.clone()).await), ["Stalls-B-1", "Stalls-B-2"]);
    reserve(&server, &id, wish).await.problem(409, "no_block_free");
    server.stop().await;
}

#[actix_web::test]
async fn a_floor_is_sold_out_without_a_conflict_before() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let wish = || json!({"places": [{"section": "Floor", "quantity": 2}]});
    for _ in 0..5 {
        let answers = join_all((0..15).map(|_| reserve(&server, &id, wish()))).await;
        assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    }
    let problem = reserve(&server, &id, wish()).await.problem(409, "sold_out");
    assert!(problem["detail"].as_str().expect("text").starts_with("0 places are free, 2 are asked for"));
    server.stop().await;
}

#[actix_web::test]
async fn a_reservation_by_number_may_leave_no_single_seat() {
    let server = TestServer::start().await;
    let mut house = theatre();
    house["orphan_rule"] = json!("refuse");
    let id = server.event_with(house).await;
    let seat = |seat: &str| json!({"seats": [{"section": "Stalls", "row": "A", "seat": seat}]});
    let problem = reserve(&server, &id, seat("11")).await.problem(409, "leaves_single_seat");
    assert!(problem["detail"].as_str().expect("text").contains("Stalls-A-13"), "{problem}");
    let off = json!({"orphan_rule": "off"});
    let path = format!("/api/v1/events/{id}");
    assert_eq!(server.send_json(Method::PATCH, &path, Some(ADMIN), &off).await.json()["orphan_rule"], "off");
    assert_eq!(labels(&reserve(&server, &id, seat("11")).await), ["Stalls-A-11"]);
    server.stop().await;
}

#[actix_web::test]
async fn allocations_are_set_and_sold_to_their_channel() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let path = format!("/api/v1/events/{id}/allocations");
    let floor = json!({"channel": "promoter", "section": "Floor", "quantity": 149, "note": "guests"});
    let added = server.send_json(Method::PATCH, &path, Some(ADMIN), &json!({"allocations": [floor]})).await;
    assert_eq!(added.status, 200, "{added:?}");
    let of = |answer: &Answer, index: usize| {
        let allocation = answer.json()["allocations"][index].clone();
        [&allocation["channel"], &allocation["allocated"], &allocation["held"], &allocation["left"]]
            .map(Value::clone)
    };
    assert_eq!(of(&added, 0), [json!("kill"), json!(2), json!(0), json!(2)]);
    assert_eq!(of(&added, 1), [json!("promoter"), json!(149), json!(0), json!(149)]);
    let two = json!({"places": [{"section": "Floor", "quantity": 2}]});
    reserve(&server, &id, two.clone()).await.problem(409, "sold_out");
    let mut for_promoter = two;
    for_promoter["channel"] = json!("promoter");
    for_promoter["user_id"] = json!(USER_ID);
    for_promoter["event_id"] = json!(id);
    let sold = server.post("/api/v1/reservations", Some(ADMIN), &for_promoter).await;
    assert_eq!(sold.status, 201, "{sold:?}");
    let now = server.get(&path, Some(ADMIN)).await;
    assert_eq!(of(&now, 1), [json!("promoter"), json!(149), json!(2), json!(147)]);
    assert_eq!(
        now.json()["allocations"][1]["parts"],
        json!([{"section": "Floor", "row": null, "seats": null, "quantity": 149}])
    );
    assert_eq!(now.json()["allocations"][0]["parts"][0]["seats"], "14,12");
    // Somebody else was faster.
    let put = async |version: u64, allocations: Value| {
        let mut headers = with_key(Some(ADMIN));
        let version = format!("\"{version}\"");
        headers.extend([("content-type", "application/json"), ("if-match", version.as_str())]);
        let body = json!({"allocations": allocations}).to_string().into_bytes();
        server.send(Method::PUT, &path, &headers, Some(body)).await
    };
    put(1, json!([])).await.problem(412, "event_changed");
    let version = now.json()["version"].as_u64().expect("a number");
    assert_eq!(put(version, json!([])).await.json()["allocations"], json!([]));
    let event = server.get(&format!("/api/v1/events/{id}"), None).await.json();
    assert_eq!((&event["not_for_sale_seats"], &event["reserved_seats"]), (&json!(0), &json!(2)));
    let unknown = json!([{"channel": "kill", "section": "Balcony"}]);
    let problem = put(version + 1, unknown).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "allocations[0].section");
    server.stop().await;
}

#[actix_web::test]
async fn sections_are_added_to_a_running_sale() {
    let server = TestServer::start().await;
    let id = server.event_with(theatre()).await;
    let path = format!("/api/v1/events/{id}/sections");
    let more = json!({"sections": [{"name": "Floor", "category": "GA", "capacity": 50}, {"name": "Tent", "capacity": 10, "price": 500}]});
    let event = server.post(&path, Some(ADMIN), &more).await;
    assert_eq!(event.status, 200, "{event:?}");
    assert_eq!(event.json()["total_seats"], 238);
    let tent = reserve(&server, &id, json!({"places": [{"section": "Tent", "quantity": 10}]})).await;
    assert_eq!((labels(&tent).len(), &tent.json()["total_amount"]), (10, &json!(5000)));
    let twice =
        json!({"sections": [{"name": "Stalls", "category": "1", "seating": [{"rows": "A", "seats": "2"}]}]});
    let problem = server.post(&path, Some(ADMIN), &twice).await.problem(422, "validation_failed");
    assert!(problem["detail"].as_str().expect("text").contains("has the seat 2 twice"), "{problem}");
    server.stop().await;
}

#[actix_web::test]
async fn a_chart_is_kept_and_events_are_made_of_it() {
    let server = TestServer::start().await;
    let plan = json!({
        "name": "Hall", "categories": [{"name": "Gold", "color": "#fa0"}], "size": {"width": 10, "height": 5},
        "zones": [{"name": "Parkett", "position": {"x": 1, "y": 1}, "rows": [{"row_number": "1", "position": {"x": 0, "y": 0}, "seats": [
            {"seat_number": "1", "seat_guid": "p-1", "position": {"x": 0, "y": 0}, "category": "Gold"},
            {"seat_number": "2", "seat_guid": "p-2", "position": {"x": 1, "y": 0}, "category": "Gold"},
            {"seat_number": "3", "seat_guid": "p-3", "position": {"x": 2, "y": 0}, "category": "Gold"},
            {"seat_number": "4", "seat_guid": "p-4", "position": {"x": 5, "y": 0}, "category": "Gold"}]}]}],
    });
    let made = server.post("/api/v1/charts", Some(ADMIN), &plan).await;
    assert_eq!(made.status, 201, "{made:?}");
    let chart = made.json();
    assert_eq!(
        (&chart["name"], &chart["total_seats"], &chart["aisles"]),
        (&json!("Hall"), &json!(4), &json!(1))
    );
    assert_eq!((&chart["ignored"], &chart["categories"]), (&json!(["categories"]), &json!(["Gold"])));
    let id = chart["id"].as_str().expect("an id");
    // The same again is the same chart.
    assert_eq!(server.post("/api/v1/charts", Some(ADMIN), &plan).await.json()["id"], chart["id"]);
    let listed = server.get("/api/v1/charts", None).await;
    assert_eq!(listed.ids(), [id]);
    let map = server.get(&format!("/api/v1/charts/{id}/map"), None).await.json();
    assert_eq!(map, json!({"size": {"width": 10, "height": 5}, "seats": [[1, 1], [2, 1], [3, 1], [6, 1]]}));

    let of_chart = json!({"total_seats": null, "price": null, "chart_id": id, "categories": [{"key": "Gold", "price": 70}]});
    let of_plan = json!({"total_seats": null, "price": null, "seating_plan": plan, "categories": [{"key": "Gold", "price": 70}]});
    for event in [of_chart, of_plan] {
        let event = server.event_with(event).await;
        let answer = reserve(&server, &event, json!({"seats": [{"key": "p-2"}]})).await;
        assert_eq!(labels(&answer), ["Parkett-1-2"]);
        assert_eq!(answer.json()["seats"][0]["key"], "p-2");
        let seats = server.get(&format!("/api/v1/events/{event}/seats"), None).await.json();
        assert_eq!((&seats[3]["key"], &seats[3]["aisle_before"]), (&json!("p-4"), &json!(true)));
    }
    // What is added to a house with keys of its own goes by its label.
    let of_chart = json!({"total_seats": null, "price": null, "chart_id": id, "categories": [{"key": "Gold", "price": 70}]});
    let event = server.event_with(of_chart).await;
    let more = json!({"sections": [{"name": "Rang", "price": 9, "seating": [{"rows": "A", "seats": "1-2"}]}, {"name": "Floor", "price": 5, "capacity": 9}]});
    let added = server.post(&format!("/api/v1/events/{event}/sections"), Some(ADMIN), &more).await;
    assert_eq!(added.status, 200, "{added:?}");
    let wish = json!({"seats": [{"key": "p-3"}, {"key": "Rang-A-2"}], "places": [{"section": "Floor", "quantity": 1}]});
    let answer = reserve(&server, &event, wish).await;
    assert_eq!(labels(&answer), ["Parkett-1-3", "Rang-A-2", "Floor"]);
    let keys: Vec<_> =
        answer.json()["seats"].as_array().expect("seats").iter().map(|seat| seat["key"].clone()).collect();
    assert_eq!(keys, [json!("p-3"), json!("Rang-A-2")]);
    let csv = "section;row;seat;seat_to;category;channel\nRang;A;1;4;Gold;\nRang;B;1;4;Gold;kill\n";
    let headers = [("x-api-key", ADMIN), ("content-type", "text/csv")];
    let made = server.send(Method::POST, "/api/v1/charts?name=Rang", &headers, Some(csv.into())).await;
    let chart = made.json();
    assert_eq!((&chart["name"], &chart["total_seats"]), (&json!("Rang"), &json!(8)), "{chart}");
    let of_chart = json!({"total_seats": null, "price": null, "chart_id": chart["id"], "categories": [{"key": "Gold", "price": 70}]});
    let event = server.event_with(of_chart).await;
    assert_eq!(server.get(&format!("/api/v1/events/{event}"), None).await.json()["not_for_sale_seats"], 4);

    let priced = json!({"sections": [{"name": "A", "capacity": 1, "price": 5}]});
    server.post("/api/v1/charts", Some(ADMIN), &priced).await.problem(422, "validation_failed");
    let unknown = "7be1c4b4-9f1d-8a3e-b0d1-5f9a7c1e2d43";
    server.get(&format!("/api/v1/charts/{unknown}"), None).await.problem(404, "chart_not_found");
    server.stop().await;
}

#[actix_web::test]
async fn totals_are_right_in_currencies_of_any_decimals() {
    let server = TestServer::start().await;
    for (currency, decimals) in [("JPY", 0), ("EUR", 2), ("KWD", 3)] {
        let mut house = theatre();
        house["currency"] = json!(currency);
        let id = server.event_with(house).await;
        let wish = json!({"best_available": {"quantity": 3, "categories": ["1"], "ticket_types": {"adult": 2, "child": 1}}});
        let reservation = reserve(&server, &id, wish).await.json();
        assert_eq!(reservation["total_amount"], 2 * 7500 + 3750);
        assert_eq!(
            (&reservation["currency"], &reservation["currency_decimals"]),
            (&json!(currency), &json!(decimals))
        );
    }
    server.stop().await;
}
