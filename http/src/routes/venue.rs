//! What an event has to sell: `/events/{id}/layout`, `/sections` and `/allocations`.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, put, web};
use charts::spec::{CategorySpec, SectionSpec};
use engine::{Allocation, CallError, Engine, EventId, EventView, Rejection, SeatMap, Seating};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::Admin;
use crate::command::CommandRoute;
use crate::encoding::{self, takes_gzip};
use crate::extract::{JsonBody, NothingElse, PathId};
use crate::idempotency::IdempotencyKey;
use crate::routes::seats::{NO_CACHE, is_match};
use crate::state::AppState;
use crate::wire::allocation_body::{AllocationsBody, NewAllocationsBody};
use crate::wire::event_body::EventBody;
use crate::wire::layout_body::LayoutBody;
use crate::wire::problem::Problem;
use crate::wire::venue_body::{self, Pricing, Venue};

/// How often a change is made anew that another one came before.
const ATTEMPTS: usize = 5;

/// The layout of an event: its sections, rows, blocks and categories, by the numbers of the seats.
#[utoipa::path(
    tag = "seats", operation_id = "get_layout",
    params(
        ("id" = uuid::Uuid, Path, description = "The event's id"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer", nullable = false),
    ),
    responses(
        (status = 200, description = "The layout", body = LayoutBody,
            headers(("ETag" = String, description = "The same for the same layout, also of another event"))),
        (status = 304, description = "It is the one with this `ETag`"),
    ),
)]
#[get("/events/{id}/layout")]
pub(crate) async fn get_layout(
    state: web::Data<AppState>,
    PathId(id): PathId<EventId>,
    request: HttpRequest,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let takes_gzip = takes_gzip(&request)?;
    let event = event(&state, id).await?;
    let layout = &event.info.seating.layout;
    let etag = format!("W/\"{}\"", layout.id().0.simple());
    let mut response =
        if is_match(request.headers(), &etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, etag.clone())).insert_header((header::CACHE_CONTROL, NO_CACHE));
    if is_match(request.headers(), &etag) {
        return Ok(response.finish());
    }
    Ok(encoding::json(&mut response, &LayoutBody::from(&**layout), takes_gzip))
}

/// Sections to be added to an event.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSections)]
pub struct NewSectionsBody {
    /// Behind those that there are. One of a name that there is adds rows or places to it.
    #[garde(length(min = 1, max = 5_000))]
    #[schema(min_items = 1, max_items = 5_000)]
    sections: Vec<SectionSpec>,
    /// The prices of categories that are new.
    #[garde(skip)]
    categories: Option<Vec<CategorySpec>>,
    /// Of each seat that has neither a price of its own nor a category, in minor units.
    #[garde(skip)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
}

/// Adds sections, rows or places to an event. What there was stays as it is: seats are set aside, not taken
/// away.
#[utoipa::path(
    tag = "events", operation_id = "add_sections", request_body = NewSectionsBody,
    params(("id" = uuid::Uuid, Path, description = "The event's id")),
    responses((status = 200, description = "The event", body = EventBody)),
)]
#[post("/events/{id}/sections")]
pub(crate) async fn add_sections(
    state: web::Data<AppState>,
    route: CommandRoute,
    _: Admin,
    PathId(id): PathId<EventId>,
    _: IdempotencyKey,
    JsonBody { value: mut body, bytes }: JsonBody<NewSectionsBody>,
) -> Result<HttpResponse, Problem> {
    venue_body::normalize(&mut body.sections)?;
    let pricing = Pricing {
        categories: body.categories.take().unwrap_or_default(),
        price: body.price,
        ..Pricing::default()
    };
    let with_sections = |before: &Seating| {
        let added = charts::append(&before.layout, &body.sections);
        Venue::more(before, added.map_err(|fault| venue_body::refused(&fault))?, &pricing)
    };
    // Whatever is wrong is said here, before anybody decides.
    with_sections(&event(&state, id).await?.info.seating)?;
    let here = async |engine: Engine| {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let before = engine.event(id).await?.info.seating.clone();
            let Ok(seating) = with_sections(&before) else { return Err(Rejection::EventChanged.into()) };
            match engine.add_sections(id, before.layout.id(), seating).await {
                Err(CallError::Rejected { rejection: Rejection::EventChanged, .. }) if attempts > 0 => {}
                made => return Ok(HttpResponse::Ok().json(EventBody::from(made?))),
            }
        }
    };
    route.decide(id, bytes, here).await
}

