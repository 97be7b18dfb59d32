//! The program itself, as processes that are killed and stopped: alone and as nodes of a cluster.

mod backups;
mod commands;
mod operations;
mod settings;
mod walk_through;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use awc::Client;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

const ADMIN: &str = "dev-admin-key-12345";

const PROGRAM: &str = env!("CARGO_BIN_EXE_holdfast");

/// The body of a new event, with some fields added.
fn new_event(changes: Value) -> Value {
    let mut event = json!({
        "name": "Rock Festival", "venue": "Tokyo Dome",
        "start_at": "2099-01-10T09:00:00Z", "end_at": "2099-01-10T12:00:00Z", "price": 5000,
    });
    let fields = event.as_object_mut().expect("an object");
    fields.extend(changes.as_object().expect("an object").clone());
    event
}

/// A running `holdfast serve`; killed when dropped.
struct Process {
    child: Child,
    url: String,
    client: Client,
    /// The line of its log that says that it serves.
    serving: Value,
    /// What it says after that.
    log: Option<std::thread::JoinHandle<Vec<String>>>,
}

/// A status and a body.
type Reply = (u16, Value);

/// The node that decided, as the last answer named it.
const NODE_HEADER: &str = "x-holdfast-node";

impl Process {
    /// Starts a server on a database, and waits until it says where it is.
    fn start(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = program(database_url);
        command.arg("serve").env("PORT", "0").envs(settings.iter().copied());
        Self::start_as(command)
    }

    /// Starts what `command` says, and waits until it says in its log where it is.
    fn start_as(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        let serving = lines.find(|line| {
            let serves = line.contains("\"serving\"");
            if !serves {
                eprintln!("{line}");
            }
            serves
        });
        let serving: Value =
            serde_json::from_str(&serving.expect("the server says where it is")).expect("a line of JSON");
        let address = serving["address"].as_str().expect("its address").to_owned();
        // Whatever else it says must not fill the pipe.
        let log = std::thread::spawn(move || lines.inspect(|line| eprintln!("{line}")).collect());
        let client = Client::builder().timeout(Duration::from_secs(10)).disable_redirects().finish();
        Self { child, url: format!("http://{address}"), client, serving, log: Some(log) }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        Command::new("kill").args([name, &pid]).status().expect("there is kill");
    }

    /// Asks it to stop, and says whether it ended well.
    fn terminate(self) -> bool {
        self.stop("-TERM").0
    }

    /// Stops it, and returns whether it ended well, and what it said since it began to serve.
    fn stop(mut self, signal: &str) -> (bool, Vec<String>) {
        self.signal(signal);
        let ended_well = self.child.wait().expect("it ends").success();
        let log = self.log.take().map(|log| log.join().expect("no panic")).unwrap_or_default();
        (ended_well, log)
    }

    /// `None`: no answer.
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Option<Reply> {
        self.post_to_owner(path, headers, body).await.map(|(reply, _)| reply)
    }

