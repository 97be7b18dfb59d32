//! For chaos runs only: takes the fence away, so that the checker of such runs can show that it notices.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::options::ConnectError;

const FENCED: &str = include_str!("../../../migrations/postgres/0002_append.sql");

/// What makes the function fence, and what stands there instead: whoever writes last writes next.
const REPLACED: [(&str, &str); 4] = [
    ("CREATE FUNCTION holdfast_append", "CREATE OR REPLACE FUNCTION holdfast_append"),
    ("SET version = p_seq,", "SET version = version + 1,"),
    (
        "WHERE event_id = p_event_id AND epoch = p_epoch AND version = p_seq - 1;",
        "WHERE event_id = p_event_id;",
    ),
    (
        "VALUES (p_event_id, p_seq,",
        "VALUES (p_event_id, (SELECT version FROM events WHERE event_id = p_event_id),",
    ),
];

/// Replaces the function that appends by one without the check of version and epoch.
pub(crate) async fn remove_fence(connection: &mut PgConnection) -> Result<(), ConnectError> {
    let mut function = FENCED.to_owned();
    for (fenced, unfenced) in REPLACED {
        assert!(function.contains(fenced), "the function that appends has changed: {fenced}");
        function = function.replace(fenced, unfenced);
    }
    sqlx::raw_sql(AssertSqlSafe(function)).execute(connection).await?;
    tracing::error!("CHAOS_UNFENCED: the database does not fence stale owners; this is no place for sales");
    Ok(())
}
