//! Repeating what failed for a moment only. This is the one place that does.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

/// Repeats a read whose connection was broken, as after a restart of the database.
pub(crate) async fn read<T, F>(attempt: impl FnMut() -> F) -> Result<T, sqlx::Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    attempt.retry(backoff().with_max_times(2)).when(is_broken_connection).await
}

/// 10 to 20 ms at first, then twice as long each time: some 0.6 s in all.
pub(crate) fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(10))
        .with_factor(2.0)
        .with_max_times(5)
        .with_jitter()
}

fn is_broken_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // The server is shutting down or restarting, or ended this connection.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P0")),
        _ => false,
    }
}
