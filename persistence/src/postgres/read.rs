//! The reads.

use engine::{
    BatchId, EventId, EventRow, EventTables, JournalRow, Reservation, ReservationFilter, ReservationId,
    SeatMap, Timestamp,
};
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection, PgPool, Postgres, Row, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::layouts::layout_of;
use crate::columns::{self, Columns, Due, status_code};
use crate::sql;

/// A query for events `e`, each with what its last batch left.
macro_rules! select_events {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT e.*, coalesce(j.seq, 0) AS version, coalesce(j.reserved_seats, 0) AS reserved_seats, \
             coalesce(j.confirmed_seats, 0) AS confirmed_seats, \
             coalesce(j.not_for_sale_seats, 0) AS not_for_sale_seats, j.ordered_at ",
            $more,
            " FROM events e LEFT JOIN LATERAL (
                 SELECT seq, reserved_seats, confirmed_seats, not_for_sale_seats, ordered_at FROM journal
                 WHERE event_id = e.event_id ORDER BY seq DESC LIMIT 1
             ) j ON true ",
            $rest
        )
    };
}

pub(crate) async fn batch_at(pool: &PgPool, id: EventId, seq: u64) -> Result<Option<BatchId>, Error> {
    let row =
        sqlx::query(sql::BATCH_AT).bind(id.as_uuid()).bind(seq.cast_signed()).fetch_optional(pool).await?;
    row.map(|row| row.id("batch_id")).transpose()
}

pub(crate) async fn due_events(pool: &PgPool, now: Timestamp, limit: u32) -> Result<Vec<EventId>, Error> {
    let rows = sqlx::query(sql::DUE_EVENTS)
        .bind(OffsetDateTime::from(now))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    let due = rows.iter().map(Due::from_row).collect::<Result<Vec<_>, _>>()?;
    let (overdue, not_due, since) = Due::sort(due, now);
    for due in not_due {
        let query = sqlx::query(if due.next_expires_at.is_some() { sql::DUE_LATER } else { sql::NOT_DUE });
        let query = query.bind(due.event_id.as_uuid()).bind(OffsetDateTime::from(since));
        let query = match due.next_expires_at {
            Some(next_expires_at) => query.bind(OffsetDateTime::from(next_expires_at)),
            None => query,
        };
        query.execute(pool).await?;
    }
    Ok(overdue)
}

pub(crate) async fn event(pool: &PgPool, id: EventId) -> Result<Option<EventRow>, Error> {
    Ok(event_on(&mut *pool.acquire().await?, id).await?.map(|(event, _)| event))
}

/// An event, and the time by which its last batch is ordered.
pub(super) async fn event_on(
    connection: &mut PgConnection,
    id: EventId,
) -> Result<Option<(EventRow, Option<Timestamp>)>, Error> {
    let row = sqlx::query(select_events!("", "WHERE e.event_id = $1"))
        .bind(id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((event_row(connection, &row).await?, row.optional_time("ordered_at")?)))
}

/// An event from its row; its layout is read where it is not in memory.
async fn event_row(connection: &mut PgConnection, row: &PgRow) -> Result<EventRow, Error> {
    let layout = layout_of(connection, columns::layout_id(row)?).await?;
    columns::event_row(row, layout)
}

pub(crate) async fn events(
    pool: &PgPool,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<EventRow>, Error> {
    let mut connection = pool.acquire().await?;
    let rows = sqlx::query(select_events!(
        "",
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

pub(crate) async fn seat_map(pool: &PgPool, id: EventId) -> Result<Option<SeatMap>, Error> {
    let mut connection = pool.acquire().await?;
    // One statement, so that the claims are of the event's version.
    let row = sqlx::query(select_events!(
        ", c.seat_nos, c.statuses",
        "CROSS JOIN LATERAL (
             SELECT coalesce(array_agg(c.seat_no), '{}') AS seat_nos, coalesce(array_agg(r.status), '{}') AS statuses
             FROM claims c JOIN reservations r USING (event_id, reservation_id)
             WHERE c.event_id = e.event_id
         ) c WHERE e.event_id = $1 AND NOT e.deleted"
    ))
    .bind(id.as_uuid())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let event = event_row(&mut connection, &row).await?;
    let codes: Vec<i16> = row.try_get("statuses")?;
    let claims = row.seats("seat_nos")?.into_iter().zip(codes.into_iter().map(i64::from));
    columns::seat_map(event, claims).map(Some)
}

pub(crate) async fn reservation(pool: &PgPool, id: ReservationId) -> Result<Option<Reservation>, Error> {
    let row = sqlx::query(sql::RESERVATION)
        .bind(id.event_id().as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(columns::reservation).transpose()
}

pub(crate) async fn reservations(
    pool: &PgPool,
    filter: ReservationFilter,
) -> Result<Vec<Reservation>, Error> {
    let rows = sqlx::query(
        "SELECT * FROM reservations
         WHERE (uuid_hash(user_id) & 4095) = (uuid_hash($1) & 4095) AND user_id = $1 AND reservation_id < $2
         AND ($3::smallint IS NULL OR status = $3)
         ORDER BY reservation_id DESC LIMIT $4",
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
    pool: &PgPool,
    id: EventId,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<JournalRow>, Error> {
    let rows = sqlx::query(
        "SELECT seq, batch_id, epoch, decided_at, ordered_at, changes::text AS changes FROM journal
         WHERE event_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(id.as_uuid())
    .bind(i64::try_from(after_seq).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(columns::journal_row).collect()
}

/// A transaction whose reads are of one point in time.
pub(super) async fn begin_reading(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    // Behind a pooler each connection comes in a transaction of its own, and this one must be a new one.
    pool.begin_with("COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
}

pub(crate) async fn tables(pool: &PgPool, id: EventId) -> Result<Option<EventTables>, Error> {
    let mut transaction = begin_reading(pool).await?;
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
    pool: &PgPool,
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

pub(crate) async fn epochs(pool: &PgPool, ids: &[EventId]) -> Result<Vec<(EventId, u64)>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query("SELECT event_id, epoch FROM events WHERE event_id = ANY ($1)")
        .bind(ids)
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| Ok((row.id("event_id")?, row.number("epoch")?))).collect()
}

pub(crate) async fn now(pool: &PgPool) -> Result<Timestamp, Error> {
    let row = sqlx::query("SELECT clock_timestamp() AS now").fetch_one(pool).await?;
    row.time("now")
}

/// Commits a record in the log of the database, and nothing else. A replica refuses it; a database that is
/// set to read-only would not.
pub(crate) async fn check_write(pool: &PgPool) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let (is_read_only,): (bool,) = sqlx::query_as(
        "SELECT current_setting('transaction_read_only') = 'on' FROM pg_logical_emit_message(true, 'holdfast', '')",
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if is_read_only { Err(Error::Protocol("the database is read-only".to_owned())) } else { Ok(()) }
}
