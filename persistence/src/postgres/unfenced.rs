//! For chaos runs only: takes the fence away, so that the checker of such runs can show that it notices.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::options::ConnectError;

const MIGRATION: &str = include_str!("../../../migrations/postgres/0001_reservations.sql");

/// What makes the function fence, and what stands there instead: the node that writes last writes next.
const REPLACED: [(&str, &str); 3] = [
    ("e.epoch = p_epochs[i] FOR SHARE", "true FOR UPDATE"),
    (
        "WHERE p_seqs[i] - 1 = coalesce((SELECT max(j.seq) FROM journal j WHERE j.event_id = p_event_ids[i]), 0);",
        ";",
    ),
    (
        "SELECT p_event_ids[i], p_seqs[i],",
        "SELECT p_event_ids[i], (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j WHERE j.event_id = p_event_ids[i]),",
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
    let begin = MIGRATION.find("CREATE FUNCTION").expect("the migration makes the function that appends");
    let mut function = MIGRATION[begin..].replacen("CREATE", "CREATE OR REPLACE", 1);
    for (fenced, unfenced) in REPLACED {
        assert!(function.contains(fenced), "the function that appends has changed: {fenced}");
        function = function.replace(fenced, unfenced);
    }
    let script = format!("{LOCK}\n{function}\n{ONE_EPOCH}");
    sqlx::raw_sql(AssertSqlSafe(script)).execute(connection).await?;
    tracing::error!("CHAOS_UNFENCED: the database does not fence stale owners; this is no place for sales");
    Ok(())
}
