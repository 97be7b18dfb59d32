//! What the program tells whoever operates it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::{ADMIN, Process, postgres_database, reservation};

const LOG_EVERYTHING: (&str, &str) = ("LOG_LEVEL", "info");

fn lines<'a>(log: &'a [String], words: &'a str) -> impl Iterator<Item = Value> + 'a {
    let lines = log.iter().filter(move |line| line.contains(words));
    lines.map(|line| serde_json::from_str(line).expect("a line of JSON"))
}

#[actix_web::test]
async fn the_access_line_says_who_asked_and_about_what_but_shows_no_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("access.db").display());
    let server = Process::start(&url, &[LOG_EVERYTHING]);
    let event_id = server.event(json!({"total_seats": 2})).await;
    let (_, seats) = server.get(&format!("/events/{event_id}/seats")).await;
    let (_, held) = server
        .post("/reservations", &[], &reservation(&event_id, &seats[0]["id"], "a"))
        .await
        .expect("an answer");
    let (status, _) = server
        .post("/reservations", &[], &reservation(&event_id, &seats[0]["id"], "b"))
        .await
        .expect("an answer");
    assert_eq!(status, 409);
    let id = held["id"].as_str().expect("an id").to_owned();
    server.post(&format!("/reservations/{id}/confirm"), &[], &Value::Null).await.expect("an answer");
    server.client.get(format!("{}/api/v1/events/{event_id}", server.url)).send().await.expect("an answer");
    let (_, log) = server.stop("-TERM");

    let made = lines(&log, "\"status\":201").last().expect("a reservation is made");
    for (field, value) in [("role", "admin"), ("event_id", &event_id), ("reservation_id", &id)] {
        assert_eq!(made[field], value, "{made}");
    }
    let key_id = made["key_id"].as_str().expect("a key's id");
    assert!(key_id.len() == 8 && !ADMIN.contains(key_id), "{made}");
    let refused = lines(&log, "\"status\":409").last().expect("a refusal");
    assert_eq!((&refused["event_id"], &refused["reservation_id"]), (&json!(event_id), &Value::Null));
    let sold = lines(&log, "/confirm").last().expect("a sale");
    assert_eq!((&sold["event_id"], &sold["reservation_id"]), (&json!(event_id), &json!(id)));
    let looked_at = lines(&log, "\"route\":\"/api/v1/events/{id}\"").last().expect("a read");
    assert_eq!((&looked_at["role"], &looked_at["event_id"]), (&json!("anonymous"), &json!(event_id)));
    assert_eq!(looked_at["key_id"], Value::Null);
    assert!(!log.iter().any(|line| line.contains(ADMIN)), "a key stands in the log");
}

#[actix_web::test]
async fn a_line_of_the_log_is_short_whatever_a_client_asks_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("long.db").display());
    let server = Process::start(&url, &[LOG_EVERYTHING]);
    for (method, path) in [("GET", "a".repeat(60_000)), (&*"M".repeat(30_000), "a".to_owned())] {
        let method = method.parse().expect("a method");
        let request = server.client.request(method, format!("{}/api/v1/{path}", server.url));
        assert_eq!(request.send().await.expect("an answer").status(), 404);
    }
    let (_, log) = server.stop("-TERM");
    assert_eq!(lines(&log, "\"status\":404").count(), 2, "{log:?}");
    let longest = log.iter().map(String::len).max().expect("lines");
    assert!(longest < 1_000, "{longest} bytes");
}

#[actix_web::test]
async fn the_server_has_as_many_files_as_it_may_have() {
    // As shells give them to what they start.
    let (_, hard) = rlimit::Resource::NOFILE.get().expect("a limit");
    rlimit::Resource::NOFILE.set(1_024.min(hard), hard).expect("it is lowered");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("files.db").display());
    let server = Process::start(&url, &[]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert_eq!(files.split_whitespace().nth(3), Some(&*hard.to_string()), "{files}");
}

/// As after a failover to a replica that was not promoted.
#[actix_web::test]
async fn health_is_not_ok_while_the_database_cannot_write() {
    let url = postgres_database().await;
    let server = Process::start(&url, &[]);
    assert_eq!(server.get("/health").await.1["status"], "ok");
    let mut database = PgConnection::connect(&url).await.expect("Postgres answers");
    let (_, name) = url.rsplit_once('/').expect("a name");
    let read_only = |value: &str| {
        AssertSqlSafe(format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = {value}; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        ))
    };
    for (value, status, store) in [("on", 503, "down"), ("off", 200, "ok")] {
        sqlx::raw_sql(read_only(value)).execute(&mut database).await.expect("it is set");
        let begun = Instant::now();
        loop {
            let (answered, health) = server.get("/health").await;
            if (answered, &health["store"]) == (status, &json!(store)) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(8), "read-only {value}: {health}");
            actix_web::rt::time::sleep(Duration::from_millis(200)).await;
        }
        // The session that changes it was made before.
        sqlx::raw_sql("SET default_transaction_read_only = off")
            .execute(&mut database)
            .await
            .expect("it is set");
    }
    assert!(server.terminate(), "it stops well");
}

#[actix_web::test]
async fn a_redis_that_is_gone_is_told_once_by_its_setting() {
    let settings = [
        LOG_EVERYTHING,
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("CLUSTER_SECRET", "a-secret-of-the-nodes"),
        ("SHUTDOWN_GRACE_MS", "0"),
    ];
    let server = Process::start(&postgres_database().await, &settings);
    // Long enough for four beats.
    actix_web::rt::time::sleep(Duration::from_millis(2_200)).await;
    let (_, log) = server.stop("-TERM");
    let told: Vec<_> = lines(&log, "no heartbeat").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0]["fault"].as_str().is_some_and(|fault| fault.contains("REDIS_URL")), "{told:?}");
}

#[actix_web::test]
async fn metrics_tell_what_is_sold_and_what_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("metrics.db").display());
    let server = Process::start(&url, &[]);
    let event_id = server.event(json!({"total_seats": 3})).await;
    let (_, seats) = server.get(&format!("/events/{event_id}/seats")).await;
    let ids = [&seats[0]["id"], &seats[1]["id"]];
    let body = json!({"event_id": event_id, "seat_ids": ids, "user_id": Uuid::from_u128(1)});
    let (_, held) = server.post("/reservations", &[], &body).await.expect("an answer");
    server.post("/reservations", &[], &body).await.expect("an answer");
    let confirm = format!("/reservations/{}/confirm", held["id"].as_str().expect("an id"));
    for _ in 0..2 {
        server.post(&confirm, &[], &Value::Null).await.expect("an answer");
    }
    let (_, _, text) = server.get_bytes("/metrics").await;
    let text = String::from_utf8(text).expect("text");
    for line in [
        "holdfast_seats_sold_total 2",
        "holdfast_refusals_total{code=\"seat_unavailable\"} 1",
        "holdfast_batch_changes_bucket{le=\"1\"} 2",
        "process_open_fds ",
        concat!("holdfast_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\",commit="),
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(server.terminate(), "it stops well");
}
