//! Each peer obeys the rules that it is compared by. Needs TEST_DATABASE_URL and TEST_REDIS_URL.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use clap::Parser;
use engine::{
    CallError, Clock, EventId, EventInfo, Rejection, ReservationView, SeatNo, Seating, SystemClock, UserId,
};
use futures_util::future::join_all;
use holdfast_http::config::Config;
use holdfast_http::metric;
use holdfast_http::server;
use peers::tables::{Found, check};
use peers::{Peer, PeerKind, Settings, SetupError};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

const KINDS: [PeerKind; 3] = [PeerKind::Optimistic, PeerKind::RedisLock, PeerKind::SkipLocked];

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    config: Config,
}

struct Sale {
    peer: Peer,
    event_id: EventId,
    database_url: String,
}

impl Sale {
    async fn start(kind: PeerKind, seats: u32) -> Self {
        let database_url = new_database().await;
        let redis_url =
            std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL: run the tests with `make test`");
        let settings = Settings::prepare(kind, &database_url, 8, Some(&redis_url)).await.expect("a server");
        let peer = Peer::new(Arc::new(settings));
        let event = event_info(seats);
        let event_id = event.id;
        peer.create_event(Arc::new(event)).await.expect("an event");
        Self { peer, event_id, database_url }
    }

    async fn reserve(&self, seats: &[SeatNo], key: Option<&str>) -> Result<ReservationView, CallError> {
        self.peer.reserve(self.event_id, user(1), seats.to_vec(), key.map(str::to_owned)).await
    }

    async fn found(&self) -> Found {
        let mut connection = PgConnection::connect(&self.database_url).await.expect("a connection");
        check(&mut connection).await.expect("a look at the tables")
    }
}

#[tokio::test]
async fn a_seat_is_sold_once() {
    for kind in KINDS {
        let sale = Sale::start(kind, 10).await;
        let first = sale.reserve(&[2, 1], None).await.unwrap();
        assert_eq!((&first.reservation.seats[..], first.reservation.total_minor), (&[2, 1][..], 10_000));
        assert_eq!(conflicts(sale.reserve(&[3, 2], None).await), [2], "{kind:?}");
        sale.reserve(&[3], None).await.unwrap();
        assert_eq!(sale.found().await, Found { reservations: 2, held_twice: 0, unlike: 0 }, "{kind:?}");
    }
}

#[tokio::test]
async fn a_repeated_key_gives_the_same_reservation() {
    for kind in KINDS {
        let sale = Sale::start(kind, 10).await;
        let (first, second) =
            tokio::join!(sale.reserve(&[1, 2], Some("a")), sale.reserve(&[1, 2], Some("a")));
        let again = sale.reserve(&[1, 2], Some("a")).await.unwrap();
        // Of two at once, one or (where locked seats are skipped) both may find the seats taken; a second
        // reservation is never made.
        assert_eq!(again.replayed, first.is_ok() || second.is_ok(), "{kind:?}");
        for view in [first, second].into_iter().flatten() {
            assert_eq!(view.reservation.id, again.reservation.id, "{kind:?}");
        }
        let other = sale.reserve(&[3], Some("a")).await;
        let reused = CallError::from(Rejection::IdempotencyKeyReused);
        assert_eq!(other.unwrap_err(), reused, "{kind:?}");
        assert_eq!(sale.found().await, Found { reservations: 1, held_twice: 0, unlike: 0 }, "{kind:?}");
    }
}

#[tokio::test]
async fn a_crowd_on_the_same_seats_gets_each_seat_once() {
    for kind in KINDS {
        let sale = Sale::start(kind, 12).await;
        let pairs: Vec<[SeatNo; 2]> =
            (0..60).map(|caller| [caller * 5 % 12 + 1, caller * 7 % 12 + 1]).collect();
        let calls = pairs.iter().filter(|[a, b]| a != b).map(|seats| sale.reserve(seats, None));
        let mut sold = HashSet::new();
        let mut reservations = 0;
        for answer in join_all(calls).await {
            match answer {
                Ok(view) => {
                    reservations += 1;
                    assert!(view.reservation.seats.iter().all(|seat_no| sold.insert(*seat_no)), "{kind:?}");
                }
                error => assert!(!conflicts(error).is_empty(), "{kind:?}"),
            }
        }
        assert!(reservations > 0, "{kind:?}");
        assert_eq!(sale.found().await, Found { reservations, held_twice: 0, unlike: 0 }, "{kind:?}");
    }
}

