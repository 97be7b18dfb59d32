//! `/events/{id}/seats`.

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, get, web};
use engine::{EventId, SeatStatus};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::connection::answer::CountedElsewhere;
use crate::encoding::takes_gzip;
use crate::extract::{NothingElse, Parameters, PathId};
use crate::seat_maps::MapError;
use crate::seat_maps::builder::NotBuilt;
use crate::state::AppState;
use crate::wire::map_view::{MapView, StatusesBody};
use crate::wire::name::Name;
use crate::wire::problem::{Code, Problem};
use crate::wire::seat_body::{SeatBody, SeatFilter, SeatStatusName};

/// Caches ask each time, with the `ETag`.
pub(crate) const NO_CACHE: &str = "no-cache";

/// Which seats to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeatsQuery {
    /// Only seats in this status.
    #[param(value_type = Option<SeatStatusName>, inline, nullable = false)]
    status: Option<String>,
    /// Only seats of this section, by its exact name.
    #[param(nullable = false)]
    section: Option<String>,
}

/// The seats of an event, as of its last commit; up to a second old where another node owns it.
#[utoipa::path(
    tag = "seats", operation_id = "list_seats",
    params(
        ("id" = uuid::Uuid, Path, description = "The event's id"), SeatsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer", nullable = false),
    ),
    responses(
        (status = 200, description = "Every seat that fits, by number", body = Vec<SeatBody>,
            headers(("ETag" = String, description = "Changes with the event's version"))),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
    ),
)]
#[get("/events/{id}/seats")]
pub async fn list(
    state: web::Data<AppState>,
    PathId(id): PathId<EventId>,
    Parameters(query): Parameters<SeatsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let filter = query.filter()?;
    let problem = |error| Problem::from_call(error, id);
    // The version alone tells whether the client is up to date; a seat map would cost far more.
    let event = state.engine.event(id).await.map_err(problem)?;
    let version = event.version;
    if !filter.fits(&event.info.seating.layout) {
        return Err(Problem::new(Code::NotFound, "the event has no section of this name"));
    }
    answer(&state, id, version, MapView::Seats(filter), &request).await
}

/// The statuses of an event's seats, by number: what changes, beside the layout that does not. As fresh as
/// the seats.
#[utoipa::path(
    tag = "seats", operation_id = "get_statuses",
    params(
        ("id" = uuid::Uuid, Path, description = "The event's id"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer", nullable = false),
    ),
    responses(
        (status = 200, description = "The statuses", body = StatusesBody,
            headers(("ETag" = String, description = "Changes with the event's version"))),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
    ),
)]
#[get("/events/{id}/statuses")]
pub async fn statuses(
    state: web::Data<AppState>,
    PathId(id): PathId<EventId>,
    request: HttpRequest,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let event = state.engine.event(id).await.map_err(|error| Problem::from_call(error, id))?;
    answer(&state, id, event.version, MapView::Statuses, &request).await
}

async fn answer(
    state: &AppState,
    id: EventId,
    version: u64,
    view: MapView,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let takes_gzip = takes_gzip(request)?;
    if is_match(request.headers(), &etag(version)) {
        return Ok(HttpResponse::NotModified()
            .insert_header((header::ETAG, etag(version)))
            .insert_header((header::CACHE_CONTROL, NO_CACHE))
            .finish());
    }
    let problem = |error| not_built(error, id);
    let prepared = state.seat_maps.get(&state.engine, id, version, view).await.map_err(problem)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, etag(prepared.version)))
        .insert_header((header::CACHE_CONTROL, NO_CACHE))
        .insert_header((header::VARY, "accept-encoding"))
        .content_type("application/json");
    response.extensions_mut().insert(CountedElsewhere);
    if takes_gzip {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
        return Ok(response.body(state.seat_maps.gzip(&prepared).await.map_err(problem)?));
    }
    Ok(response.body(prepared.json.clone()))
}

fn not_built(error: MapError, id: EventId) -> Problem {
    match error {
        MapError::Call(error) => Problem::from_call(error, id),
        MapError::NotBuilt(NotBuilt::NoRoom) => Problem::no_room(),
        MapError::NotBuilt(NotBuilt::Broken(cause)) => Problem::from_broken(cause),
    }
}

impl SeatsQuery {
    fn filter(self) -> Result<SeatFilter, Problem> {
        let status = self.status.map(|status| match status.as_str() {
            "available" => Ok(SeatStatus::Available),
            "reserved" => Ok(SeatStatus::Reserved),
            "confirmed" => Ok(SeatStatus::Confirmed),
            "not_for_sale" => Ok(SeatStatus::NotForSale),
            _ => Err(Problem::invalid_field(
                "status",
                "must be available, reserved, confirmed or not_for_sale",
            )),
        });
        Ok(SeatFilter { status: status.transpose()?, section: self.section.as_deref().map(Name::normalized) })
    }
}

/// Weak, since the bytes differ with the encoding.
fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

pub(crate) fn is_match(headers: &HeaderMap, etag: &str) -> bool {
    let strong = etag.trim_start_matches("W/");
    headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|given| given == "*" || given.trim_start_matches("W/") == strong)
    })
}