    /// The reply, and the node that decided.
    async fn post_to_owner(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Option<(Reply, Option<String>)> {
        let mut request =
            self.client.post(format!("{}/api/v1{path}", self.url)).insert_header(("x-api-key", ADMIN));
        for header in headers {
            request = request.insert_header(*header);
        }
        let mut answer = request.send_json(body).await.ok()?;
        let node = answer.headers().get(NODE_HEADER).and_then(|node| node.to_str().ok()).map(str::to_owned);
        let body = answer.body().limit(10_000_000).await.ok()?;
        Some(((answer.status().as_u16(), serde_json::from_slice(&body).ok()?), node))
    }

    async fn get(&self, path: &str) -> Reply {
        let (status, _, body) = self.get_bytes(path).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// The status, the version that the `ETag` names, and the body.
    async fn get_bytes(&self, path: &str) -> (u16, Option<u64>, Vec<u8>) {
        let request =
            self.client.get(format!("{}/api/v1{path}", self.url)).insert_header(("x-api-key", ADMIN));
        let mut answer = request.send().await.expect("an answer");
        let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let version = etag.and_then(|etag| etag.trim_start_matches("W/").trim_matches('"').parse().ok());
        let body = answer.body().limit(10_000_000).await.expect("a body");
        (answer.status().as_u16(), version, body.to_vec())
    }

    /// How many reads it has answered from what another node published.
    async fn reads_of_published(&self) -> u64 {
        let (_, _, text) = self.get_bytes("/metrics").await;
        let text = String::from_utf8(text).expect("text");
        let count =
            text.lines().find_map(|line| line.strip_prefix("holdfast_reads_total{source=\"published\"} "));
        count.expect("the metric").parse().expect("a number")
    }

    async fn event(&self, changes: Value) -> String {
        let (status, event) = self.post("/events", &[], &new_event(changes)).await.expect("an answer");
        assert_eq!(status, 201, "{event}");
        event["id"].as_str().expect("an id").to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(database_url: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    // Nothing of the caller's settings counts, nor a `.env` of the folder.
    command.current_dir(std::env::temp_dir());
    command.env("DATABASE_URL", database_url).env_remove("REDIS_URL");
    command.env("LOG_LEVEL", "error,holdfast::serve=info").env("LOG_FORMAT", "json");
    command
}

/// Has a program that a fresh machine may lack.
fn needs(program: &str, package: &str) {
    let is_there = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    if !is_there.expect("there is sh").status.success() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/install-packages");
        let installed = Command::new(script).arg(package).status().expect("the script starts");
        assert!(installed.success(), "please install {package}");
    }
}

/// Checks the database by the program's own `verify`.
fn assert_verified(database_url: &str) {
    let output = program(database_url).arg("verify").output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// A new database on the Postgres of the tests.
async fn postgres_database() -> String {
    let base =
        std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names a Postgres: run `make test`");
    let name = format!("holdfast_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&base).await.expect("Postgres answers");
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.expect("it may create databases");
    let (server, _) = base.rsplit_once('/').expect("the URL names a database");
    format!("{server}/{name}")
}

/// Invariant 1, through HTTP and a real database: ten callers of one seat, and 200 of fifty.
#[actix_web::test]
async fn invariant_1_a_seat_has_one_winner_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("crowd.db").display());
    crowds(&url).await;
}

#[actix_web::test]
async fn invariant_1_a_seat_has_one_winner_on_postgres() {
    crowds(&postgres_database().await).await;
}

async fn crowds(url: &str) {
    let server = std::rc::Rc::new(Process::start(url, &[]));
    for (callers, seats) in [(10, 1), (200, 50)] {
        let event_id = server.event(json!({"total_seats": seats})).await;
        let (_, listed) = server.get(&format!("/events/{event_id}/seats")).await;
        let calls: Vec<_> = (0..callers)
            .map(|caller| {
                let server = server.clone();
                let request = request(&event_id, &listed[caller % seats]["id"], caller as u32, 0);
                actix_web::rt::spawn(async move { server.post("/reservations", &[], &request).await })
            })
            .collect();
        let mut winners = std::collections::HashSet::new();
        for call in calls {
            match call.await.expect("no panic").expect("an answer") {
                (201, held) => assert!(winners.insert(held["seat_ids"][0].to_string()), "sold twice: {held}"),
                (409, refusal) => {
                    assert_eq!(refusal["code"], "seat_unavailable");
                    assert_eq!(refusal["conflicts"][0]["reason"], "reserved", "{refusal}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(winners.len(), seats);
    }
    drop(server);
    assert_verified(url);
}

/// Invariant 2, at its hardest: what was acknowledged outlasts a kill -9 in the middle of the load.
#[actix_web::test]
async fn invariant_2_a_kill_loses_nothing_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("killed.db").display());
    kill_under_load(&url).await;
}

#[actix_web::test]
async fn invariant_2_a_kill_loses_nothing_on_postgres() {
    kill_under_load(&postgres_database().await).await;
}

const CALLERS: u32 = 16;
const SEATS: u32 = 2_000;
const ENOUGH: usize = 200;

async fn kill_under_load(url: &str) {
    let server = std::rc::Rc::new(Process::start(url, &[]));
    let event_id = server.event(json!({"total_seats": SEATS})).await;
    let (_, seats) = server.get(&format!("/events/{event_id}/seats")).await;
    let seat_ids: std::rc::Rc<Vec<Value>> =
        std::rc::Rc::new(seats.as_array().expect("an array").iter().map(|seat| seat["id"].clone()).collect());
    let acknowledged = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));

    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (server, event_id) = (server.clone(), event_id.clone());
            let (seat_ids, acknowledged) = (seat_ids.clone(), acknowledged.clone());
            actix_web::rt::spawn(async move {
                for turn in 0..SEATS / CALLERS {
                    let seat_id = &seat_ids[(turn * CALLERS + caller) as usize];
                    let request = request(&event_id, seat_id, caller, turn);
                    let Some((201, held)) = server.post("/reservations", &[], &request).await else { return };
                    acknowledged.borrow_mut().push((held["id"].clone(), "pending", request));
                    let confirm = format!("/reservations/{}/confirm", held["id"].as_str().expect("an id"));
                    let Some((200, _)) = server.post(&confirm, &[], &Value::Null).await else { return };
                    if let Some(row) = acknowledged.borrow_mut().iter_mut().find(|row| row.0 == held["id"]) {
                        row.1 = "confirmed";
                    }
                }
            })
        })
        .collect();
    while acknowledged.borrow().len() < ENOUGH {
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
    let pid = server.child.id().to_string();
    Command::new("kill").args(["-KILL", &pid]).status().expect("there is kill");
    for caller in callers {
        caller.await.expect("no panic");
    }
    drop(server);

    let server = Process::start(url, &[]);
    for (id, status, request) in &acknowledged.take() {
        let id = id.as_str().expect("an id");
        let (found, row) = server.get(&format!("/reservations/{id}")).await;
        assert_eq!(found, 200, "{id} was acknowledged, and is lost");
        if *status == "confirmed" {
            assert_eq!(row["status"], "confirmed", "{row}");
        }
        let (replayed, again) = server.post("/reservations", &[], request).await.expect("an answer");
        assert_eq!((replayed, &again["id"]), (201, &row["id"]), "its key leads to it");
    }
    // What was not acknowledged either is there or is not; no seat is between the two.
    let (_, event) = server.get(&format!("/events/{event_id}")).await;
    let count = |field: &str| event[field].as_u64().expect("a number");
    assert_eq!(
        count("available_seats") + count("reserved_seats") + count("confirmed_seats"),
        u64::from(SEATS)
    );
    assert!(server.terminate(), "it stops well");
    assert_verified(url);
}

fn request(event_id: &str, seat_id: &Value, caller: u32, turn: u32) -> Value {
    json!({
        "event_id": event_id, "seat_ids": [seat_id], "user_id": Uuid::from_u128(caller.into()),
        "idempotency_key": format!("caller-{caller}-turn-{turn}"),
    })
}

const LEASE_TTL: Duration = Duration::from_secs(2);

/// The nodes of one cluster, each with its address.
async fn cluster(nodes: usize, redis_url: &str) -> Vec<(Process, String)> {
    let database_url = postgres_database().await;
    (0..nodes)
        .map(|_| {
            let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = port.expect("a free port").port().to_string();
            let settings = [
                ("PORT", port.as_str()),
                ("REDIS_URL", redis_url),
                ("CLUSTER_SECRET", "a-secret-of-the-nodes"),
                ("LEASE_TTL_MS", "2000"),
                ("BATCH_TIMEOUT_MS", "1000"),
            ];
            (Process::start(&database_url, &settings), format!("http://127.0.0.1:{port}"))
        })
        .collect()
}

fn reservation(event_id: &str, seat_id: &Value, key: &str) -> Value {
    json!({"event_id": event_id, "seat_ids": [seat_id], "user_id": Uuid::from_u128(1), "idempotency_key": key})
}

/// Tries until the seat is reserved, and says how long that took.
async fn until_reserved(node: &Process, request: &Value) -> Duration {
    let begin = Instant::now();
    loop {
        match node.post("/reservations", &[], request).await {
            Some((201, _)) => return begin.elapsed(),
            Some((503, _)) | None => actix_web::rt::time::sleep(Duration::from_millis(20)).await,
            Some(other) => panic!("{other:?}"),
        }
        assert!(begin.elapsed() < 3 * LEASE_TTL, "the event is not sold any more");
    }
}

#[actix_web::test]
async fn any_node_answers_and_one_decides_also_when_it_stops_or_dies() {
    let redis_url = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a Redis: run `make test`");
    let mut nodes = cluster(3, &redis_url).await;
    let event_id = nodes[0].0.event(json!({"total_seats": 100})).await;
    let (_, seats) = nodes[1].0.get(&format!("/events/{event_id}/seats")).await;
    let seat = |number: usize| &seats[number - 1]["id"];

    let mut owners = Vec::new();
    for (number, (node, _)) in nodes.iter().enumerate() {
        let request = reservation(&event_id, seat(number + 1), &format!("key-{number}"));
        let ((status, held), owner) =
            node.post_to_owner("/reservations", &[], &request).await.expect("an answer");
        assert_eq!(status, 201, "{held}");
        owners.push(owner.expect("every answer names its node"));
        // Another node finds it, and confirms it.
        let other = &nodes[(number + 1) % nodes.len()].0;
        let path = format!("/reservations/{}/confirm", held["id"].as_str().expect("an id"));
        assert_eq!(other.post(&path, &[], &Value::Null).await.expect("an answer").0, 200);
        let confirmed_at = Instant::now();
        let path = format!("/events/{event_id}");
        while other.get(&path).await.1["confirmed_seats"] != number + 1 {
            assert!(confirmed_at.elapsed() < 2 * MAX_READ_AGE, "a read is too old");
        }
    }
    assert!(owners.iter().all(|owner| *owner == owners[0]), "{owners:?}");

    // The count of hops is believed only with the nodes' secret: a client cannot make a node take the event.
    let bystander = nodes.iter().find(|(_, url)| *url != owners[0]).expect("three nodes");
    let forged = [("x-holdfast-hops", "1"), ("x-holdfast-cluster-secret", "a-secret-of-a-client!")];
    let request = reservation(&event_id, seat(10), "forged");
    let ((status, _), owner) =
        bystander.0.post_to_owner("/reservations", &forged, &request).await.expect("an answer");
    assert_eq!((status, owner.as_ref()), (201, Some(&owners[0])));

    // A node that is asked to stop hands its events over; one that is killed leaves them to its lease's end.
    let stopping = nodes.iter().position(|(_, url)| *url == owners[0]).expect("it is one of them");
    let (stopped, _) = nodes.remove(stopping);
    assert!(stopped.terminate(), "it stops well");
    let took = until_reserved(&nodes[0].0, &reservation(&event_id, seat(11), "after-stop")).await;
    assert!(took < Duration::from_secs(1), "{took:?}");

    let request = reservation(&event_id, seat(12), "before-kill");
    let (_, owner) = nodes[0].0.post_to_owner("/reservations", &[], &request).await.expect("an answer");
    let killed = nodes.iter().position(|(_, url)| Some(url) == owner.as_ref()).expect("it is one of them");
    drop(nodes.remove(killed));
    let took = until_reserved(&nodes[0].0, &reservation(&event_id, seat(13), "after-kill")).await;
    assert!(took < LEASE_TTL + Duration::from_secs(1), "{took:?}");
}

/// How old a read may be on a node that does not own the event.
const MAX_READ_AGE: Duration = Duration::from_secs(1);

/// A Redis of a test's own, to be broken; killed when dropped.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("a free port").port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("there is redis-server");
        let redis = Self { child, port };
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(10), "Redis does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn flush(&self) {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).expect("Redis answers");
        stream.write_all(b"FLUSHALL\r\n").expect("Redis listens");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).expect("Redis answers");
        assert_eq!(&answer, b"+OK\r\n");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node that is read, and the versions that it has shown, of the event and of its seats.
struct Reader<'a> {
    node: &'a Process,
    event_id: &'a str,
    shown: [u64; 2],
}