#[tokio::test]
async fn seats_and_events_that_are_not_there_are_named() {
    let sale = Sale::start(PeerKind::Optimistic, 2).await;
    let missing = CallError::from(Rejection::SeatNotFound(vec![3]));
    assert_eq!(sale.reserve(&[1, 3], None).await.unwrap_err(), missing);
    let elsewhere = event_info(1).id;
    let error = sale.peer.reserve(elsewhere, user(1), vec![1], None).await.unwrap_err();
    assert_eq!(error, Rejection::EventNotFound.into());
}

#[actix_web::test]
async fn a_server_speaks_the_contract_of_holdfast() {
    let config = CommandLine::parse_from(["peer", "--port", "0", "--workers", "1"]).config;
    let database_url = new_database().await;
    let settings = Settings::prepare(PeerKind::Optimistic, &database_url, 4, None).await.unwrap();
    let engine = peers::server::engine(&config);
    let state = web::Data::new(server::state(&config, engine, metric::install().unwrap()));
    let (server, address) = peers::server::start(state, &config, Arc::new(settings)).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);

    let event = json!({
        "name": "Jazz Night", "venue": "Blue Note Tokyo", "total_seats": 4, "price": 5000,
        "start_at": "2099-01-10T09:00:00Z", "end_at": "2099-01-10T12:00:00Z",
    });
    let (status, event) = post(address, "events", &event).await;
    assert_eq!(status, 201, "{event}");
    let event_id: EventId = event["id"].as_str().and_then(|id| id.parse().ok()).unwrap();
    let seats = [event_id.seat(1), event_id.seat(2)];
    let order = json!({"event_id": event_id, "user_id": Uuid::from_u128(1), "seat_ids": seats});
    let (status, reservation) = post(address, "reservations", &order).await;
    assert_eq!((status, &reservation["seat_numbers"]), (201, &json!(["A-1", "A-2"])), "{reservation}");
    assert_eq!(reservation["total_amount"], 10_000);
    let (status, refusal) = post(address, "reservations", &order).await;
    assert_eq!((status, &refusal["code"]), (409, &json!("seat_unavailable")), "{refusal}");
    handle.stop(false).await;
}

#[tokio::test]
async fn a_lock_needs_a_redis() {
    let error = Settings::prepare(PeerKind::RedisLock, "postgres://nowhere", 1, None).await.err();
    assert!(matches!(error, Some(SetupError::Redis(_))), "{error:?}");
}

async fn post(address: SocketAddr, path: &str, body: &Value) -> (u16, Value) {
    let request = awc::Client::default().post(format!("http://{address}/api/v1/{path}"));
    let mut answer = request
        .insert_header(("x-api-key", "dev-admin-key-12345"))
        .timeout(Duration::from_secs(30))
        .send_json(body)
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn conflicts(answer: Result<ReservationView, CallError>) -> Vec<SeatNo> {
    match answer {
        Err(CallError::Rejected { rejection: Rejection::SeatUnavailable(conflicts), .. }) => {
            conflicts.iter().map(|conflict| conflict.seat_no).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

fn event_info(seats: u32) -> EventInfo {
    let tag = Uuid::new_v4().as_u128() as u32;
    engine::testing::event_info(SystemClock.now(), tag, Seating::of_seats(seats, 5_000))
}

async fn new_database() -> String {
    let server =
        std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL: run the tests with `make test`");
    let options = PgConnectOptions::from_str(&server).expect("TEST_DATABASE_URL");
    let name = format!("peers_{}", Uuid::new_v4().simple());
    let mut connection = options.connect().await.expect("TEST_DATABASE_URL");
    let statement = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(statement).execute(&mut connection).await.expect("a database");
    options.database(&name).to_url_lossy().to_string()
}
