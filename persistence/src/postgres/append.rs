//! The writes: a batch as one function call, a new event as one statement.

use engine::{Batch, EventInfo, Reservation, Timestamp};
use sqlx::{Error, PgConnection, PgPool};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::columns::status_code;

/// Writes a batch; `false` if the event has another epoch or version. See `0002_append.sql`.
pub(crate) async fn append(connection: &mut PgConnection, batch: &Batch) -> Result<bool, Error> {
    let changes = to_json(&batch.changes)?;
    let details = batch.details.as_ref().map(to_json).transpose()?;
    let (claimed, claimed_by): (Vec<i32>, Vec<Uuid>) =
        batch.claimed.iter().map(|(seat_no, id)| (seat_no.cast_signed(), id.as_uuid())).unzip();
    let released: Vec<i32> = batch.released.iter().map(|seat_no| seat_no.cast_signed()).collect();
    let (created, updated) = (&batch.created, &batch.updated);

    // The order is that of the function's parameters.
    sqlx::query_scalar(
        "SELECT holdfast_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
         $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)",
    )
    .bind(batch.event_id.as_uuid())
    .bind(Uuid::from(batch.batch_id))
    .bind(batch.seq.cast_signed())
    .bind(batch.epoch.cast_signed())
    .bind(OffsetDateTime::from(batch.decided_at))
    .bind(changes)
    .bind(batch.counts.reserved.cast_signed())
    .bind(batch.counts.confirmed.cast_signed())
    .bind(batch.next_expires_at.map(OffsetDateTime::from))
    .bind(batch.deleted)
    .bind(column(created, |r| r.id.as_uuid()))
    .bind(column(created, |r| r.user_id.as_uuid()))
    .bind(column(created, |r| array_text(&r.seats)))
    .bind(column(created, |r| status_code(r.status)))
    .bind(column(created, |r| r.total_minor))
    .bind(column(created, |r| OffsetDateTime::from(r.created_at)))
    .bind(column(created, |r| OffsetDateTime::from(r.expires_at)))
    .bind(column(created, |r| OffsetDateTime::from(r.updated_at)))
    .bind(column(created, |r| r.confirmed_at.map(OffsetDateTime::from)))
    .bind(column(created, |r| r.cancelled_at.map(OffsetDateTime::from)))
    .bind(column(created, |r| r.idempotency_key.clone()))
    .bind(column(updated, |r| r.id.as_uuid()))
    .bind(column(updated, |r| status_code(r.status)))
    .bind(column(updated, |r| OffsetDateTime::from(r.expires_at)))
    .bind(column(updated, |r| OffsetDateTime::from(r.updated_at)))
    .bind(column(updated, |r| r.confirmed_at.map(OffsetDateTime::from)))
    .bind(column(updated, |r| r.cancelled_at.map(OffsetDateTime::from)))
    .bind(released)
    .bind(claimed)
    .bind(claimed_by)
    .bind(details)
    .bind(batch.details.as_ref().map(|details| OffsetDateTime::from(details.start_at)))
    .bind(batch.details.as_ref().map(|details| OffsetDateTime::from(details.end_at)))
    .fetch_one(connection)
    .await
}

/// Writes a new event with its sections.
pub(crate) async fn create_event(pool: &PgPool, event: &EventInfo) -> Result<(), Error> {
    let details = &event.details;
    let sections = event.layout.sections();
    let numbers: Vec<i32> = (0..sections.len() as i32).collect();
    sqlx::query(
        "WITH event AS (
             INSERT INTO events (event_id, name, description, venue, start_at, end_at, currency,
                 hold_ttl_s, max_hold_s, max_seats_per_reservation, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         )
         INSERT INTO sections (event_id, section_no, name, row_count, seats_per_row, seats, price_minor)
         SELECT $1, s.* FROM unnest($13::integer[], $14::text[], $15::integer[], $16::integer[],
             $17::integer[], $18::bigint[]) AS s",
    )
    .bind(event.id.as_uuid())
    .bind(&details.name)
    .bind(&details.description)
    .bind(&details.venue)
    .bind(time(details.start_at))
    .bind(time(details.end_at))
    .bind(event.currency.to_string())
    .bind(details.hold_ttl_s.cast_signed())
    .bind(details.max_hold_s.cast_signed())
    .bind(details.max_seats_per_reservation.cast_signed())
    .bind(time(event.created_at))
    .bind(time(event.updated_at))
    .bind(numbers)
    .bind(sections.iter().map(|s| s.name.clone()).collect::<Vec<_>>())
    .bind(sections.iter().map(|s| s.rows.cast_signed()).collect::<Vec<_>>())
    .bind(sections.iter().map(|s| s.seats_per_row.cast_signed()).collect::<Vec<_>>())
    .bind(sections.iter().map(|s| s.seats.cast_signed()).collect::<Vec<_>>())
    .bind(sections.iter().map(|s| s.price_minor).collect::<Vec<_>>())
    .execute(pool)
    .await?;
    Ok(())
}

fn column<T>(reservations: &[Arc<Reservation>], value: impl Fn(&Reservation) -> T) -> Vec<T> {
    reservations.iter().map(|reservation| value(reservation)).collect()
}

/// `{4,5}`: how Postgres writes an array.
fn array_text(seats: &[u32]) -> String {
    let seats: Vec<String> = seats.iter().map(u32::to_string).collect();
    format!("{{{}}}", seats.join(","))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(Box::new(error)))
}

fn time(time: Timestamp) -> OffsetDateTime {
    time.into()
}
