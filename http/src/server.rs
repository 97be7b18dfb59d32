//! The server: one function builds the application, for `main` and for the tests alike.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, web};
use engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::SwaggerUi;

use crate::access_log::observe;
use crate::auth::Keys;
use crate::cluster::{Cluster, forward};
use crate::config::Config;
use crate::gate::gate;
use crate::limit::RateLimit;
use crate::openapi;
use crate::problem::{Code, Problem};
use crate::route_table::RouteTable;
use crate::routes;
use crate::seat_maps::SeatMaps;

/// How long a stopping server waits for requests that are under way.
const DRAIN_TIMEOUT_S: u64 = 30;

/// How often the recorder of metrics is relieved of its samples, also when nobody asks for them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// What every handler can reach.
pub struct AppState {
    /// The engine.
    pub engine: Engine,
    pub(crate) keys: Keys,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) request_timeout: Duration,
    pub(crate) max_body_bytes: usize,
    /// How long a hold lasts in events that do not say it themselves.
    pub default_hold_ttl_s: u32,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) seat_maps: SeatMaps,
    pub(crate) routes: RouteTable,
    pub(crate) metrics: PrometheusHandle,
    is_stopping: AtomicBool,
}

impl AppState {
    /// The state of a server that runs by `config`.
    pub fn new(config: &Config, engine: Engine, metrics: PrometheusHandle) -> Self {
        Self {
            engine,
            keys: config.keys(),
            rate_limit: config.rate_limit_per_s.and_then(NonZeroU32::new).map(RateLimit::new),
            request_timeout: config.request_timeout(),
            max_body_bytes: config.max_body_bytes,
            default_hold_ttl_s: config.default_hold_ttl_s(),
            cluster: config.cluster(),
            seat_maps: SeatMaps::new(routes::seats::render_all),
            routes: RouteTable::of(openapi::document()),
            metrics,
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Makes `/readyz` say no from now on, so that no new traffic is sent here.
    pub fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }
}

/// A server that answers where `config` says, and its address (of port 0 the system makes a free one).
/// Signals are the caller's to handle. Must be called within an actix `System`.
pub fn start(state: web::Data<AppState>, config: &Config) -> io::Result<(Server, SocketAddr)> {
    start_with(state, config, routes::configure_api)
}

/// The same with other calls under `/api/v1`: for servers that are compared with this one. `api` is asked once by
/// each worker.
pub fn start_with(
    state: web::Data<AppState>,
    config: &Config,
    api: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<(Server, SocketAddr)> {
    actix_web::rt::spawn(upkeep(state.clone()));
    let server = HttpServer::new(move || app(state.clone(), api.clone()))
        .keep_alive(Duration::from_secs(config.keep_alive_s))
        .client_request_timeout(Duration::from_millis(config.header_timeout_ms))
        .tcp_nodelay(true)
        .workers(config.workers())
        .disable_signals()
        .shutdown_timeout(DRAIN_TIMEOUT_S);
    let server = server.bind((config.bind.as_str(), config.port))?;
    let address = server.addrs().first().copied().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((server.run(), address))
}

fn app(
    state: web::Data<AppState>,
    api: impl Fn(&mut ServiceConfig),
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .wrap(from_fn(observe))
        .configure(|config| configure_with(&mut ServiceConfig::new(config), api))
        .configure(routes::configure_aliases)
        .service(web::redirect("/swagger", "/swagger/index.html"))
        .service(SwaggerUi::new("/swagger/{_:.*}").url("/swagger/openapi.json", openapi::document().clone()))
        .default_service(web::to(unknown))
}

/// Every documented route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    configure_with(config, routes::configure_api);
}

fn configure_with(config: &mut ServiceConfig, api: impl Fn(&mut ServiceConfig)) {
    let api = utoipa_actix_web::scope("/api/v1").wrap(from_fn(forward)).wrap(from_fn(gate)).configure(api);
    config.service(api).configure(routes::configure_root);
}

async fn unknown(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match state.routes.find(request.path()).allow() {
        Some(allow) => Err(Problem::method_not_allowed(allow)),
        None => Err(Problem::new(Code::NotFound, "there is nothing at this path")),
    }
}

async fn upkeep(state: web::Data<AppState>) {
    loop {
        actix_web::rt::time::sleep(UPKEEP_EVERY).await;
        state.metrics.run_upkeep();
        if let Some(limit) = &state.rate_limit {
            limit.forget_quiet();
        }
    }
}
