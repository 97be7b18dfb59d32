//! What an error of the driver says of the work that it ended.

use engine::{AppendError, StoreFault};
use sqlx::Error;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::pooler::explained;

/// A read that failed, or a write that may be repeated.
pub(crate) fn store_fault(error: Error) -> StoreFault {
    StoreFault(explained(&error))
}

/// A batch that failed after it was sent.
pub(crate) fn append_error(error: &Error) -> AppendError {
    match error {
        Error::Database(reported) if is_certain_abort(reported.as_ref()) => {
            AppendError::Aborted(explained(error))
        }
        // Refused by the driver before anything was sent.
        Error::Encode(_) | Error::InvalidArgument(_) => AppendError::Aborted(error.to_string()),
        _ => AppendError::Unknown(error.to_string()),
    }
}

/// Whether the same batch may well be written in a moment.
pub(crate) fn is_transient(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::PoolTimedOut => true,
        Error::Database(reported) => reported.code().is_some_and(|code| {
            matches!(
                code.as_ref(),
                // A serialization failure, a deadlock, a lock not available, too many connections,
                // not (yet, or any more) accepting connections.
                "40001" | "40P01" | "55P03" | "53300" | "57P01" | "57P02" | "57P03"
            )
        }),
        _ => false,
    }
}

/// The server rolls back what it reports as an error. Not so where it ends the session (a termination can
/// strike while a commit waits for its replica), or where a pooler in between speaks of a lost connection.
fn is_certain_abort(reported: &dyn DatabaseError) -> bool {
    let ends_the_session = reported
        .try_downcast_ref::<PgDatabaseError>()
        .is_none_or(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
    let lost = reported.code().is_none_or(|code| code.starts_with("57P0") || code.starts_with("08"));
    !ends_the_session && !lost
}
