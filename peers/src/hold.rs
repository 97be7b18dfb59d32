//! How a transaction takes seats: the statements in which the peers differ.

use engine::{EventId, ReservationId, SeatNo};
use sqlx::PgConnection;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The seats are taken by this transaction, for so much money in minor units.
    Taken(i64),
    /// Others have these seats.
    Unavailable(Vec<SeatNo>),
    /// Another transaction was quicker: read again.
    Changed,
}

/// Reads the seats with their versions, and changes them where they still have these.
pub(crate) async fn optimistic(
    connection: &mut PgConnection,
    event_id: EventId,
    seat_nos: &[i32],
    reservation_id: ReservationId,
) -> Result<Hold, sqlx::Error> {
    let seats: Vec<(i32, i64, i16, i32)> = sqlx::query_as(
        "SELECT seat_no, price_minor, status, version FROM peers.seats WHERE event_id = $1 AND seat_no = ANY($2)",
    )
    .bind(event_id.as_uuid())
    .bind(seat_nos)
    .fetch_all(&mut *connection)
    .await?;
    let taken: Vec<SeatNo> = seats
        .iter()
        .filter(|(_, _, status, _)| *status != 0)
        .map(|(seat_no, ..)| *seat_no as SeatNo)
        .collect();
    if !taken.is_empty() {
        return Ok(Hold::Unavailable(taken));
    }
    let read: Vec<i32> = seats.iter().map(|(seat_no, ..)| *seat_no).collect();
    let versions: Vec<i32> = seats.iter().map(|(.., version)| *version).collect();
    let updated = sqlx::query(
        "UPDATE peers.seats AS seats SET status = 1, version = seats.version + 1, reservation_id = $2
         FROM unnest($3::integer[], $4::integer[]) AS read (seat_no, version)
         WHERE seats.event_id = $1 AND seats.seat_no = read.seat_no AND seats.version = read.version",
    )
    .bind(event_id.as_uuid())
    .bind(reservation_id.as_uuid())
    .bind(read)
    .bind(versions)
    .execute(connection)
    .await?;
    if updated.rows_affected() < seat_nos.len() as u64 {
        return Ok(Hold::Changed);
    }
    Ok(Hold::Taken(seats.iter().map(|(_, price, ..)| price).sum()))
}

/// Locks the seats that are free and that nobody else has locked, and changes them if these are all.
pub(crate) async fn skip_locked(
    connection: &mut PgConnection,
    event_id: EventId,
    seat_nos: &[i32],
    reservation_id: ReservationId,
) -> Result<Hold, sqlx::Error> {
    let free: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT seat_no, price_minor FROM peers.seats
         WHERE event_id = $1 AND seat_no = ANY($2) AND status = 0 FOR UPDATE SKIP LOCKED",
    )
    .bind(event_id.as_uuid())
    .bind(seat_nos)
    .fetch_all(&mut *connection)
    .await?;
    if free.len() < seat_nos.len() {
        let is_free = |seat_no| free.iter().any(|(free, _)| *free == seat_no);
        let taken = seat_nos.iter().filter(|seat_no| !is_free(**seat_no));
        return Ok(Hold::Unavailable(taken.map(|seat_no| *seat_no as SeatNo).collect()));
    }
    sqlx::query(
        "UPDATE peers.seats SET status = 1, version = version + 1, reservation_id = $2
         WHERE event_id = $1 AND seat_no = ANY($3)",
    )
    .bind(event_id.as_uuid())
    .bind(reservation_id.as_uuid())
    .bind(seat_nos)
    .execute(connection)
    .await?;
    Ok(Hold::Taken(free.iter().map(|(_, price)| price).sum()))
}
