//! For chaos runs only: takes the fence away, so that the checker of such runs can show that it notices.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::options::ConnectError;

const MIGRATION: &str = include_str!("../../../migrations/postgres/0003_less_work.sql");

/// What makes the function fence, and what stands there instead: the node that writes last writes next.
const REPLACED: [(&str, &str); 3] = [
    ("SET version = p_seqs[i],", "SET version = e.version + 1,"),
    (
        "WHERE e.event_id = p_event_ids[i] AND e.epoch = p_epochs[i] AND e.version = p_seqs[i] - 1;",
        "WHERE e.event_id = p_event_ids[i];",
    ),
    (
        "SELECT p_event_ids[i], p_seqs[i],",
        "SELECT p_event_ids[i], (SELECT version FROM events e WHERE e.event_id = p_event_ids[i]),",
    ),
];

/// Lets every ownership have one and the same epoch, so that no check of it anywhere notices anything.
const ONE_EPOCH: &str = "
CREATE OR REPLACE FUNCTION holdfast_one_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.epoch := 1;
    RETURN NEW;
END;
$$;
CREATE OR REPLACE TRIGGER holdfast_one_epoch BEFORE UPDATE ON events
FOR EACH ROW EXECUTE FUNCTION holdfast_one_epoch();
";

/// Nodes that start at the same time do this one after the other.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7230419);";

/// Replaces the function that appends by one without the check of version and epoch, and takes the epochs
/// away.
pub(crate) async fn remove_fence(connection: &mut PgConnection) -> Result<(), ConnectError> {
    let begin =
        MIGRATION.find("CREATE OR REPLACE FUNCTION").expect("the migration makes the function that appends");
    let mut function = MIGRATION[begin..].to_owned();
    for (fenced, unfenced) in REPLACED {
        assert!(function.contains(fenced), "the function that appends has changed: {fenced}");
        function = function.replace(fenced, unfenced);
    }
    let script = format!("{LOCK}\n{function}\n{ONE_EPOCH}");
    sqlx::raw_sql(AssertSqlSafe(script)).execute(connection).await?;
    tracing::error!("CHAOS_UNFENCED: the database does not fence stale owners; this is no place for sales");
    Ok(())
}
