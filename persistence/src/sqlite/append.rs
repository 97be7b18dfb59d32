//! The writes. On a conflict they roll the whole transaction back: nothing of it is wanted then, and SQLite needs
//! no copy of the pages that a statement changes.

use std::sync::LazyLock;

use engine::{AppendError, Batch, EventDetails, EventInfo, SeatNo};
use sqlx::pool::PoolConnection;
use sqlx::{Connection, Error, Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::row_values::RowsStatement;
use crate::columns::status_code;

/// Writes a batch in one transaction.
pub(crate) async fn append(writer: &SqlitePool, batch: &Batch) -> Result<(), AppendError> {
    let mut connection = writer.acquire().await.map_err(|error| aborted(&error))?;
    let outcome = append_on(&mut connection, batch).await;
    if !matches!(outcome, Ok(()) | Err(AppendError::Fenced)) {
        close_after_failure(&mut connection);
    }
    outcome
}

/// Writes a new event with its sections.
pub(crate) async fn create_event(writer: &SqlitePool, event: &EventInfo) -> Result<(), Error> {
    let mut connection = writer.acquire().await?;
    let outcome = create_event_on(&mut connection, event).await;
    if outcome.is_err() {
        close_after_failure(&mut connection);
    }
    outcome
}

/// SQLite ends the transaction by itself on some errors, such as a full disk. The driver does not notice,
/// and could not begin another one on this connection.
pub(crate) fn close_after_failure(connection: &mut PoolConnection<Sqlite>) {
    connection.close_on_drop();
}

async fn append_on(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), AppendError> {
    // Dropped before its commit, a transaction is rolled back.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| aborted(&error))?;
    if !write_event(&mut transaction, batch).await.map_err(|error| aborted(&error))? {
        return Err(AppendError::Fenced);
    }
    write_rows(&mut transaction, batch).await.map_err(|error| aborted(&error))?;
    transaction.commit().await.map_err(|error| commit_error(&error))
}

async fn create_event_on(connection: &mut SqliteConnection, event: &EventInfo) -> Result<(), Error> {
    let details = &event.details;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "INSERT INTO events (event_id, name, description, venue, start_at, end_at, currency,
             hold_ttl_s, max_hold_s, max_seats_per_reservation, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
    .bind(event.id.as_uuid())
    .bind(&details.name)
    .bind(&details.description)
    .bind(&details.venue)
    .bind(details.start_at.as_micros())
    .bind(details.end_at.as_micros())
    .bind(event.currency.to_string())
    .bind(details.hold_ttl_s)
    .bind(details.max_hold_s)
    .bind(details.max_seats_per_reservation)
    .bind(event.created_at.as_micros())
    .bind(event.updated_at.as_micros())
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO sections (event_id, section_no, name, row_count, seats_per_row, seats, price_minor)
         SELECT ?1, key, value->>'name', value->>'rows', value->>'seats_per_row', value->>'seats',
             value->>'price_minor'
         FROM json_each(?2)",
    )
    .bind(event.id.as_uuid())
    .bind(to_json(&event.layout.sections())?)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// The fence: `false` if the event has another epoch or version.
async fn write_event(connection: &mut SqliteConnection, batch: &Batch) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE events
         SET version = ?3, decided_at = ?4, reserved_seats = ?5, confirmed_seats = ?6,
             next_expires_at = ?7, deleted = deleted OR ?8
         WHERE event_id = ?1 AND epoch = ?2 AND version = ?3 - 1",
    )
    .bind(batch.event_id.as_uuid())
    .bind(batch.epoch.cast_signed())
    .bind(batch.seq.cast_signed())
    .bind(batch.decided_at.as_micros())
    .bind(batch.counts.reserved)
    .bind(batch.counts.confirmed)
    .bind(batch.next_expires_at.map(|time| time.as_micros()))
    .bind(batch.deleted)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn write_rows(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Error> {
    let id = batch.event_id.as_uuid();
    insert_journal(connection, batch).await?;
    insert_reservations(connection, batch).await?;
    update_reservations(connection, batch).await?;
    if !batch.released.is_empty() {
        delete_claims(connection, id, batch).await?;
    }
    insert_claims(connection, batch).await?;
    match &batch.details {
        Some(details) => amend(connection, id, details, batch).await,
        None => Ok(()),
    }
}

async fn insert_journal(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO journal (event_id, seq, batch_id, epoch, decided_at, changes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(batch.event_id.as_uuid())
    .bind(batch.seq.cast_signed())
    .bind(Uuid::from(batch.batch_id))
    .bind(batch.epoch.cast_signed())
    .bind(batch.decided_at.as_micros())
    .bind(to_json(&batch.changes)?)
    .execute(connection)
    .await?;
    Ok(())
}

static INSERT_RESERVATIONS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT OR ROLLBACK INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor,
             created_at, expires_at, updated_at, confirmed_at, cancelled_at, idempotency_key, seq)
         SELECT * FROM",
        13,
        "WHERE column1 IS NOT NULL",
    )
});

