//! How a group of batches is written, and what becomes of each of them when it cannot be.

use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use engine::{AppendError, Batch};
use sqlx::PgPool;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::append::append;
use super::fault;
use crate::retry;

/// A batch whose owner waits for its outcome.
pub(super) struct Waiting {
    batch: Arc<Batch>,
    begun: Instant,
    outcome: oneshot::Sender<Result<(), AppendError>>,
}

impl Waiting {
    pub(super) fn new(batch: Arc<Batch>) -> (Self, oneshot::Receiver<Result<(), AppendError>>) {
        let (outcome, receiver) = oneshot::channel();
        (Self { batch, begun: Instant::now(), outcome }, receiver)
    }

    /// How many rows of tables it makes, changes or deletes.
    pub(super) fn rows(&self) -> usize {
        let Batch { created, updated, released, claimed, .. } = &*self.batch;
        created.len() + updated.len() + released.len() + claimed.len()
    }

    fn answer(self, outcome: Result<(), AppendError>) {
        // Nobody may be there to hear it any more.
        let _ = self.outcome.send(outcome);
    }
}

/// What a group is written with. Its clones share their connections.
#[derive(Clone)]
pub(super) struct Lane {
    /// One connection a lane.
    pub(super) groups: PgPool,
    /// For batches that are written alone after their group failed.
    pub(super) alone: PgPool,
    pub(super) batch_timeout: Duration,
}

impl Lane {
    /// Writes a group and answers each of its batches. If the group certainly was not written, each batch is tried
    /// again by itself and on another connection, so that the one to blame harms no other, and keeps no lane.
    pub(super) async fn write(self, group: Vec<Waiting>) {
        let batches: Vec<Arc<Batch>> = group.iter().map(|waiting| Arc::clone(&waiting.batch)).collect();
        // The one that came first has waited longest.
        let Some(begun) = group.first().map(|first| first.begun) else { return };
        let Err(failure) = self.attempt(&self.groups, &batches, begun).await else {
            return group.into_iter().for_each(|waiting| waiting.answer(Ok(())));
        };
        let is_final = match failure.error {
            AppendError::Unknown(_) => true,
            AppendError::Fenced => batches.len() == 1,
            AppendError::Aborted(_) => false,
        };
        if is_final {
            return group.into_iter().for_each(|waiting| waiting.answer(Err(failure.error.clone())));
        }
        tracing::debug!(batches = batches.len(), error = %failure.error, "group not committed");
        for waiting in group {
            tokio::spawn(self.clone().write_alone(waiting));
        }
    }

    async fn write_alone(self, waiting: Waiting) {
        // The last attempt has to end by the deadline, too.
        let last_retry = waiting.begun + self.batch_timeout / 3;
        let batch = std::slice::from_ref(&waiting.batch);
        let outcome = (|| self.attempt(&self.alone, batch, waiting.begun))
            .retry(retry::backoff())
            .when(|failure: &Failure| failure.transient && Instant::now() < last_retry)
            .await;
        waiting.answer(outcome.map_err(|failure| failure.error));
    }

    async fn attempt(&self, pool: &PgPool, group: &[Arc<Batch>], begun: Instant) -> Result<(), Failure> {
        // The server gives a statement half the time. What is later than that is not sent: `timeout_at` alone would
        // take an idle connection all the same, and leave the whole group without the time for an answer.
        let send_by = begun + self.batch_timeout / 2;
        let connection = match Instant::now() < send_by {
            true => timeout_at(send_by, pool.acquire()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)),
            false => Err(sqlx::Error::PoolTimedOut),
        };
        let mut connection = connection.map_err(|error| Failure {
            transient: fault::is_transient(&error),
            error: AppendError::Aborted(format!("no connection: {error}")),
        })?;
        match timeout_at(begun + self.batch_timeout, append(&mut connection, group)).await {
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
}

/// One attempt's failure, and whether another attempt is of use.
struct Failure {
    error: AppendError,
    transient: bool,
}
