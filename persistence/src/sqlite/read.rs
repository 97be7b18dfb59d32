//! The reads.

use engine::{
    BatchId, EventId, EventRow, EventTables, JournalRow, Reservation, ReservationFilter, ReservationId,
    SeatMap, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::layouts::layout_of;
use crate::columns::{self, Columns, Due, status_code};
use crate::sql;

/// A query for events `e`, each with what its last batch left.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT e.*, coalesce(j.seq, 0) AS version, coalesce(j.reserved_seats, 0) AS reserved_seats, \
             coalesce(j.confirmed_seats, 0) AS confirmed_seats, \
             coalesce(j.not_for_sale_seats, 0) AS not_for_sale_seats, j.ordered_at \
             FROM events e LEFT JOIN journal j ON j.event_id = e.event_id \
             AND j.seq = (SELECT max(seq) FROM journal WHERE event_id = e.event_id) ",
            $rest
        )
    };
}

pub(crate) async fn batch_at(pool: &SqlitePool, id: EventId, seq: u64) -> Result<Option<BatchId>, Error> {
    let row =
        sqlx::query(sql::BATCH_AT).bind(id.as_uuid()).bind(seq.cast_signed()).fetch_optional(pool).await?;
    row.map(|row| row.id("batch_id")).transpose()
}