async fn insert_reservations(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Error> {
    let (event_id, seq) = (batch.event_id.as_uuid(), batch.seq.cast_signed());
    INSERT_RESERVATIONS
        .execute(connection, &batch.created, |query, r| {
            query
                .bind(event_id)
                .bind(r.id.as_uuid())
                .bind(r.user_id.as_uuid())
                .bind(seats_json(&r.seats))
                .bind(status_code(r.status))
                .bind(r.total_minor)
                .bind(r.created_at.as_micros())
                .bind(r.expires_at.as_micros())
                .bind(r.updated_at.as_micros())
                .bind(r.confirmed_at.map(|time| time.as_micros()))
                .bind(r.cancelled_at.map(|time| time.as_micros()))
                .bind(r.idempotency_key.clone())
                .bind(seq)
        })
        .await?;
    Ok(())
}

static UPDATE_RESERVATIONS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "UPDATE OR ROLLBACK reservations
         SET status = u.column3, expires_at = u.column4, updated_at = u.column5, confirmed_at = u.column6,
             cancelled_at = u.column7, seq = u.column8
         FROM",
        8,
        "AS u WHERE reservations.event_id = u.column1 AND reservations.reservation_id = u.column2",
    )
});

async fn update_reservations(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Error> {
    let (event_id, seq) = (batch.event_id.as_uuid(), batch.seq.cast_signed());
    let changed = UPDATE_RESERVATIONS
        .execute(connection, &batch.updated, |query, r| {
            query
                .bind(event_id)
                .bind(r.id.as_uuid())
                .bind(status_code(r.status))
                .bind(r.expires_at.as_micros())
                .bind(r.updated_at.as_micros())
                .bind(r.confirmed_at.map(|time| time.as_micros()))
                .bind(r.cancelled_at.map(|time| time.as_micros()))
                .bind(seq)
        })
        .await?;
    expect_rows("changes", "reservations", batch.updated.len(), changed)
}

async fn delete_claims(connection: &mut SqliteConnection, id: Uuid, batch: &Batch) -> Result<(), Error> {
    let done = sqlx::query(
        "DELETE FROM claims WHERE event_id = ?1 AND seat_no IN (SELECT value FROM json_each(?2))",
    )
    .bind(id)
    .bind(to_json(&batch.released)?)
    .execute(connection)
    .await?;
    expect_rows("releases", "claimed seats", batch.released.len(), done.rows_affected())
}

static INSERT_CLAIMS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT OR ROLLBACK INTO claims (event_id, seat_no, reservation_id) SELECT * FROM",
        3,
        "WHERE column1 IS NOT NULL",
    )
});

async fn insert_claims(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Error> {
    let event_id = batch.event_id.as_uuid();
    INSERT_CLAIMS
        .execute(connection, &batch.claimed, |query, (seat_no, reservation_id)| {
            query.bind(event_id).bind(*seat_no).bind(reservation_id.as_uuid())
        })
        .await?;
    Ok(())
}

async fn amend(
    connection: &mut SqliteConnection,
    id: Uuid,
    details: &EventDetails,
    batch: &Batch,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE events
         SET name = ?2, description = ?3, venue = ?4, start_at = ?5, end_at = ?6, hold_ttl_s = ?7,
             max_hold_s = ?8, max_seats_per_reservation = ?9, updated_at = ?10
         WHERE event_id = ?1",
    )
    .bind(id)
    .bind(&details.name)
    .bind(&details.description)
    .bind(&details.venue)
    .bind(details.start_at.as_micros())
    .bind(details.end_at.as_micros())
    .bind(details.hold_ttl_s)
    .bind(details.max_hold_s)
    .bind(details.max_seats_per_reservation)
    .bind(batch.decided_at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(Box::new(error)))
}

fn seats_json(seats: &[SeatNo]) -> String {
    let numbers: Vec<String> = seats.iter().map(SeatNo::to_string).collect();
    format!("[{}]", numbers.join(","))
}

fn expect_rows(verb: &str, what: &str, expected: usize, found: u64) -> Result<(), Error> {
    if found == expected as u64 {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!("the batch {verb} {expected} {what}, of which {found} exist")))
}

/// A full disk has no room for the mark that makes a transaction count, and SQLite takes back the rest.
/// After any other error, such as one of fsync, the mark may be there or not.
fn commit_error(error: &Error) -> AppendError {
    const SQLITE_FULL: &str = "13";
    let is_full = error.as_database_error().and_then(|error| error.code()).as_deref() == Some(SQLITE_FULL);
    if is_full { aborted(error) } else { AppendError::Unknown(error.to_string()) }
}

/// Nothing is written before the commit.
fn aborted(error: &Error) -> AppendError {
    AppendError::Aborted(error.to_string())
}
