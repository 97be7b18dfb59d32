//! The writers: connections of their own, driven by a runtime of their own.
//!
//! A connection is driven by the runtime that opened it. On a runtime that also parses requests, a commit
//! that has long returned waits for its turn; here nothing else runs.

use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use engine::{AppendError, Batch};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout_at};

use super::append::append;
use super::fault;
use crate::options::ConnectError;
use crate::retry;

/// Writes batches.
pub(crate) struct Writer {
    pool: PgPool,
    batch_timeout: Duration,
    /// Taken only when the writer is dropped.
    runtime: Option<Runtime>,
}

impl Writer {
    /// Starts the runtime; the connections come with the first batches.
    pub(crate) fn start(
        url: PgConnectOptions,
        connections: u32,
        idle: u32,
        batch_timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("holdfast-writer")
            .enable_all()
            .build()
            .map_err(|error| ConnectError::Unreachable(format!("cannot start a thread: {error}")))?;
        let _entered = runtime.enter();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(idle)
            // A batch is one round trip; to ask first whether the connection lives would make it two.
            .test_before_acquire(false)
            .acquire_timeout(batch_timeout / 3)
            .connect_lazy_with(url);
        drop(_entered);
        Ok(Self { pool, batch_timeout, runtime: Some(runtime) })
    }

    /// Writes a batch. Once begun it is carried through, also when the caller goes away.
    pub(crate) async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        let Some(runtime) = &self.runtime else {
            return Err(AppendError::Aborted("the store is closed".to_owned()));
        };
        let task =
            runtime.spawn(append_with_retries(self.pool.clone(), Arc::clone(batch), self.batch_timeout));
        match task.await {
            Ok(outcome) => outcome,
            Err(error) => Err(AppendError::Unknown(format!("the writer stopped: {error}"))),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A runtime must not be waited for within another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One attempt's failure, and whether another attempt is of use.
struct Failure {
    error: AppendError,
    transient: bool,
}

async fn append_with_retries(
    pool: PgPool,
    batch: Arc<Batch>,
    batch_timeout: Duration,
) -> Result<(), AppendError> {
    let begun = Instant::now();
    let deadline = begun + batch_timeout;
    // The last attempt has to end by the deadline, too.
    let last_retry = begun + batch_timeout / 3;
    (|| attempt(&pool, &batch, deadline))
        .retry(retry::backoff())
        .when(|failure: &Failure| failure.transient && Instant::now() < last_retry)
        .await
        .map_err(|failure| failure.error)
}

async fn attempt(pool: &PgPool, batch: &Batch, deadline: Instant) -> Result<(), Failure> {
    let mut connection = pool.acquire().await.map_err(|error| Failure {
        transient: fault::is_transient(&error),
        error: AppendError::Aborted(format!("no connection: {error}")),
    })?;
    match timeout_at(deadline, append(&mut connection, batch)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(Failure { error: AppendError::Fenced, transient: false }),
        Ok(Err(error)) => {
            let outcome = fault::append_error(&error);
            let unknown = matches!(outcome, AppendError::Unknown(_));
            if unknown {
                connection.close_on_drop();
            }
            Err(Failure { transient: !unknown && fault::is_transient(&error), error: outcome })
        }
        Err(_) => {
            // Its answer would be taken for the next batch's.
            connection.close_on_drop();
            let error = AppendError::Unknown("no answer within the time for a batch".to_owned());
            Err(Failure { error, transient: false })
        }
    }
}
