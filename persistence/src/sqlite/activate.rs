//! The change of owner, and what the new one needs to know.

use engine::{EndedKey, EventId, KeyHash, Reservation, ReservationId, Snapshot, Timestamp};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::{Connection, Error, SqliteConnection, SqlitePool};

use super::append::close_after_failure;
use super::read::event_on;
use crate::columns::{self, Columns};
use crate::sql;

pub(crate) async fn activate(
    writers: &SqlitePool,
    readers: &SqlitePool,
    id: EventId,
    owner: &str,
    keys: u32,
) -> Result<Option<Snapshot>, Error> {
    let mut connection = writers.acquire().await?;
    let epoch = raise_epoch(&mut connection, id, owner).await;
    if epoch.is_err() {
        close_after_failure(&mut connection);
    }
    let Some(epoch) = epoch? else { return Ok(None) };
    drop(connection);
    // Writes go on beside what follows. From here on only this epoch's owner writes the event, unless it is
    // raised again.
    let mut transaction = readers.begin().await?;
    let Some((event, ordered_at)) = event_on(&mut transaction, id).await? else { return Ok(None) };
    if event.epoch != epoch {
        return Err(Error::Protocol("another owner took the event over meanwhile".to_owned()));
    }
    let (ended_keys, has_more_keys) = some_ended_keys(&mut transaction, id, keys).await?;
    let snapshot = Snapshot {
        event,
        live: live_reservations(&mut transaction, id).await?,
        ended_keys,
        has_more_keys,
        due_at: due_at(&mut transaction, id).await?,
        ordered_at,
        last_reservation_id: last_reservation_id(&mut transaction, id).await?,
    };
    transaction.commit().await?;
    Ok(Some(snapshot))
}

async fn raise_epoch(
    connection: &mut SqliteConnection,
    id: EventId,
    owner: &str,
) -> Result<Option<u64>, Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let row = sqlx::query(
        "UPDATE events SET epoch = epoch + 1, owner = $2 WHERE event_id = $1 AND NOT deleted RETURNING epoch",
    )
    .bind(id.as_uuid())
    .bind(owner)
    .fetch_optional(&mut *transaction)
    .await?;
    let epoch = row.map(|row| row.number("epoch")).transpose()?;
    transaction.commit().await?;
    Ok(epoch)
}

/// The pending and confirmed ones: those that have claims. `CROSS JOIN` has SQLite look each up by its id.
async fn live_reservations(
    connection: &mut SqliteConnection,
    id: EventId,
) -> Result<Vec<Reservation>, Error> {
    let rows = sqlx::query(
        "SELECT r.* FROM (SELECT DISTINCT reservation_id FROM claims WHERE event_id = $1) c
         CROSS JOIN reservations r ON r.event_id = $1 AND r.reservation_id = c.reservation_id",
    )
    .bind(id.as_uuid())
    .fetch(connection);
    rows.map(|row| columns::reservation(&row?)).try_collect().await
}

/// At most so many, and whether there are more.
async fn some_ended_keys(
    connection: &mut SqliteConnection,
    id: EventId,
    most: u32,
) -> Result<(Vec<EndedKey>, bool), Error> {
    let query = sqlx::query(sql::ENDED_KEYS).bind(id.as_uuid()).bind(i64::from(most) + 1);
    let rows = query.fetch_all(connection).await?;
    let keys = rows.iter().take(most as usize).map(columns::ended_key).collect::<Result<_, _>>()?;
    Ok((keys, rows.len() > most as usize))
}

async fn due_at(connection: &mut SqliteConnection, id: EventId) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query(sql::DUE_AT).bind(id.as_uuid()).fetch_optional(connection).await?;
    row.map(|row| row.time("due_at")).transpose()
}

async fn last_reservation_id(
    connection: &mut SqliteConnection,
    id: EventId,
) -> Result<Option<ReservationId>, Error> {
    let row = sqlx::query(sql::LAST_RESERVATION_ID).bind(id.as_uuid()).fetch_optional(connection).await?;
    row.map(|row| row.id("reservation_id")).transpose()
}

pub(crate) async fn ended_keys(
    pool: &SqlitePool,
    id: EventId,
    keys: &[KeyHash],
) -> Result<Vec<EndedKey>, Error> {
    let hashes: Vec<String> = keys.iter().map(|key| hex::encode(key.0)).collect();
    let rows = sqlx::query(
        "SELECT k.key_hash, k.reservation_id, k.request_hash FROM json_each($2) wanted
         CROSS JOIN ended_keys k ON k.event_id = $1 AND k.key_hash = unhex(wanted.value)",
    )
    .bind(id.as_uuid())
    .bind(serde_json::to_string(&hashes).map_err(|error| Error::Encode(Box::new(error)))?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(columns::ended_key).collect()
}
