//! Charts and the keys of seats.

use engine::{Chart, ChartId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::layouts::{insert_layout, layout_of};
use crate::columns::{self, Columns, to_json};
use crate::sql;

pub(crate) async fn put_seat_keys(pool: &SqlitePool, id: Uuid, keys: &[String]) -> Result<(), Error> {
    sqlx::query("INSERT INTO seat_keys (keys_id, keys) VALUES ($1, $2) ON CONFLICT (keys_id) DO NOTHING")
        .bind(id)
        .bind(to_json(&keys)?)
        .execute(pool)
        .await?;
    Ok(())
}

pub(crate) async fn seat_keys(pool: &SqlitePool, id: Uuid) -> Result<Option<Vec<String>>, Error> {
    let row =
        sqlx::query("SELECT keys FROM seat_keys WHERE keys_id = $1").bind(id).fetch_optional(pool).await?;
    row.map(|row| columns::parse(&row.text("keys")?)).transpose()
}

/// The layout is there before the chart that has it.
pub(crate) async fn put_chart(pool: &SqlitePool, chart: &Chart) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    insert_layout(&mut connection, &chart.layout).await?;
    sqlx::query(
        "INSERT INTO charts (chart_id, name, created_at, layout_id, allocations, map)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chart_id) DO NOTHING",
    )
    .bind(chart.id.0)
    .bind(&chart.name)
    .bind(chart.created_at.as_micros())
    .bind(chart.layout.id().0)
    .bind(to_json(&chart.allocations)?)
    .bind(chart.map.as_deref())
    .execute(&mut *connection)
    .await?;
    Ok(())
}

pub(crate) async fn chart(pool: &SqlitePool, id: ChartId) -> Result<Option<Chart>, Error> {
    let mut connection = pool.acquire().await?;
    let row = sqlx::query("SELECT * FROM charts WHERE chart_id = $1").bind(id.0);
    let Some(row) = row.fetch_optional(&mut *connection).await? else { return Ok(None) };
    chart_of(&mut connection, &row).await.map(Some)
}

pub(crate) async fn charts(
    pool: &SqlitePool,
    after: Option<ChartId>,
    limit: u32,
) -> Result<Vec<Chart>, Error> {
    let mut connection = pool.acquire().await?;
    let rows = sqlx::query(sql::CHARTS)
        .bind(after.map(|after| after.0))
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
    let mut charts = Vec::with_capacity(rows.len());
    for row in rows {
        charts.push(chart_of(&mut connection, &row).await?);
    }
    Ok(charts)
}

async fn chart_of(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<Chart, Error> {
    let layout = layout_of(connection, columns::layout_id(row)?).await?;
    columns::chart(row, layout)
}