pub(crate) async fn due_events(
    readers: &SqlitePool,
    writers: &SqlitePool,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<EventId>, Error> {
    let rows =
        sqlx::query(sql::DUE_EVENTS).bind(now.as_micros()).bind(i64::from(limit)).fetch_all(readers).await?;
    let due = rows.iter().map(Due::from_row).collect::<Result<Vec<_>, _>>()?;
    let (overdue, not_due, since) = Due::sort(due, now);
    for due in not_due {
        let query = sqlx::query(if due.next_expires_at.is_some() { sql::DUE_LATER } else { sql::NOT_DUE });
        let query = query.bind(due.event_id.as_uuid()).bind(since.as_micros());
        let query = match due.next_expires_at {
            Some(next_expires_at) => query.bind(next_expires_at.as_micros()),
            None => query,
        };
        query.execute(writers).await?;
    }
    Ok(overdue)
}

pub(crate) async fn event(pool: &SqlitePool, id: EventId) -> Result<Option<EventRow>, Error> {
    Ok(event_on(&mut *pool.acquire().await?, id).await?.map(|(event, _)| event))
}

/// An event, and the time by which its last batch is ordered.
pub(super) async fn event_on(
    connection: &mut SqliteConnection,
    id: EventId,
) -> Result<Option<(EventRow, Option<Timestamp>)>, Error> {
    let row = sqlx::query(select_events!("WHERE e.event_id = $1"))
        .bind(id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((event_row(connection, &row).await?, row.optional_time("ordered_at")?)))
}

/// An event from its row; its layout is read where it is not in memory.
async fn event_row(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<EventRow, Error> {
    let layout = layout_of(connection, columns::layout_id(row)?).await?;
    columns::event_row(row, layout)
}

pub(crate) async fn events(
    pool: &SqlitePool,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<EventRow>, Error> {
    let mut connection = pool.acquire().await?;
    let rows = sqlx::query(select_events!(
        "WHERE e.event_id < $1 AND NOT e.deleted ORDER BY e.event_id DESC LIMIT $2"
    ))
    .bind(before.map_or(Uuid::max(), EventId::as_uuid))
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        events.push(event_row(&mut connection, &row).await?);
    }
    Ok(events)
}

pub(crate) async fn seat_map(pool: &SqlitePool, id: EventId) -> Result<Option<SeatMap>, Error> {
    // In one transaction, so that the claims are of the event's version.
    let mut transaction = pool.begin().await?;
    let event = event_on(&mut transaction, id).await?.filter(|(event, _)| !event.deleted);
    let Some((event, _)) = event else { return Ok(None) };
    let rows = sqlx::query(
        "SELECT c.seat_no, r.status FROM claims c JOIN reservations r USING (event_id, reservation_id)
         WHERE c.event_id = $1",
    )
    .bind(id.as_uuid())
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let claims: Vec<_> = rows
        .iter()
        .map(|row| Ok((row.number("seat_no")?, row.integer("status")?)))
        .collect::<Result<_, Error>>()?;
    columns::seat_map(event, claims).map(Some)
}

pub(crate) async fn reservation(pool: &SqlitePool, id: ReservationId) -> Result<Option<Reservation>, Error> {
    let row = sqlx::query(sql::RESERVATION)
        .bind(id.event_id().as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(columns::reservation).transpose()
}

pub(crate) async fn reservations(
    pool: &SqlitePool,
    filter: ReservationFilter,
) -> Result<Vec<Reservation>, Error> {
    let rows = sqlx::query(
        // Found in the index alone, so that only the user's own rows are looked up.
        "SELECT r.* FROM reservations own JOIN reservations r USING (event_id, reservation_id)
         WHERE substr(hex(own.user_id), 32) = substr(hex($1), 32) AND own.user_id = $1 AND own.reservation_id < $2
             AND ($3 IS NULL OR r.status = $3)
         ORDER BY own.reservation_id DESC LIMIT $4",
    )
    .bind(filter.user_id.as_uuid())
    .bind(filter.before.map_or(Uuid::max(), ReservationId::as_uuid))
    .bind(filter.status.map(status_code))
    .bind(i64::from(filter.limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(columns::reservation).collect()
}

pub(crate) async fn journal(
    pool: &SqlitePool,
    id: EventId,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<JournalRow>, Error> {
    let rows = sqlx::query(
        "SELECT seq, batch_id, epoch, decided_at, ordered_at, changes FROM journal
         WHERE event_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(id.as_uuid())
    .bind(i64::try_from(after_seq).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(columns::journal_row).collect()
}

pub(crate) async fn tables(pool: &SqlitePool, id: EventId) -> Result<Option<EventTables>, Error> {
    let mut transaction = pool.begin().await?;
    let Some((event, _)) = event_on(&mut transaction, id).await? else { return Ok(None) };
    let reservations = sqlx::query(sql::RESERVATIONS).bind(id.as_uuid()).fetch_all(&mut *transaction).await?;
    let claims = sqlx::query(sql::CLAIMS).bind(id.as_uuid()).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Some(EventTables {
        event,
        reservations: reservations.iter().map(columns::reservation).collect::<Result<_, _>>()?,
        claims: claims.iter().map(columns::claim).collect::<Result<_, _>>()?,
    }))
}

pub(crate) async fn event_ids(
    pool: &SqlitePool,
    after: Option<EventId>,
    limit: u32,
) -> Result<Vec<EventId>, Error> {
    let rows = sqlx::query(sql::EVENT_IDS)
        .bind(after.map_or(Uuid::nil(), EventId::as_uuid))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| row.id("event_id")).collect()
}

pub(crate) async fn epochs(pool: &SqlitePool, ids: &[EventId]) -> Result<Vec<(EventId, u64)>, Error> {
    let ids: Vec<String> = ids.iter().map(|id| id.as_uuid().simple().to_string()).collect();
    let rows = sqlx::query(
        "SELECT event_id, epoch FROM events WHERE event_id IN (SELECT unhex(value) FROM json_each($1))",
    )
    .bind(serde_json::to_string(&ids).map_err(|error| Error::Encode(Box::new(error)))?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok((row.id("event_id")?, row.number("epoch")?))).collect()
}

/// Whether the database can be read.
pub(crate) async fn answers(pool: &SqlitePool) -> Result<(), Error> {
    sqlx::query("SELECT 1").execute(pool).await?;
    Ok(())
}

/// Writes a page and commits: a number that nothing reads gets the value that it has.
pub(crate) async fn check_write(writers: &SqlitePool) -> Result<(), Error> {
    sqlx::query("PRAGMA user_version = 0").execute(writers).await?;
    Ok(())
}
