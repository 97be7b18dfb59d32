//! New events.

use engine::{AppendError, EventInfo, EventKey, UsedEventKey};
use sqlx::{Connection, Error, SqliteConnection, SqlitePool};

use super::append::{aborted, close_after_failure, commit_error};
use super::layouts::insert_layout;
use crate::columns::{self, to_json};
use crate::sql;

/// Writes a new event with its layout and its key, unless the key made one before.
pub(crate) async fn create_event(
    writer: &SqlitePool,
    event: &EventInfo,
    key: Option<&EventKey>,
) -> Result<Option<UsedEventKey>, AppendError> {
    let mut connection = writer.acquire().await.map_err(|error| aborted(&error))?;
    let outcome = create_event_on(&mut connection, event, key).await;
    if outcome.is_err() {
        close_after_failure(&mut connection);
    }
    outcome
}

async fn create_event_on(
    connection: &mut SqliteConnection,
    event: &EventInfo,
    key: Option<&EventKey>,
) -> Result<Option<UsedEventKey>, AppendError> {
    // Dropped before its commit, a transaction is rolled back.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| aborted(&error))?;
    if let Some(key) = key {
        let used = used_key(&mut transaction, event, key).await.map_err(|error| aborted(&error))?;
        if used.is_some() {
            return Ok(used);
        }
    }
    insert_event(&mut transaction, event).await.map_err(|error| aborted(&error))?;
    transaction.commit().await.map_err(|error| commit_error(&error))?;
    Ok(None)
}

/// Uses a key, or says what it was used for.
async fn used_key(
    connection: &mut SqliteConnection,
    event: &EventInfo,
    key: &EventKey,
) -> Result<Option<UsedEventKey>, Error> {
    let row = sqlx::query(sql::EVENT_KEY).bind(&key.key).fetch_optional(&mut *connection).await?;
    if let Some(row) = row {
        return columns::used_event_key(&row).map(Some);
    }
    sqlx::query("INSERT INTO event_keys (key, request_hash, event_id) VALUES ($1, $2, $3)")
        .bind(&key.key)
        .bind(&key.request_hash[..])
        .bind(event.id.as_uuid())
        .execute(connection)
        .await?;
    Ok(None)
}

async fn insert_event(connection: &mut SqliteConnection, event: &EventInfo) -> Result<(), Error> {
    let details = &event.details;
    sqlx::query(
        "INSERT INTO events (event_id, name, description, venue, start_at, end_at, currency,
             hold_ttl_s, max_hold_s, max_seats_per_reservation, created_at, updated_at, layout_id, rules, prices,
             allocations)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
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
    .bind(event.seating.layout.id().0)
    .bind(to_json(&details.rules)?)
    .bind(to_json(&*event.seating.prices)?)
    .bind(to_json(&event.allocations)?)
    .execute(&mut *connection)
    .await?;
    insert_layout(connection, &event.seating.layout).await
}
