//! That what an operator copies is whole: after a stop, by `holdfast backup`, and by Postgres's own tool.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::{Process, assert_verified, needs, postgres_database, program, reservation};

fn sqlite(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// Sells a seat, and returns its event and the reservation.
async fn sale(server: &Process) -> (String, String) {
    let event_id = server.event(json!({"total_seats": 5})).await;
    let (_, seats) = server.get(&format!("/events/{event_id}/seats")).await;
    let request = reservation(&event_id, &seats[0]["id"], "sold");
    let (status, held) = server.post("/reservations", &[], &request).await.expect("an answer");
    assert_eq!(status, 201, "{held}");
    let id = held["id"].as_str().expect("an id").to_owned();
    let (status, _) =
        server.post(&format!("/reservations/{id}/confirm"), &[], &Value::Null).await.expect("an answer");
    assert_eq!(status, 200);
    (event_id, id)
}

/// A server on the copy knows the sale, and goes on selling.
async fn assert_restored(url: &str, event_id: &str, id: &str) {
    assert_verified(url);
    let server = Process::start(url, &[]);
    let (status, found) = server.get(&format!("/reservations/{id}")).await;
    assert_eq!((status, &found["status"]), (200, &json!("confirmed")), "{found}");
    let (_, seats) = server.get(&format!("/events/{event_id}/seats")).await;
    let request = reservation(event_id, &seats[1]["id"], "after");
    assert_eq!(server.post("/reservations", &[], &request).await.expect("an answer").0, 201);
    assert!(server.terminate(), "it stops well");
    assert_verified(url);
}

fn backup(url: &str, file: &Path) -> Output {
    program(url).arg("backup").arg(file).output().expect("the program starts")
}

#[actix_web::test]
async fn after_a_stop_the_file_alone_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("holdfast.db");
    for round in 0..3 {
        let server = Process::start(&sqlite(&file), &[]);
        let (event_id, id) = sale(&server).await;
        assert!(server.terminate(), "it stops well");
        assert!(!folder.path().join("holdfast.db-wal").exists(), "the log is left");
        let copy = folder.path().join(format!("copy-{round}.db"));
        fs::copy(&file, &copy).expect("it is copied");
        assert_restored(&sqlite(&copy), &event_id, &id).await;
    }
}

#[actix_web::test]
async fn a_running_server_is_backed_up_and_the_copy_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = sqlite(&folder.path().join("holdfast.db"));
    let copy = folder.path().join("copy.db");
    let server = Process::start(&url, &[]);
    let (event_id, id) = sale(&server).await;
    let made = backup(&url, &copy);
    assert!(made.status.success(), "{made:?}");
    sale(&server).await;
    let again = backup(&url, &copy);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is there already"));
    assert!(server.terminate(), "it stops well");
    assert_restored(&sqlite(&copy), &event_id, &id).await;
    let missing = backup(&sqlite(&folder.path().join("typo.db")), &folder.path().join("none.db"));
    assert!(!missing.status.success());
    let left: Vec<_> = fs::read_dir(folder.path()).expect("it is there").flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[actix_web::test]
async fn postgres_is_backed_up_by_its_own_tool() {
    needs("pg_dump", "postgresql-client");
    let (url, restored) = (postgres_database().await, postgres_database().await);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("holdfast.dump");
    let refused = backup(&url, &file);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("pg_dump --format=custom"), "{said}");

    let server = Process::start(&url, &[]);
    let (event_id, id) = sale(&server).await;
    let tool = |name: &str, arguments: &[&str]| {
        let done = Command::new(name).args(arguments).output().expect("it starts");
        assert!(done.status.success(), "{done:?}");
    };
    let path = file.to_str().expect("text");
    tool("pg_dump", &["--format=custom", "--file", path, &url]);
    tool("pg_restore", &["--no-owner", "--exit-on-error", "--dbname", &restored, path]);
    assert!(server.terminate(), "it stops well");
    assert_restored(&restored, &event_id, &id).await;
}
