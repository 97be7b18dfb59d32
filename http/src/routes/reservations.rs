//! `/reservations`.

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, get, post};
use engine::{Caller, Engine, EventId, ReservationId, ReservationView, SeatKeyList, Timestamp, UserId, Wish};
use uuid::Uuid;

use crate::auth::Member;
use crate::command::CommandRoute;
use crate::extract::{JsonBody, NothingElse, PathId};
use crate::idempotency::{IDEMPOTENT_REPLAYED, IdempotencyKey, idempotency_key};
use crate::state::AppState;
use crate::wire::problem::{Code, Problem};
use crate::wire::reservation_body::{NewReservationBody, ReservationBody, SeatLabels};
use crate::wire::wish_body::{WishBody, seats_of};

/// Holds seats for a user: all of them or none.
#[utoipa::path(
    tag = "reservations", operation_id = "reserve", request_body = NewReservationBody,
    responses(
        (status = 201, description = "The reservation. Of a repeated key, as it is now, with `\"replayed\": true`: **`status` counts**, for it can be cancelled or expired by now", body = ReservationBody,
            headers(
                ("Location" = String, description = "Its path"),
                ("Idempotent-Replayed" = bool, description = "`true` where the key was used before; else absent"),
            )),
    ),
)]
#[post("/reservations")]
pub(crate) async fn reserve(
    state: web::Data<AppState>,
    route: CommandRoute,
    Member(caller): Member,
    request: HttpRequest,
    JsonBody { value: mut body, bytes }: JsonBody<NewReservationBody>,
) -> Result<HttpResponse, Problem> {
    let user_id = acting_for(caller, body.user_id)?;
    let key = idempotency_key(&request, body.idempotency_key.take())?;
    let event_id = EventId::try_from(body.event_id)
        .map_err(|_| Problem::new(Code::EventNotFound, "there is no such event"))?;
    let wish = read_wish(&state.engine, event_id, caller, body.take_wish()).await?;
    let here = async |engine: Engine| {
        let view = engine.reserve_wish(event_id, user_id, wish.clone(), caller, key.clone()).await?;
        let keys = engine.seat_keys(&view.event.seating.layout).await.unwrap_or_default();
        Ok(created(&view, keys.as_deref(), engine.now()))
    };
    route.decide(event_id, bytes, here).await
}

/// A reservation.
#[utoipa::path(
    tag = "reservations", operation_id = "get_reservation",
    params(("id" = Uuid, Path, description = "The reservation's id")),
    responses((status = 200, description = "The reservation", body = ReservationBody)),
)]
#[get("/reservations/{id}")]
pub(crate) async fn get(
    state: web::Data<AppState>,
    Member(caller): Member,
    PathId(id): PathId<ReservationId>,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let view = state.engine.reservation(id, caller).await;
    let view = view.map_err(|error| Problem::from_call(error, id.event_id()))?;
    Ok(shown(&state.engine, &view).await)
}

/// Sells the held seats. Confirming again gives the same answer.
#[utoipa::path(
    tag = "reservations", operation_id = "confirm_reservation",
    params(("id" = Uuid, Path, description = "The reservation's id")),
    responses(
        (status = 200, description = "The reservation", body = ReservationBody),
    ),
)]
#[post("/reservations/{id}/confirm")]
pub(crate) async fn confirm(
    route: CommandRoute,
    Member(caller): Member,
    PathId(id): PathId<ReservationId>,
    _: IdempotencyKey,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let here = async |engine: Engine| Ok(shown(&engine, &engine.confirm(id, caller).await?).await);
    route.decide(id.event_id(), Bytes::new(), here).await
}

/// Gives the seats back, held or sold. Cancelling again gives the same answer.
#[utoipa::path(
    tag = "reservations", operation_id = "cancel_reservation",
    params(("id" = Uuid, Path, description = "The reservation's id")),
    responses(
        (status = 200, description = "The reservation", body = ReservationBody),
    ),
)]
#[post("/reservations/{id}/cancel")]
pub(crate) async fn cancel(
    route: CommandRoute,
    Member(caller): Member,
    PathId(id): PathId<ReservationId>,
    _: IdempotencyKey,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let here = async |engine: Engine| Ok(shown(&engine, &engine.cancel(id, caller).await?).await);
    route.decide(id.event_id(), Bytes::new(), here).await
}

/// Holds the seats for another `hold_ttl_s` from now, at most until `max_hold_s` after the hold began.
#[utoipa::path(
    tag = "reservations", operation_id = "extend_reservation",
    params(("id" = Uuid, Path, description = "The reservation's id")),
    responses(
        (status = 200, description = "The reservation with its new `expires_at`", body = ReservationBody),
    ),
)]
#[post("/reservations/{id}/extend")]
pub(crate) async fn extend(
    route: CommandRoute,
    Member(caller): Member,
    PathId(id): PathId<ReservationId>,
    _: IdempotencyKey,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let here = async |engine: Engine| Ok(shown(&engine, &engine.extend(id, caller).await?).await);
    route.decide(id.event_id(), Bytes::new(), here).await
}

/// A wish in the numbers of the event. Seats by id alone need no look at it.
async fn read_wish(
    engine: &Engine,
    event_id: EventId,
    caller: Caller,
    wish: WishBody,
) -> Result<Wish, Problem> {
    if wish.channel.is_some() && caller != Caller::Admin {
        return Err(Problem::new(Code::Forbidden, "a channel is the administrator's to name"));
    }
    let event = async || engine.event(event_id).await.map_err(|error| Problem::from_call(error, event_id));
    if wish.is_plain() {
        return match seats_of(event_id, &wish.seat_ids) {
            Ok(seats) => Ok(Wish::seats(seats)),
            Err(problem) => event().await.and(Err(problem)),
        };
    }
    let info = event().await?.info;
    let keys = match wish.names_keys() {
        true => engine.seat_keys(&info.seating.layout).await,
        false => Ok(None),
    };
    let keys = keys.map_err(|error| Problem::from_call(error, event_id))?;
    wish.read(&info, keys.as_deref())
}

/// The answer to a reserve that was carried out.
pub fn created(view: &ReservationView, keys: Option<&SeatKeyList>, now: Timestamp) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("/api/v1/reservations/{}", view.reservation.id)));
    if view.replayed {
        response.insert_header((IDEMPOTENT_REPLAYED, "true"));
    }
    response.json(ReservationBody::new(view, &SeatLabels::of(view), keys, now))
}

/// The answer to a question about one reservation.
async fn shown(engine: &Engine, view: &ReservationView) -> HttpResponse {
    // What was done was done, whether the keys can be had or not.
    let keys = engine.seat_keys(&view.event.seating.layout).await.unwrap_or_default();
    HttpResponse::Ok().json(ReservationBody::new(view, &SeatLabels::of(view), keys.as_deref(), engine.now()))
}

/// The user to reserve for: a user's own, or whom the administrator names.
pub fn acting_for(caller: Caller, named: Option<Uuid>) -> Result<UserId, Problem> {
    match (caller, named.map(UserId::new)) {
        (Caller::Admin, Some(named)) => Ok(named),
        (Caller::Admin, None) => {
            Err(Problem::invalid_field("user_id", "is needed: an administrator reserves for a user"))
        }
        (Caller::User(own), None) => Ok(own),
        (Caller::User(own), Some(named)) if named == own => Ok(own),
        (Caller::User(_), Some(_)) => {
            Err(Problem::new(Code::Forbidden, "a user reserves for itself; the user_id is another one's"))
        }
    }
}
