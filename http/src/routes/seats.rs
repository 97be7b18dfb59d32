//! `/events/{id}/seats`.

use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Compress;
use actix_web::{HttpRequest, HttpResponse, get, web};
use engine::{EventId, SeatStatus};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::{Parameters, PathId};
use crate::seat_maps::work_on;
use crate::state::AppState;
use crate::wire::name::Name;
use crate::wire::problem::Problem;
use crate::wire::seat_body::{SeatBody, SeatFilter, SeatStatusName};

/// Caches ask each time, with the `ETag`.
const NO_CACHE: &str = "no-cache";

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
#[get("/events/{id}/seats", wrap = "Compress::default()")]
pub async fn list(
    state: web::Data<AppState>,
    PathId(id): PathId<EventId>,
    Parameters(query): Parameters<SeatsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let filter = query.filter()?;
    let problem = |error| Problem::from_call(error, id);
    // The version alone tells whether the client is up to date; a seat map would cost far more.
    let version = state.engine.event(id).await.map_err(problem)?.version;
    if is_match(request.headers(), &etag(version)) {
        return Ok(HttpResponse::NotModified()
            .insert_header((header::ETAG, etag(version)))
            .insert_header((header::CACHE_CONTROL, NO_CACHE))
            .finish());
    }
    let prepared = state.seat_maps.get(&state.engine, id, version).await.map_err(problem)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, etag(prepared.map.version)))
        .insert_header((header::CACHE_CONTROL, NO_CACHE))
        .content_type("application/json");
    if !filter.is_all() {
        let written = work_on(&prepared.map, move |map| filter.write(map)).await;
        return Ok(response.body(written.map_err(|error| Problem::from_broken(error.to_string()))?));
    }
    if takes_gzip(request.headers()) {
        response
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .insert_header((header::VARY, "accept-encoding"));
        return Ok(response.body(prepared.gzip().await.map_err(problem)?));
    }
    Ok(response.body(prepared.json.clone()))
}

impl SeatsQuery {
    fn filter(self) -> Result<SeatFilter, Problem> {
        let status = self.status.map(|status| match status.as_str() {
            "available" => Ok(SeatStatus::Available),
            "reserved" => Ok(SeatStatus::Reserved),
            "confirmed" => Ok(SeatStatus::Confirmed),
            _ => Err(Problem::invalid_field("status", "must be available, reserved or confirmed")),
        });
        Ok(SeatFilter { status: status.transpose()?, section: self.section.as_deref().map(Name::normalized) })
    }
}

/// Weak, since the bytes differ with the encoding.
fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// Whether the prepared encoding is wanted; every other wish is the middleware's to weigh.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| matches!(coding.trim(), "gzip" | "gzip;q=1" | "gzip;q=1.0"))
}

fn is_match(headers: &HeaderMap, etag: &str) -> bool {
    let strong = etag.trim_start_matches("W/");
    headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|given| given == "*" || given.trim_start_matches("W/") == strong)
    })
}
