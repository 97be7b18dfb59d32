//! The server: one function builds the application, for `main` and for the tests alike.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, web};
use engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::config::Config;
use crate::middleware::admit::admit;
use crate::middleware::observe::observe;
use crate::openapi;
use crate::route_table::RouteTable;
use crate::routes;
use crate::seat_maps::SeatMaps;
use crate::state::AppState;
use crate::wire::problem::{Code, Problem};
use crate::wire::seat_body::render_all;

/// How long a stopping server waits for requests that are under way.
const DRAIN_TIMEOUT_S: u64 = 30;

/// How often the recorder of metrics is relieved of its samples, also when nobody asks for them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The state of a server that runs by `config`.
pub fn state(config: &Config, engine: Engine, metrics: PrometheusHandle) -> AppState {
    let routes = RouteTable::of(openapi::document());
    AppState::new(config, engine, metrics, SeatMaps::new(render_all), routes)
}

/// A server that answers where `config` says, and its address (of port 0 the system makes a free one).
/// Signals are the caller's to handle. Must be called within an actix `System`.
pub fn start(state: web::Data<AppState>, config: &Config) -> io::Result<(Server, SocketAddr)> {
    start_with(state, config, routes::configure_api)
}

/// The same with other calls under `/api/v1`: for servers that are compared with this one. `api` is asked
/// once by each worker.
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
    let server = server.bind((config.bind_host(), config.port))?;
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
        .configure(|config| {
            let api = utoipa_actix_web::scope(routes::API).wrap(from_fn(admit)).configure(api);
            ServiceConfig::new(config).service(api).configure(routes::configure_root);
        })
        .configure(routes::configure_aliases)
        .service(web::redirect("/swagger", "/swagger/index.html"))
        .service(
            SwaggerUi::new("/swagger/{_:.*}")
                .config(SwaggerConfig::default().persist_authorization(true))
                .url("/swagger/openapi.json", openapi::document().clone()),
        )
        .default_service(web::to(unknown))
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
