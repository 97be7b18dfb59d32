//! The peers' server: Holdfast's own, with other handlers for the two calls that write.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{HttpRequest, HttpResponse, web};
use engine::testing::NullStore;
use engine::{Engine, EngineConfig, EventId, LocalLease, SystemClock, Threads};
use holdfast_http::auth::{Admin, Member};
use holdfast_http::config::Config;
use holdfast_http::extract::JsonBody;
use holdfast_http::idempotency::idempotency_key;
use holdfast_http::routes::{reservations, seats};
use holdfast_http::server;
use holdfast_http::state::AppState;
use holdfast_http::wire::event_body::{EventBody, NewEventBody};
use holdfast_http::wire::problem::{Code, Problem};
use holdfast_http::wire::reservation_body::NewReservationBody;
use holdfast_http::wire::wish_body::seats_of;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::peer::{Peer, Settings};

/// Holdfast's engine on a store that writes nowhere. To a peer it is no more than the memory of which events
/// there are.
pub fn engine(config: &Config) -> Engine {
    let engine_config = EngineConfig {
        queue_per_event: config.queue_per_event,
        threads: Threads::Own(config.event_threads),
        ..EngineConfig::default()
    };
    Engine::start(engine_config, NullStore::new(0), Arc::new(LocalLease), Arc::new(SystemClock))
}

/// A peer's server, and its address. Of the API it has what a load of reservations needs; the seat map shows
/// the layout, not who has what.
pub fn start(
    state: web::Data<AppState>,
    config: &Config,
    settings: Arc<Settings>,
) -> io::Result<(Server, SocketAddr)> {
    server::start_with(state, config, move |api: &mut ServiceConfig| {
        api.app_data(web::Data::new(Peer::new(Arc::clone(&settings))))
            .route("/reservations", web::post().to(reserve))
            .route("/events", web::post().to(create_event))
            .service(seats::list);
    })
}

async fn create_event(
    state: web::Data<AppState>,
    peer: web::Data<Peer>,
    _: Admin,
    JsonBody { value: body, .. }: JsonBody<NewEventBody>,
) -> Result<HttpResponse, Problem> {
    let (event, _) = body.into_event(state.default_hold_ttl_s, None)?;
    let view = state.engine.create_event(event).await.map_err(|error| Problem::from_call(error, None))?;
    peer.create_event(Arc::clone(&view.info)).await.map_err(|error| Problem::from_call(error, None))?;
    Ok(HttpResponse::Created().json(EventBody::from(view)))
}

async fn reserve(
    state: web::Data<AppState>,
    peer: web::Data<Peer>,
    Member(caller): Member,
    request: HttpRequest,
    JsonBody { value: body, .. }: JsonBody<NewReservationBody>,
) -> Result<HttpResponse, Problem> {
    let user_id = reservations::acting_for(caller, body.user_id)?;
    let key = idempotency_key(&request, body.idempotency_key)?;
    let event_id = EventId::try_from(body.event_id)
        .map_err(|_| Problem::new(Code::EventNotFound, "there is no such event"))?;
    let seats = seats_of(event_id, &body.seat_ids.unwrap_or_default())?;
    let reserved = peer.reserve(event_id, user_id, seats, key).await;
    let view = reserved.map_err(|error| Problem::from_call(error, event_id))?;
    Ok(reservations::created(&view, None, state.engine.now()))
}
