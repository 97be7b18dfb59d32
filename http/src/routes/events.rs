//! `/events`.

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use engine::{Chart, ChartId, Engine, EventId, EventKey, EventPatch, MadeEvent};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Admin;
use crate::command::CommandRoute;
use crate::encoding::{self, takes_gzip};
use crate::extract::{JsonBody, NothingElse, Parameters, PathId};
use crate::idempotency::{IDEMPOTENT_REPLAYED, IdempotencyKey, request_hash};
use crate::state::AppState;
use crate::wire::event_body::{EventBody, EventPatchBody, EventSummaryBody, NewEventBody};
use crate::wire::paging::Page;
use crate::wire::problem::Problem;

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// How many at most; 20 where absent.
    #[param(minimum = 1, maximum = 100, nullable = false)]
    limit: Option<i64>,
    /// Where the page begins, from the `Link` of the page before.
    #[param(value_type = Option<uuid::Uuid>, nullable = false)]
    cursor: Option<String>,
}

/// Makes an event. The same idempotency key and body give the same event, as it is now; of one that was
/// deleted since, 404.
#[utoipa::path(
    tag = "events", operation_id = "create_event", request_body = NewEventBody,
    responses((status = 201, description = "The event", body = EventBody,
        headers(
            ("Location" = String, description = "Its path"),
            ("Idempotent-Replayed" = bool, description = "`true` where the key was used before; else absent"),
        ))),
)]
#[post("/events")]
pub(crate) async fn create(
    state: web::Data<AppState>,
    _: Admin,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody { value: body, bytes }: JsonBody<NewEventBody>,
) -> Result<HttpResponse, Problem> {
    body.check_time(state.engine.now())?;
    let chart = match body.chart_id() {
        Some(id) => Some(chart(&state.engine, id).await?),
        None => None,
    };
    let (event, keys) = body.into_event(state.default_hold_ttl_s, chart)?;
    if let Some(keys) = keys {
        state.engine.put_seat_keys(&keys).await.map_err(|error| Problem::from_call(error, None))?;
    }
    let made = match key {
        Some(key) => {
            let key = EventKey { key, request_hash: request_hash(&bytes) };
            state.engine.create_event_once(event, key).await
        }
        None => state.engine.create_event(event).await.map(|event| MadeEvent { event, replayed: false }),
    };
    let MadeEvent { event, replayed } = made.map_err(|error| Problem::from_call(error, None))?;
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("/api/v1/events/{}", event.info.id)));
    if replayed {
        response.insert_header((IDEMPOTENT_REPLAYED, "true"));
    }
    Ok(response.json(EventBody::from(event)))
}

/// Events, newest first; each without its sections.
#[utoipa::path(
    tag = "events", operation_id = "list_events", params(EventsQuery),
    responses((status = 200, description = "A page of events", body = Vec<EventSummaryBody>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`; absent on the last page")))),
)]
#[get("/events")]
pub(crate) async fn list(
    state: web::Data<AppState>,
    Parameters(query): Parameters<EventsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let takes_gzip = takes_gzip(&request)?;
    let page = Page::<EventId>::new(query.limit, query.cursor.as_deref())?;
    let found = state.engine.events(page.after, page.fetch()).await;
    let mut views = found.map_err(|error| Problem::from_call(error, None))?;
    let next = page.cut(&mut views, "/api/v1/events", None, |view| view.info.id);
    let bodies: Vec<_> = views.iter().map(EventSummaryBody::from).collect();
    let mut response = HttpResponse::Ok();
    if let Some(next) = next {
        response.insert_header((header::LINK, next));
    }
    Ok(encoding::json(&mut response, &bodies, takes_gzip))
}

/// An event, as of its last commit; up to a second old where another node owns it.
#[utoipa::path(
    tag = "events", operation_id = "get_event",
    params(("id" = uuid::Uuid, Path, description = "The event's id")),
    responses((status = 200, description = "The event", body = EventBody)),
)]
#[get("/events/{id}")]
pub(crate) async fn get(
    state: web::Data<AppState>,
    PathId(id): PathId<EventId>,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let view = state.engine.event(id).await.map_err(|error| Problem::from_call(error, id))?;
    Ok(HttpResponse::Ok().json(EventBody::from(view)))
}

/// Changes an event's details. What is held already keeps its terms.
#[utoipa::path(
    tag = "events", operation_id = "amend_event", request_body = EventPatchBody,
    params(("id" = uuid::Uuid, Path, description = "The event's id")),
    responses((status = 200, description = "The event", body = EventBody)),
)]
#[patch("/events/{id}")]
pub(crate) async fn amend(
    route: CommandRoute,
    _: Admin,
    PathId(id): PathId<EventId>,
    _: IdempotencyKey,
    JsonBody { value: body, bytes }: JsonBody<EventPatchBody>,
) -> Result<HttpResponse, Problem> {
    let patch = EventPatch::from(body);
    let here = async |engine: Engine| {
        let view = engine.amend_event(id, patch.clone()).await?;
        Ok(HttpResponse::Ok().json(EventBody::from(view)))
    };
    route.decide(id, bytes, here).await
}

/// Takes an event out of sale for good.
#[utoipa::path(
    tag = "events", operation_id = "delete_event",
    params(("id" = uuid::Uuid, Path, description = "The event's id")),
    responses(
        (status = 204, description = "It is deleted"),
    ),
)]
#[delete("/events/{id}")]
pub(crate) async fn delete(
    route: CommandRoute,
    _: Admin,
    PathId(id): PathId<EventId>,
    _: IdempotencyKey,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let here = async |engine: Engine| {
        engine.delete_event(id).await?;
        Ok(HttpResponse::NoContent().finish())
    };
    route.decide(id, Bytes::new(), here).await
}

/// A chart that an event is made of.
async fn chart(engine: &Engine, id: ChartId) -> Result<Chart, Problem> {
    let chart = engine.chart(id).await.map_err(|error| Problem::from_call(error, None))?;
    chart.ok_or_else(|| Problem::invalid_field("chart_id", "there is no such chart"))
}
