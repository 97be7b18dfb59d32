//! The server: one function builds the application, for `main` and for the tests alike.

use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpServiceBuilder;
use actix_http::error::DispatchError;
use actix_service::{ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Extensions, Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpSocket, TcpStream};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::config::Config;
use crate::connection::addresses::Addresses;
use crate::connection::state::{LINGER, Timeouts};
use crate::connection::stream::Stream;
use crate::metric;
use crate::middleware::admit::admit;
use crate::middleware::observe::observe;
use crate::openapi;
use crate::route_table::RouteTable;
use crate::routes;
use crate::state::AppState;
use crate::wire::problem::{Code, Problem};

/// How long a stopping server waits for requests that are under way.
const DRAIN_TIMEOUT_S: u64 = 30;

/// How many connections the system keeps that were not let in yet.
const BACKLOG: u32 = 1_024;

/// How often the recorder of metrics is relieved of its samples, also when nobody asks for them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The state of a server that runs by `config`.
pub fn state(config: &Config, engine: Engine, metrics: PrometheusHandle) -> AppState {
    let routes = RouteTable::of(openapi::document());
    AppState::new(config, engine, metrics, routes)
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
    let mut server =
        Server::build().workers(config.workers()).disable_signals().shutdown_timeout(DRAIN_TIMEOUT_S);
    let listeners = listen(config.bind_host(), config.port)?;
    let address = listeners.first().ok_or(io::ErrorKind::AddrNotAvailable)?.local_addr()?;
    let (timeouts, addresses) = (config.timeouts(), Addresses::new(config.max_connections_per_address));
    let keep_alive = Duration::from_secs(config.keep_alive_s);
    for listener in listeners {
        let (state, api, addresses) = (state.clone(), api.clone(), Arc::clone(&addresses));
        let stop = server.graceful_shutdown_signal();
        let service = move || {
            let (stop, addresses) = (stop.clone(), Arc::clone(&addresses));
            let http = HttpServiceBuilder::default()
                .graceful_shutdown_signal(move || {
                    let stop = stop.clone();
                    async move { stop.notified().await }
                })
                .keep_alive(keep_alive)
                // The socket has a deadline for every head, and not for the first alone.
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(LINGER)
                .on_connect_ext(|stream: &Stream, data: &mut Extensions| {
                    data.insert(stream.connection());
                })
                .h1(map_config(app(state.clone(), api.clone()), |()| AppConfig::default()));
            fn_service(move |socket| ready(let_in(socket, &addresses, timeouts))).and_then(http)
        };
        server = server.listen("http", listener, service)?;
    }
    Ok((server.run(), address))
}

/// Listens on every address that `host` stands for, if on any.
fn listen(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let listen = |address: SocketAddr| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    let (listeners, errors): (Vec<_>, Vec<_>) =
        (host, port).to_socket_addrs()?.map(listen).partition(Result::is_ok);
    if listeners.is_empty() {
        return errors.into_iter().collect();
    }
    listeners.into_iter().collect()
}

/// The socket of a client, unless its address has too many already.
fn let_in(
    socket: TcpStream,
    addresses: &Arc<Addresses>,
    timeouts: Timeouts,
) -> Result<(Stream, Option<SocketAddr>), DispatchError> {
    let peer = socket.peer_addr().ok();
    let Some(admitted) = addresses.admit(peer.map(|peer| peer.ip())) else {
        metric::count_closed("address");
        return Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into()));
    };
    socket.set_nodelay(true).map_err(DispatchError::Io)?;
    Ok((Stream::new(socket, admitted, timeouts), peer))
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
