//! `/events/{id}/seats`.

use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Compress;
use actix_web::{HttpRequest, HttpResponse, get, web};
use engine::{EventId, SeatId, SeatMap, SeatStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{Parameters, PathId};
use crate::problem::{Problem, ProblemDocument};
use crate::server::AppState;

/// From so many seats on, the answer is written on a thread for blocking work: a request worker has others
/// to answer.
const LARGE_EVENT_SEATS: usize = 5_000;

/// About how long one seat's JSON is, to allocate once.
const SEAT_BYTES: usize = 140;

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

/// Whether a seat can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SeatStatus)]
pub enum SeatStatusName {
    /// Free.
    Available,
    /// Held by a pending reservation.
    Reserved,
    /// Sold.
    Confirmed,
}

/// A seat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct SeatBody<'a> {
    #[schema(value_type = uuid::Uuid)]
    id: SeatId,
    /// Its label.
    #[schema(example = "Arena-A-1")]
    seat_number: &'a str,
    /// `null` where the section has no name.
    section: Option<&'a str>,
    /// A to Z, then AA.
    row: &'a str,
    #[schema(value_type = SeatStatusName)]
    status: SeatStatus,
    /// In minor units of the event's currency.
    price: i64,
}

/// The seats of an event, as of its last commit.
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
        (status = 406, description = "Every encoding that is available was refused by `Accept-Encoding`",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(()),
)]
#[get("/events/{id}/seats", wrap = "Compress::default()")]
pub(crate) async fn list(
    state: web::Data<AppState>,
    PathId(id): PathId<EventId>,
    Parameters(query): Parameters<SeatsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let filter = Filter::new(query)?;
    if request.headers().contains_key(header::IF_NONE_MATCH) {
        // The version alone tells whether the client is up to date; a seat map would cost far more.
        let view = state.engine.event(id).await.map_err(|error| Problem::from_call(error, id))?;
        let etag = etag(view.version);
        if is_match(request.headers(), &etag) {
            return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
        }
    }
    let map = state.engine.seat_map(id).await.map_err(|error| Problem::from_call(error, id))?;
    let etag = etag(map.version);
    let json = if map.statuses.len() < LARGE_EVENT_SEATS {
        filter.write(&map)
    } else {
        let written = web::block(move || filter.write(&map)).await;
        written.map_err(|error| Problem::from_broken(error.to_string()))?
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type("application/json")
        .body(json))
}

struct Filter {
    status: Option<SeatStatus>,
    section: Option<String>,
}

impl Filter {
    fn new(query: SeatsQuery) -> Result<Self, Problem> {
        let status = query.status.map(|status| match status.as_str() {
            "available" => Ok(SeatStatus::Available),
            "reserved" => Ok(SeatStatus::Reserved),
            "confirmed" => Ok(SeatStatus::Confirmed),
            _ => Err(Problem::invalid_field("status", "must be available, reserved or confirmed")),
        });
        Ok(Self { status: status.transpose()?, section: query.section })
    }

    fn write(&self, map: &SeatMap) -> Vec<u8> {
        let mut json = Vec::with_capacity(map.statuses.len() * SEAT_BYTES + 2);
        json.push(b'[');
        for (seat_no, &status) in (1..).zip(&map.statuses) {
            if self.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            let Some(place) = map.info.layout.place(seat_no) else { continue };
            if self.section.is_some() && self.section.as_deref() != place.section {
                continue;
            }
            if json.len() > 1 {
                json.push(b',');
            }
            let seat = SeatBody {
                id: map.info.id.seat(seat_no),
                seat_number: &place.label(),
                section: place.section,
                row: &place.row,
                status,
                price: place.price_minor,
            };
            serde_json::to_writer(&mut json, &seat).expect("a seat has string keys, and memory takes all");
        }
        json.push(b']');
        json
    }
}

/// Weak, since the bytes differ with the encoding.
fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

fn is_match(headers: &HeaderMap, etag: &str) -> bool {
    let strong = etag.trim_start_matches("W/");
    headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|given| given == "*" || given.trim_start_matches("W/") == strong)
    })
}
