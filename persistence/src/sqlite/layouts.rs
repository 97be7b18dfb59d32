//! What there is to sell.

use engine::Layout;
use sqlx::{Error, SqliteConnection};

use crate::columns::to_json;

/// Writes a layout, unless it is there.
pub(super) async fn insert_layout(connection: &mut SqliteConnection, layout: &Layout) -> Result<(), Error> {
    sqlx::query("INSERT INTO layouts (layout_id, layout) VALUES (?1, ?2) ON CONFLICT (layout_id) DO NOTHING")
        .bind(layout.id().0)
        .bind(to_json(layout)?)
        .execute(connection)
        .await?;
    Ok(())
}
