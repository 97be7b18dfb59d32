//! The writes. On a conflict they roll the whole transaction back: nothing of it is wanted then, and SQLite
//! needs no copy of the pages that a statement changes.

use std::sync::{Arc, LazyLock};

use engine::{AppendError, Batch, EndedKey, EventInfo, Reservation, ReservationId, SeatNo, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::{Connection, Error, Sqlite, SqliteConnection, SqlitePool};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::layouts::insert_layout;
use super::row_values::RowsStatement;
use crate::columns::{listed, new_layout, status_code, terms_json, to_json};

/// Writes the batches of several events in one transaction, all or none, if it can begin in time.
pub(crate) async fn append(
    writer: &SqlitePool,
    group: &[Arc<Batch>],
    begin_by: Instant,
) -> Result<(), AppendError> {
    let late = || AppendError::Aborted("others kept the database for too long".to_owned());
    if Instant::now() >= begin_by {
        return Err(late());
    }
    let connection = timeout_at(begin_by, writer.acquire()).await.map_err(|_| late())?;
    let mut connection = connection.map_err(|error| aborted(&error))?;
    let outcome = append_on(&mut connection, group).await;
    if !matches!(outcome, Ok(()) | Err(AppendError::Fenced)) {
        close_after_failure(&mut connection);
    }
    outcome
}

/// SQLite ends the transaction by itself on some errors, such as a full disk. The driver does not notice,
/// and could not begin another one on this connection.
pub(crate) fn close_after_failure(connection: &mut PoolConnection<Sqlite>) {
    connection.close_on_drop();
}

async fn append_on(connection: &mut SqliteConnection, group: &[Arc<Batch>]) -> Result<(), AppendError> {
    // Dropped before its commit, a transaction is rolled back.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| aborted(&error))?;
    if !is_owner_of_all(&mut transaction, group).await.map_err(|error| aborted(&error))? {
        return Err(AppendError::Fenced);
    }
    write_rows(&mut transaction, group).await.map_err(|error| aborted(&error))?;
    transaction.commit().await.map_err(|error| commit_error(&error))
}

static OWNED_EVENTS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "SELECT count(*) FROM",
        3,
        "AS b JOIN events e ON e.event_id = b.column1 AND e.epoch = b.column2
         WHERE b.column3 - 1 = coalesce((SELECT max(j.seq) FROM journal j WHERE j.event_id = b.column1), 0)",
    )
});

/// The fence: `false` if one of the events has another epoch or version.
async fn is_owner_of_all(connection: &mut SqliteConnection, group: &[Arc<Batch>]) -> Result<bool, Error> {
    let owned = OWNED_EVENTS
        .count(connection, group, |query, batch| {
            query.bind(batch.event_id.as_uuid()).bind(batch.epoch.cast_signed()).bind(batch.seq.cast_signed())
        })
        .await?;
    Ok(owned == group.len() as u64)
}

async fn write_rows(connection: &mut SqliteConnection, group: &[Arc<Batch>]) -> Result<(), Error> {
    insert_journal(connection, group).await?;
    insert_reservations(connection, &rows(group, |batch| &batch.created)).await?;
    update_reservations(connection, &rows(group, |batch| &batch.updated)).await?;
    delete_claims(connection, &rows(group, |batch| &batch.released)).await?;
    insert_claims(connection, &rows(group, |batch| &batch.claimed)).await?;
    insert_ended_keys(connection, &rows(group, |batch| &batch.ended_keys)).await?;
    put_down_as_due(connection, &rows(group, |batch| batch.due_at.as_slice())).await?;
    for batch in group.iter().filter(|batch| batch.deleted) {
        delete_event(connection, batch).await?;
    }
    for (batch, info) in rows(group, |batch| batch.info.as_slice()) {
        amend(connection, info, batch).await?;
    }
    Ok(())
}

/// The rows of one kind, each with its batch.
type Rows<'a, T> = Vec<(&'a Batch, &'a T)>;

fn rows<'a, T>(group: &'a [Arc<Batch>], of: impl Fn(&'a Batch) -> &'a [T]) -> Rows<'a, T> {
    group.iter().flat_map(|batch| of(batch).iter().map(move |row| (&**batch, row))).collect()
}

