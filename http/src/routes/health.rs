//! How the server is: for people, orchestrators and Prometheus.

use std::future::Future;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use engine::Fault;
use serde::Serialize;
use utoipa::ToSchema;

use crate::metric;
use crate::state::AppState;
use crate::wire::problem::{Code, Problem};

/// How long a part may take to answer before it counts as down.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the server and its parts are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthBody {
    /// Of the whole: `degraded` still serves, `unavailable` does not.
    status: HealthStatus,
    /// Of the software.
    version: &'static str,
    /// The database: whether it can write, as of a second ago at most.
    store: PartStatus,
    /// The leases; without them events that are live are still served.
    lease: PartStatus,
    /// Whether the server is about to stop.
    stopping: bool,
    /// How many events are in memory here.
    live_events: usize,
}

/// Of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "explained at its field")]
pub enum HealthStatus {
    Ok,
    Degraded,
    Unavailable,
}

/// Of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum PartStatus {
    Ok,
    Down,
}

/// A probe's answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Probe)]
pub struct ProbeBody {
    /// Always `ok`.
    status: &'static str,
}

/// The state of the server and its parts. Also at `/health`.
#[utoipa::path(
    tag = "health", operation_id = "health",
    responses(
        (status = 200, description = "It serves", body = HealthBody),
        (status = 503, description = "It cannot serve", body = HealthBody,
            headers(("Retry-After" = u64, description = "Seconds"))),
    ),
)]
#[get("/health")]
pub(crate) async fn health(state: web::Data<AppState>) -> HttpResponse {
    answer_health(state).await
}

pub(super) async fn answer_health(state: web::Data<AppState>) -> HttpResponse {
    let (store, lease) = futures_util::join!(part(state.can_write()), part(is_ok(state.engine.ping_lease())));
    let stopping = state.is_stopping();
    let status = match (store, lease) {
        _ if stopping => HealthStatus::Unavailable,
        (PartStatus::Down, _) => HealthStatus::Unavailable,
        (PartStatus::Ok, PartStatus::Down) => HealthStatus::Degraded,
        (PartStatus::Ok, PartStatus::Ok) => HealthStatus::Ok,
    };
    let mut response = if status == HealthStatus::Unavailable {
        HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, 1)).take()
    } else {
        HttpResponse::Ok()
    };
    let live_events = state.engine.live_events();
    let version = env!("CARGO_PKG_VERSION");
    response.json(HealthBody { status, version, store, lease, stopping, live_events })
}

/// Whether the process runs.
#[utoipa::path(
    tag = "health", operation_id = "livez",
    responses((status = 200, description = "It runs", body = ProbeBody)),
)]
#[get("/livez")]
pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(ProbeBody { status: "ok" })
}

/// Whether traffic should be sent here: not when the server is about to stop. A store that is down does not
/// count: it would make every node unready at once.
#[utoipa::path(
    tag = "health", operation_id = "readyz",
    responses(
        (status = 200, description = "Send traffic", body = ProbeBody),
    ),
)]
#[get("/readyz")]
pub(crate) async fn readyz(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    if state.is_stopping() {
        return Err(Problem::new(Code::Unavailable, "the server is about to stop"));
    }
    Ok(HttpResponse::Ok().json(ProbeBody { status: "ok" }))
}

/// Metrics in the text format of Prometheus. Also at `/api/v1/metrics`.
#[utoipa::path(
    tag = "health", operation_id = "metrics",
    responses((status = 200, description = "Every metric", body = String, content_type = "text/plain")),
)]
#[get("/metrics")]
pub(crate) async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    answer_metrics(state).await
}

pub(super) async fn answer_metrics(state: web::Data<AppState>) -> HttpResponse {
    metric::read_process();
    HttpResponse::Ok().content_type(PROMETHEUS_TEXT).body(state.metrics.render())
}

async fn is_ok(ping: impl Future<Output = Result<(), Fault>>) -> bool {
    ping.await.is_ok()
}

async fn part(works: impl Future<Output = bool>) -> PartStatus {
    match tokio::time::timeout(PING_TIMEOUT, works).await {
        Ok(true) => PartStatus::Ok,
        Ok(false) | Err(_) => PartStatus::Down,
    }
}
