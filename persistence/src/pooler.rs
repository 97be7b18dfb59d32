//! How it shows that a pooler such as PgBouncer is between here and Postgres.

use sqlx::Error;

/// An error in words, with what to do where a pooler that is not told of is to blame.
pub(crate) fn explained(error: &Error) -> String {
    let text = error.to_string();
    let is_poolers = match error {
        // A prepared statement is there already, or is not there: the session is another one by now.
        Error::Database(reported) => {
            matches!(reported.code().as_deref(), Some("42P05" | "26000"))
                || text.contains("unsupported startup parameter")
        }
        _ => false,
    };
    if is_poolers { format!("{text}: a pooler is in between, so set DB_POOLER=transaction") } else { text }
}
