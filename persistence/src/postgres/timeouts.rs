//! How long the database may take for what.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// How long a read may take: enough for the checks, which read an event's tables as a whole.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an activation may take: it reads what is live.
pub(super) const ACTIVATION_TIMEOUT: Duration = Duration::from_secs(10);

/// Bounds what a session can hold up: a statement, and a transaction whose client has gone silent.
pub(super) fn with_timeouts(url: &PgConnectOptions, statement_timeout: Duration) -> PgConnectOptions {
    let statement_timeout_ms = statement_timeout.as_millis().max(1).to_string();
    url.clone().options([
        ("statement_timeout", statement_timeout_ms.as_str()),
        ("idle_in_transaction_session_timeout", "5000"),
    ])
}