/// What is set aside of an event, with how much of it is held and sold.
#[utoipa::path(
    tag = "events", operation_id = "get_allocations",
    params(("id" = uuid::Uuid, Path, description = "The event's id")),
    responses((status = 200, description = "The allocations", body = AllocationsBody)),
)]
#[get("/events/{id}/allocations")]
pub(crate) async fn get_allocations(
    state: web::Data<AppState>,
    _: Admin,
    PathId(id): PathId<EventId>,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(AllocationsBody::from(&*seat_map(&state, id).await?)))
}

/// Sets these seats aside for channels, and no others. Who has one of them keeps it.
#[utoipa::path(
    tag = "events", operation_id = "set_allocations", request_body = NewAllocationsBody,
    params(
        ("id" = uuid::Uuid, Path, description = "The event's id"),
        ("If-Match" = Option<String>, Header, description = "Only if the event still has this `version`, in quotes", nullable = false),
    ),
    responses((status = 200, description = "The allocations", body = AllocationsBody)),
)]
#[put("/events/{id}/allocations")]
pub(crate) async fn set_allocations(
    state: web::Data<AppState>,
    route: CommandRoute,
    _: Admin,
    PathId(id): PathId<EventId>,
    _: IdempotencyKey,
    request: HttpRequest,
    JsonBody { value: body, bytes }: JsonBody<NewAllocationsBody>,
) -> Result<HttpResponse, Problem> {
    let if_version = if_match(&request)?;
    let read =
        |map: &SeatMap| venue_body::allocations(&body.allocations, &map.info.seating.layout, &map.statuses);
    read(&*seat_map(&state, id).await?)?;
    let here = async |engine: Engine| {
        let map = engine.seat_map(id).await?;
        let Ok(allocations) = read(&map) else { return Err(Rejection::EventChanged.into()) };
        engine.allocate(id, allocations, if_version, None).await?;
        Ok(HttpResponse::Ok().json(AllocationsBody::from(&*engine.seat_map(id).await?)))
    };
    route.decide(id, bytes, here).await
}

/// Sets these seats aside besides those that are already.
#[utoipa::path(
    tag = "events", operation_id = "add_allocations", request_body = NewAllocationsBody,
    params(("id" = uuid::Uuid, Path, description = "The event's id")),
    responses((status = 200, description = "The allocations", body = AllocationsBody)),
)]
#[patch("/events/{id}/allocations")]
pub(crate) async fn add_allocations(
    state: web::Data<AppState>,
    route: CommandRoute,
    _: Admin,
    PathId(id): PathId<EventId>,
    _: IdempotencyKey,
    JsonBody { value: body, bytes }: JsonBody<NewAllocationsBody>,
) -> Result<HttpResponse, Problem> {
    let read =
        |map: &SeatMap| venue_body::allocations(&body.allocations, &map.info.seating.layout, &map.statuses);
    read(&*seat_map(&state, id).await?)?;
    let here = async |engine: Engine| {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let map = engine.seat_map(id).await?;
            let before: Vec<Allocation> = map.info.allocations.clone();
            let Ok(added) = read(&map) else { return Err(Rejection::EventChanged.into()) };
            // Once more the same is nothing more.
            let is_new = |allocation: &Allocation| !before.contains(allocation);
            let added: Vec<_> = added.into_iter().filter(is_new).collect();
            let all = before.iter().cloned().chain(added).collect();
            match engine.allocate(id, all, None, Some(before)).await {
                Err(CallError::Rejected { rejection: Rejection::EventChanged, .. }) if attempts > 0 => {}
                made => {
                    made?;
                    return Ok(HttpResponse::Ok().json(AllocationsBody::from(&*engine.seat_map(id).await?)));
                }
            }
        }
    };
    route.decide(id, bytes, here).await
}

async fn event(state: &AppState, id: EventId) -> Result<EventView, Problem> {
    state.engine.event(id).await.map_err(|error| Problem::from_call(error, id))
}

async fn seat_map(state: &AppState, id: EventId) -> Result<Arc<SeatMap>, Problem> {
    state.engine.seat_map(id).await.map_err(|error| Problem::from_call(error, id))
}

/// The version in `If-Match`, if there is one.
fn if_match(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let Some(value) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim_start_matches("W/").trim_matches('"');
    if text == "*" {
        return Ok(None);
    }
    let version = text.parse().map(Some);
    version.map_err(|_| Problem::invalid_field("If-Match", "must be a version of the event in quotes, or *"))
}
