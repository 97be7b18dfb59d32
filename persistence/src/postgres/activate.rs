//! The change of owner, and what the new one needs to know.

use engine::{EndedKey, EventId, KeyHash, Reservation, ReservationId, Snapshot, Timestamp};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::{Error, PgConnection, PgPool};
use uuid::Uuid;

use super::read::{begin_reading, event_on};
use crate::columns::{self, Columns};
use crate::sql;

pub(crate) async fn activate(
    pool: &PgPool,
    id: EventId,
    owner: &str,
    keys: u32,
) -> Result<Option<Snapshot>, Error> {
    let Some(epoch) = raise_epoch(pool, id, owner).await? else { return Ok(None) };
    // Nobody waits for what follows. From here on only this epoch's owner writes, unless it is raised again.
    let mut transaction = begin_reading(pool).await?;
    let Some((event, ordered_at)) = event_on(&mut transaction, id).await? else { return Ok(None) };
    if event.epoch != epoch {
        return Err(Error::Protocol("another node took the event over meanwhile".to_owned()));
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

/// Waits for a batch of an earlier owner that is under way, and fences off all later ones.
async fn raise_epoch(pool: &PgPool, id: EventId, owner: &str) -> Result<Option<u64>, Error> {
    let mut transaction = pool.begin().await?;
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

/// The pending and confirmed ones: those that have claims. Each is looked up by its id, however many there
/// are in the table: the statistics are always old for an event on sale.
async fn live_reservations(connection: &mut PgConnection, id: EventId) -> Result<Vec<Reservation>, Error> {
    // Row by row: an event can have 200,000, and their bytes need not be in memory all at once.
    let rows = sqlx::query(
        "SELECT r.* FROM (SELECT DISTINCT reservation_id FROM claims WHERE event_id = $1) c
         CROSS JOIN LATERAL (
             SELECT * FROM reservations WHERE event_id = $1 AND reservation_id = c.reservation_id OFFSET 0
         ) r",
    )
    .bind(id.as_uuid())
    .fetch(connection);
    rows.map(|row| columns::reservation(&row?)).try_collect().await
}

/// At most so many, and whether there are more.
async fn some_ended_keys(
    connection: &mut PgConnection,
    id: EventId,
    most: u32,
) -> Result<(Vec<EndedKey>, bool), Error> {
    let rows =
        sqlx::query(sql::ENDED_KEYS).bind(id.as_uuid()).bind(i64::from(most) + 1).fetch_all(connection);
    let rows = rows.await?;
    let keys = rows.iter().take(most as usize).map(columns::ended_key).collect::<Result<_, _>>()?;
    Ok((keys, rows.len() > most as usize))
}

async fn due_at(connection: &mut PgConnection, id: EventId) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query(sql::DUE_AT).bind(id.as_uuid()).fetch_optional(connection).await?;
    row.map(|row| row.time("due_at")).transpose()
}

async fn last_reservation_id(
    connection: &mut PgConnection,
    id: EventId,
) -> Result<Option<ReservationId>, Error> {
    let row = sqlx::query(sql::LAST_RESERVATION_ID).bind(id.as_uuid()).fetch_optional(connection).await?;
    row.map(|row| row.id("reservation_id")).transpose()
}

pub(crate) async fn ended_keys(pool: &PgPool, id: EventId, keys: &[KeyHash]) -> Result<Vec<EndedKey>, Error> {
    let hashes: Vec<Uuid> = keys.iter().map(|key| Uuid::from_bytes(key.0)).collect();
    let rows = sqlx::query(
        "SELECT key_hash, reservation_id, request_hash FROM ended_keys
         WHERE event_id = $1 AND key_hash = ANY ($2)",
    )
    .bind(id.as_uuid())
    .bind(hashes)
    .fetch_all(pool)
    .await?;
    rows.iter().map(columns::ended_key).collect()
}