static INSERT_JOURNAL: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT OR ROLLBACK INTO journal (event_id, seq, batch_id, epoch, decided_at, ordered_at, reserved_seats,
             confirmed_seats, not_for_sale_seats, next_expires_at, changes)
         SELECT * FROM",
        11,
        "WHERE column1 IS NOT NULL",
    )
});

async fn insert_journal(connection: &mut SqliteConnection, group: &[Arc<Batch>]) -> Result<(), Error> {
    let changes = group.iter().map(|batch| to_json(&batch.changes)).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<_> = group.iter().zip(changes).collect();
    INSERT_JOURNAL
        .execute(connection, &rows, |query, (batch, changes)| {
            query
                .bind(batch.event_id.as_uuid())
                .bind(batch.seq.cast_signed())
                .bind(Uuid::from(batch.batch_id))
                .bind(batch.epoch.cast_signed())
                .bind(batch.decided_at.as_micros())
                .bind(batch.ordered_at.as_micros())
                .bind(batch.counts.reserved)
                .bind(batch.counts.confirmed)
                .bind(batch.counts.not_for_sale)
                .bind(batch.next_expires_at.map(|time| time.as_micros()))
                .bind(changes.clone())
        })
        .await?;
    Ok(())
}

static INSERT_RESERVATIONS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT OR ROLLBACK INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor,
             created_at, expires_at, updated_at, confirmed_at, cancelled_at, idempotency_key, terms, seq)
         SELECT * FROM",
        14,
        "WHERE column1 IS NOT NULL",
    )
});

async fn insert_reservations(
    connection: &mut SqliteConnection,
    created: &Rows<'_, Arc<Reservation>>,
) -> Result<(), Error> {
    INSERT_RESERVATIONS
        .execute(connection, created, |query, (batch, r)| {
            query
                .bind(batch.event_id.as_uuid())
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
                .bind(terms_json(r))
                .bind(batch.seq.cast_signed())
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

async fn update_reservations(
    connection: &mut SqliteConnection,
    updated: &Rows<'_, Arc<Reservation>>,
) -> Result<(), Error> {
    let changed = UPDATE_RESERVATIONS
        .execute(connection, updated, |query, (batch, r)| {
            query
                .bind(batch.event_id.as_uuid())
                .bind(r.id.as_uuid())
                .bind(status_code(r.status))
                .bind(r.expires_at.as_micros())
                .bind(r.updated_at.as_micros())
                .bind(r.confirmed_at.map(|time| time.as_micros()))
                .bind(r.cancelled_at.map(|time| time.as_micros()))
                .bind(batch.seq.cast_signed())
        })
        .await?;
    expect_rows("change", "reservations", updated.len(), changed)
}

static DELETE_CLAIMS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "DELETE FROM claims WHERE (event_id, seat_no) IN (SELECT * FROM",
        2,
        // It also lets SQLite look each row up: where there might be a NULL, it reads all claims.
        "WHERE column1 IS NOT NULL)",
    )
});

async fn delete_claims(connection: &mut SqliteConnection, released: &Rows<'_, SeatNo>) -> Result<(), Error> {
    let deleted = DELETE_CLAIMS
        .execute(connection, released, |query, (batch, seat_no)| {
            query.bind(batch.event_id.as_uuid()).bind(**seat_no)
        })
        .await?;
    expect_rows("release", "claimed seats", released.len(), deleted)
}

static INSERT_CLAIMS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT OR ROLLBACK INTO claims (event_id, seat_no, reservation_id) SELECT * FROM",
        3,
        "WHERE column1 IS NOT NULL",
    )
});

async fn insert_claims(
    connection: &mut SqliteConnection,
    claimed: &Rows<'_, (SeatNo, ReservationId)>,
) -> Result<(), Error> {
    INSERT_CLAIMS
        .execute(connection, claimed, |query, (batch, (seat_no, reservation_id))| {
            query.bind(batch.event_id.as_uuid()).bind(*seat_no).bind(reservation_id.as_uuid())
        })
        .await?;
    Ok(())
}

