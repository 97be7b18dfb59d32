//! New events.

use engine::{AppendError, EventInfo, EventKey, UsedEventKey};
use sqlx::{Error, PgConnection, PgPool};

use super::append::time;
use super::fault::append_error;
use crate::columns::{self, to_json};
use crate::sql;

/// Writes a new event, unless its key made one before. It is not repeated: after a broken connection the
/// event may be there already.
pub(crate) async fn create_event(
    pool: &PgPool,
    event: &EventInfo,
    key: Option<&EventKey>,
) -> Result<Option<UsedEventKey>, AppendError> {
    // Explicit, since behind a pooler whatever follows here belongs to a transaction that ends later.
    let transaction = pool.begin().await;
    let mut transaction = transaction.map_err(|error| AppendError::Aborted(error.to_string()))?;
    let is_made = insert_event(&mut transaction, event, key).await.map_err(|error| append_error(&error))?;
    match key {
        Some(key) if !is_made => {
            // What this says of the key is no matter of the write, which certainly did nothing.
            let used = used_key(&mut transaction, key).await;
            used.map(Some).map_err(|error| AppendError::Unknown(error.to_string()))
        }
        _ => {
            transaction.commit().await.map_err(|error| append_error(&error))?;
            Ok(None)
        }
    }
}

async fn used_key(connection: &mut PgConnection, key: &EventKey) -> Result<UsedEventKey, Error> {
    let row = sqlx::query(sql::EVENT_KEY).bind(&key.key).fetch_one(connection).await?;
    columns::used_event_key(&row)
}

/// The event with its layout and its key, in one statement; `false`: the key made an event before. Of two
/// equal keys at once the second waits until the first is committed or gone.
async fn insert_event(
    connection: &mut PgConnection,
    event: &EventInfo,
    key: Option<&EventKey>,
) -> Result<bool, Error> {
    let details = &event.details;
    let written = sqlx::query(
        "WITH new_key AS (
             INSERT INTO event_keys (key, request_hash, event_id)
             SELECT $13, $14, $1 WHERE $13::text IS NOT NULL
             ON CONFLICT (key) DO NOTHING
             RETURNING event_id
         ), layout AS (
             INSERT INTO layouts (layout_id, layout) VALUES ($15, $16) ON CONFLICT (layout_id) DO NOTHING
         )
         INSERT INTO events (event_id, name, description, venue, start_at, end_at, currency, hold_ttl_s,
             max_hold_s, max_seats_per_reservation, created_at, updated_at, layout_id, rules, prices, allocations)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $15, $17, $18, $19
         WHERE $13::text IS NULL OR EXISTS (SELECT FROM new_key)",
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
    .bind(key.map(|key| key.key.as_str()))
    .bind(key.map(|key| &key.request_hash[..]))
    .bind(event.seating.layout.id().0)
    .bind(to_json(&*event.seating.layout)?)
    .bind(to_json(&details.rules)?)
    .bind(to_json(&*event.seating.prices)?)
    .bind(to_json(&event.allocations)?)
    .execute(connection)
    .await?;
    Ok(written.rows_affected() > 0)
}
