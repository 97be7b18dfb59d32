//! The end of a SQLite database's use: everything in one file.

use std::time::Duration;

use sqlx::SqlitePool;

/// Longer than any read that is still under way may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Closes the connections, the writer's last, and brings the log (`-wal`) back into the database: the file
/// alone is whole then.
pub(super) async fn close(readers: &SqlitePool, writers: &SqlitePool) {
    let close = async {
        readers.close().await;
        if let Err(error) = checkpoint(writers).await {
            tracing::warn!(%error, "the log stays beside the database: copy both, or use `holdfast backup`");
        }
        writers.close().await;
    };
    if tokio::time::timeout(PATIENCE, close).await.is_err() {
        tracing::warn!("a connection to the database did not end in time");
    }
}

async fn checkpoint(writers: &SqlitePool) -> Result<(), String> {
    let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(writers)
        .await
        .map_err(|error| error.to_string())?;
    if busy == 0 { Ok(()) } else { Err("another program reads it".to_owned()) }
}
