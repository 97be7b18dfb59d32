//! `/users/{id}/reservations`.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use engine::{ReservationId, ReservationStatus, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Member;
use crate::extract::{Parameters, PathId};
use crate::state::AppState;
use crate::wire::paging::Page;
use crate::wire::problem::{Code, Problem};
use crate::wire::reservation_body::{ReservationBody, ReservationStatusName, SeatLabels};

/// Which reservations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReservationsQuery {
    /// Only reservations in this status.
    #[param(value_type = Option<ReservationStatusName>, inline, nullable = false)]
    status: Option<String>,
    /// How many at most; 20 where absent.
    #[param(minimum = 1, maximum = 100, nullable = false)]
    limit: Option<i64>,
    /// Where the page begins, from the `Link` of the page before.
    #[param(value_type = Option<uuid::Uuid>, nullable = false)]
    cursor: Option<String>,
}

/// A user's reservations, newest first.
#[utoipa::path(
    tag = "users", operation_id = "list_reservations",
    params(("id" = uuid::Uuid, Path, description = "The user's id"), ReservationsQuery),
    responses(
        (status = 200, description = "A page of reservations", body = Vec<ReservationBody>,
            headers(("Link" = String, description = "The next page, `rel=\"next\"`; absent on the last page"))),
    ),
)]
#[get("/users/{id}/reservations")]
pub(crate) async fn reservations(
    state: web::Data<AppState>,
    Member(caller): Member,
    PathId(user_id): PathId<UserId>,
    Parameters(query): Parameters<ReservationsQuery>,
) -> Result<HttpResponse, Problem> {
    if !caller.may_act_for(user_id) {
        return Err(Problem::new(Code::Forbidden, "a user sees its own reservations only"));
    }
    let status = query.status.as_deref().map(parse_status).transpose()?;
    let page = Page::<ReservationId>::new(query.limit, query.cursor.as_deref())?;
    let found = state.engine.reservations(user_id, status, page.after, page.fetch()).await;
    let mut views = found.map_err(|error| Problem::from_call(error, None))?;
    let path = format!("/api/v1/users/{user_id}/reservations");
    let filter = query.status.as_deref().map(|status| ("status", status));
    let next = page.cut(&mut views, &path, filter, |view| view.reservation.id);
    let now = state.engine.now();
    let mut keys = Vec::with_capacity(views.len());
    for view in &views {
        keys.push(state.engine.seat_keys(&view.event.seating.layout).await.unwrap_or_default());
    }
    let labels: Vec<_> = views.iter().map(SeatLabels::of).collect();
    let bodies = views.iter().zip(&labels).zip(&keys);
    let bodies =
        bodies.map(|((view, labels), keys)| ReservationBody::new(view, labels, keys.as_deref(), now));
    let bodies: Vec<_> = bodies.collect();
    let mut response = HttpResponse::Ok();
    if let Some(next) = next {
        response.insert_header((header::LINK, next));
    }
    Ok(response.json(bodies))
}

fn parse_status(status: &str) -> Result<ReservationStatus, Problem> {
    match status {
        "pending" => Ok(ReservationStatus::Pending),
        "confirmed" => Ok(ReservationStatus::Confirmed),
        "cancelled" => Ok(ReservationStatus::Cancelled),
        "expired" => Ok(ReservationStatus::Expired),
        _ => Err(Problem::invalid_field("status", "must be pending, confirmed, cancelled or expired")),
    }
}
