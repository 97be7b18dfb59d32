//! What there is to sell.

use std::sync::Arc;

use engine::{Layout, LayoutId};
use sqlx::{Error, PgConnection};

use crate::columns::{self, to_json};
use crate::sql;

/// Writes a layout, unless it is there.
pub(super) async fn insert_layout(connection: &mut PgConnection, layout: &Layout) -> Result<(), Error> {
    sqlx::query("INSERT INTO layouts (layout_id, layout) VALUES ($1, $2) ON CONFLICT (layout_id) DO NOTHING")
        .bind(layout.id().0)
        .bind(to_json(layout)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// A layout; read where it is not in memory.
pub(super) async fn layout_of(connection: &mut PgConnection, id: LayoutId) -> Result<Arc<Layout>, Error> {
    if let Some(layout) = Layout::known(id) {
        return Ok(layout);
    }
    let row = sqlx::query(sql::LAYOUT).bind(id.0).fetch_one(connection).await?;
    columns::layout(&row)
}