static INSERT_ENDED_KEYS: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT INTO ended_keys (event_id, key_hash, reservation_id, request_hash) SELECT * FROM",
        4,
        // A key whose time was over has been used again.
        "WHERE column1 IS NOT NULL ON CONFLICT (event_id, key_hash) DO UPDATE
         SET reservation_id = excluded.reservation_id, request_hash = excluded.request_hash
         WHERE reservation_id < excluded.reservation_id",
    )
});

async fn insert_ended_keys(
    connection: &mut SqliteConnection,
    ended: &Rows<'_, EndedKey>,
) -> Result<(), Error> {
    INSERT_ENDED_KEYS
        .execute(connection, ended, |query, (batch, key)| {
            query
                .bind(batch.event_id.as_uuid())
                .bind(Uuid::from_bytes(key.key_hash.0))
                .bind(key.reservation_id.as_uuid())
                .bind(key.request_hash.0.cast_signed())
        })
        .await?;
    Ok(())
}

static PUT_DOWN_AS_DUE: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT OR REPLACE INTO due (event_id, due_at) SELECT * FROM",
        2,
        "WHERE column1 IS NOT NULL",
    )
});

async fn put_down_as_due(connection: &mut SqliteConnection, due: &Rows<'_, Timestamp>) -> Result<(), Error> {
    PUT_DOWN_AS_DUE
        .execute(connection, due, |query, (batch, due_at)| {
            query.bind(batch.event_id.as_uuid()).bind(due_at.as_micros())
        })
        .await?;
    Ok(())
}

async fn delete_event(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Error> {
    let delete = sqlx::query("UPDATE events SET deleted = true WHERE event_id = $1");
    delete.bind(batch.event_id.as_uuid()).execute(connection).await?;
    Ok(())
}

async fn amend(connection: &mut SqliteConnection, info: &EventInfo, batch: &Batch) -> Result<(), Error> {
    if new_layout(batch, info)?.is_some() {
        insert_layout(connection, &info.seating.layout).await?;
    }
    let details = &info.details;
    sqlx::query(
        "UPDATE events
         SET name = ?2, description = ?3, venue = ?4, start_at = ?5, end_at = ?6, hold_ttl_s = ?7,
             max_hold_s = ?8, max_seats_per_reservation = ?9, updated_at = ?10, layout_id = ?11, rules = ?12,
             prices = ?13, allocations = ?14
         WHERE event_id = ?1",
    )
    .bind(batch.event_id.as_uuid())
    .bind(&details.name)
    .bind(&details.description)
    .bind(&details.venue)
    .bind(details.start_at.as_micros())
    .bind(details.end_at.as_micros())
    .bind(details.hold_ttl_s)
    .bind(details.max_hold_s)
    .bind(details.max_seats_per_reservation)
    .bind(batch.decided_at.as_micros())
    .bind(info.seating.layout.id().0)
    .bind(to_json(&details.rules)?)
    .bind(to_json(&*info.seating.prices)?)
    .bind(to_json(&info.allocations)?)
    .execute(connection)
    .await?;
    Ok(())
}

fn seats_json(seats: &[SeatNo]) -> String {
    listed('[', seats, ']')
}

fn expect_rows(verb: &str, what: &str, expected: usize, found: u64) -> Result<(), Error> {
    if found == expected as u64 {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!("the batches {verb} {expected} {what}, of which {found} exist")))
}

/// A full disk has no room for the mark that makes a transaction count, and SQLite takes back the rest.
/// After any other error, such as one of fsync, the mark may be there or not.
pub(super) fn commit_error(error: &Error) -> AppendError {
    const SQLITE_FULL: &str = "13";
    let is_full = error.as_database_error().and_then(|error| error.code()).as_deref() == Some(SQLITE_FULL);
    if is_full { aborted(error) } else { AppendError::Unknown(error.to_string()) }
}

/// Nothing is written before the commit.
pub(super) fn aborted(error: &Error) -> AppendError {
    AppendError::Aborted(error.to_string())
}