impl Reader<'_> {
    /// Reads until the node shows the batch `seq`, which was acknowledged at `since` and reserved seat
    /// `seat_no`, and for a while more.
    async fn follow(&mut self, seq: u64, seat_no: usize, since: Instant) {
        let path = format!("/events/{}", self.event_id);
        let is_settled = |shown: &[u64; 2]| shown.iter().all(|version| *version >= seq);
        while !is_settled(&self.shown) || since.elapsed() < Duration::from_millis(300) {
            let asked_after = since.elapsed();
            let (_, event) = self.node.get(&path).await;
            let version = event["version"].as_u64().expect("a number");
            let count = |field: &str| event[field].as_u64().expect("a number");
            assert_eq!(count("available_seats") + count("reserved_seats"), count("total_seats"), "{event}");
            let (_, seats_version, seats) = self.node.get_bytes(&format!("{path}/seats")).await;
            let seats: Value = serde_json::from_slice(&seats).expect("JSON");
            let shown = [version, seats_version.expect("a version")];
            let status = &seats[seat_no - 1]["status"];
            assert_eq!(status, if shown[1] >= seq { "reserved" } else { "available" }, "{shown:?} {seq}");
            assert!(
                is_settled(&shown) || asked_after < MAX_READ_AGE,
                "{shown:?} after {asked_after:?}, {seq}"
            );
            assert!(shown[0] >= self.shown[0] && shown[1] >= self.shown[1], "{shown:?} {:?}", self.shown);
            self.shown = shown;
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[actix_web::test]
async fn reads_on_other_nodes_are_a_second_old_at_most_also_without_redis() {
    let redis = Redis::start();
    let nodes = cluster(3, &redis.url()).await;
    let event_id = nodes[0].0.event(json!({"total_seats": 100})).await;
    let (_, seats) = nodes[0].0.get(&format!("/events/{event_id}/seats")).await;
    let request = reservation(&event_id, &seats[0]["id"], "first");
    let (_, owner) = nodes[0].0.post_to_owner("/reservations", &[], &request).await.expect("an answer");
    let is_owner = |url: &String| Some(url) == owner.as_ref();
    let owner = &nodes.iter().find(|(_, url)| is_owner(url)).expect("it is one of them").0;
    let others = nodes.iter().filter(|(_, url)| !is_owner(url));
    let mut readers: Vec<_> =
        others.map(|(node, _)| Reader { node, event_id: &event_id, shown: [0, 0] }).collect();

    let mut seat_no = 1;
    let mut reserve_and_follow = async || {
        seat_no += 1;
        let request = reservation(&event_id, &seats[seat_no - 1]["id"], &format!("key-{seat_no}"));
        let (status, held) = owner.post("/reservations", &[], &request).await.expect("an answer");
        assert_eq!(status, 201, "{held}");
        let (seq, since) = (held["seq"].as_u64().expect("a number"), Instant::now());
        let [one, other] = &mut readers[..] else { panic!("two other nodes") };
        futures_util::join!(one.follow(seq, seat_no, since), other.follow(seq, seat_no, since));
        readers[0].node.reads_of_published().await.min(readers[1].node.reads_of_published().await)
    };
    // The first reads after a batch come before its publication; those that follow it do not.
    let mut tries = 0;
    while reserve_and_follow().await == 0 {
        tries += 1;
        assert!(tries < 20, "nothing that was published is read");
    }
    redis.flush();
    for _ in 0..2 {
        reserve_and_follow().await;
    }
    drop(redis);
    for _ in 0..4 {
        reserve_and_follow().await;
    }
}

/// Huge pages are cleared whole when they are first touched, and every request waits meanwhile.
#[actix_web::test]
async fn the_program_has_small_pages_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(&format!("sqlite://{}", folder.path().join("pages.db").display()), &[]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("it runs");
    let huge_pages =
        status.lines().find_map(|line| line.strip_prefix("THP_enabled:")).expect("a recent kernel");
    assert_eq!(huge_pages.trim(), "0");
}
