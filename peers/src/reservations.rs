//! The peers' reservations as rows.

use engine::{EventId, Reservation, ReservationId, ReservationStatus, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use time::OffsetDateTime;

/// Writes a new one.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    event_id: EventId,
    reservation: &Reservation,
) -> Result<(), sqlx::Error> {
    let seat_nos: Vec<i32> = reservation.seats.iter().map(|seat_no| *seat_no as i32).collect();
    sqlx::query(
        "INSERT INTO peers.reservations (reservation_id, event_id, user_id, seat_nos, status, total_minor,
             created_at, expires_at, idempotency_key)
         VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8)",
    )
    .bind(reservation.id.as_uuid())
    .bind(event_id.as_uuid())
    .bind(reservation.user_id.as_uuid())
    .bind(seat_nos)
    .bind(reservation.total_minor)
    .bind(OffsetDateTime::from(reservation.created_at))
    .bind(OffsetDateTime::from(reservation.expires_at))
    .bind(&reservation.idempotency_key)
    .execute(connection)
    .await?;
    Ok(())
}

/// The one that a user's key made, if it was used.
pub(crate) async fn by_key(
    pool: &PgPool,
    event_id: EventId,
    user_id: UserId,
    key: &str,
) -> Result<Option<Reservation>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT reservation_id, seat_nos, total_minor, created_at, expires_at FROM peers.reservations
         WHERE user_id = $1 AND event_id = $2 AND idempotency_key = $3",
    )
    .bind(user_id.as_uuid())
    .bind(event_id.as_uuid())
    .bind(key)
    .fetch_optional(pool)
    .await?;
    row.map(|row| read(&row, user_id, key)).transpose()
}

fn read(row: &PgRow, user_id: UserId, key: &str) -> Result<Reservation, sqlx::Error> {
    let id = ReservationId::try_from(row.try_get::<uuid::Uuid, _>("reservation_id")?)
        .map_err(|error| sqlx::Error::Decode(error.into()))?;
    let seat_nos: Vec<i32> = row.try_get("seat_nos")?;
    let created_at: OffsetDateTime = row.try_get("created_at")?;
    let expires_at: OffsetDateTime = row.try_get("expires_at")?;
    Ok(Reservation {
        id,
        user_id,
        seats: seat_nos.into_iter().map(|seat_no| seat_no as u32).collect(),
        status: ReservationStatus::Pending,
        total_minor: row.try_get("total_minor")?,
        created_at: created_at.into(),
        expires_at: expires_at.into(),
        updated_at: created_at.into(),
        confirmed_at: None,
        cancelled_at: None,
        idempotency_key: Some(key.to_owned()),
        terms: None,
        seq: 0,
    })
}
