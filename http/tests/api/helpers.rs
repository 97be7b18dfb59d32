//! A server to talk to, and a client that keeps what came back.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::web;
use awc::{Client, Connector};
use clap::Parser;
use engine::testing::{ManualClock, MemoryStore};
use engine::{Engine, EngineConfig, LocalLease, Timestamp};
use holdfast_http::config::Config;
use holdfast_http::metric;
use holdfast_http::server;
use holdfast_http::state::AppState;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) const ADMIN: &str = "dev-admin-key-12345";
pub(crate) const USER: &str = "dev-user-key-67890";
/// The user that the user's key acts for.
pub(crate) const USER_ID: &str = "00000000-0000-4000-8000-000000000001";
pub(crate) const OTHER_USER_ID: &str = "00000000-0000-4000-8000-000000000002";

/// 2026-06-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_780_272_000_000_000);

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    config: Config,
}

/// A running server.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) state: web::Data<AppState>,
    handle: ServerHandle,
    client: Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::start_by(adjust, server::start).await
    }

    /// With other calls under `/api/v1`.
    pub(crate) async fn start_with_api(api: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        Self::start_by(|_| {}, |state, config| server::start_with(state, config, api)).await
    }

    async fn start_by(
        adjust: impl FnOnce(&mut Config),
        start: impl FnOnce(web::Data<AppState>, &Config) -> io::Result<(Server, SocketAddr)>,
    ) -> Self {
        let mut config = CommandLine::parse_from(["holdfast", "--port", "0", "--workers", "1"]).config;
        adjust(&mut config);
        let metrics = recorder();
        let clock = Arc::new(ManualClock::new(NOW));
        let store = Arc::new(MemoryStore::with_clock(Arc::clone(&clock) as _));
        let engine = Engine::start(
            EngineConfig { queue_per_event: config.queue_per_event, ..EngineConfig::default() },
            store.clone(),
            Arc::new(LocalLease),
            clock.clone(),
        );
        let state = web::Data::new(server::state(&config, engine, metrics));
        let (server, address) = start(state.clone(), &config).expect("a free port");
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let connector = Connector::new().limit(0);
        let client = Client::builder()
            .connector(connector)
            .timeout(Duration::from_secs(30))
            .disable_redirects()
            .finish();
        Self { address, clock, store, state, handle, client }
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
        self.state.engine.shutdown().await;
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request =
            self.client.request(method, format!("http://{}{path}", self.address)).no_decompress();
        for header in headers {
            request = request.insert_header(*header);
        }
        let mut response = match body {
            Some(body) => request.send_body(body).await,
            None => request.send().await,
        }
        .expect("an answer");
        let bytes = response.body().limit(100_000_000).await.expect("a body").to_vec();
        Answer { status: response.status(), headers: response.headers().clone(), bytes }
    }

    pub(crate) async fn get(&self, path: &str, key: Option<&str>) -> Answer {
        self.send(Method::GET, path, &with_key(key), None).await
    }

    pub(crate) async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.send_json(Method::POST, path, key, body).await
    }

    pub(crate) async fn send_json(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Answer {
        let mut headers = with_key(key);
        headers.push(("content-type", "application/json"));
        self.send(method, path, &headers, Some(body.to_string().into_bytes())).await
    }

    /// A new event of so many seats, and its id.
    pub(crate) async fn event(&self, seats: u32) -> String {
        self.event_with(json!({"total_seats": seats})).await
    }

    pub(crate) async fn event_with(&self, changes: Value) -> String {
        let answer = self.post("/api/v1/events", Some(ADMIN), &new_event(changes)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// The ids of all seats of an event, by number.
    pub(crate) async fn seats(&self, event_id: &str) -> Vec<String> {
        let answer = self.get(&format!("/api/v1/events/{event_id}/seats"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.ids()
    }

    /// Reserves as the user.
    pub(crate) async fn reserve(&self, event_id: &str, seat_ids: &[String]) -> Answer {
        let body = json!({"event_id": event_id, "seat_ids": seat_ids});
        self.post("/api/v1/reservations", Some(USER), &body).await
    }

    /// Reserves as the user, and returns the reservation's id.
    pub(crate) async fn reserved(&self, event_id: &str, seat_ids: &[String]) -> String {
        let answer = self.reserve(event_id, seat_ids).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// `confirm`, `cancel` or `extend` as the user.
    pub(crate) async fn act(&self, reservation_id: &str, action: &str) -> Answer {
        let path = format!("/api/v1/reservations/{reservation_id}/{action}");
        self.send(Method::POST, &path, &with_key(Some(USER)), None).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let items = self.json();
        let items = items.as_array().expect("an array").iter();
        items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// Checks that this is a whole problem document of this status and code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{problem}");
        for field in ["type", "title", "detail", "instance"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
        }
        problem
    }
}

pub(crate) fn with_key(key: Option<&str>) -> Vec<(&str, &str)> {
    key.map(|key| ("x-api-key", key)).into_iter().collect()
}

/// The body of a new event, with some fields changed; `null` takes one out.
pub(crate) fn new_event(changes: Value) -> Value {
    let mut event = json!({
        "name": "Rock Festival", "venue": "Tokyo Dome",
        "start_at": "2027-01-10T09:00:00Z", "end_at": "2027-01-10T12:00:00Z",
        "total_seats": 20, "price": 5000,
    });
    let fields = event.as_object_mut().expect("an object");
    for (field, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            fields.remove(field);
        } else {
            fields.insert(field.clone(), value.clone());
        }
    }
    event
}

/// The recorder is the process's: all servers of the tests share it.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| metric::install().expect("the first recorder")).clone()
}
