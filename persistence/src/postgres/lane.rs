//! How a group of batches is written, and what becomes of each of them when it cannot be.

use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use engine::{AppendError, Batch};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::time::{Instant, timeout_at};

use super::append::append;
use super::fault;
use super::sessions::Around;
use crate::retry;
use crate::writer::Waiting;

/// A lane's connection is opened anew after this time without a group: what lies between may have forgotten
/// it.
const MAX_IDLE: Duration = Duration::from_secs(60);
/// … and after this time in any case.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// A lane's own connection. It stays with the lane: the pool asks each connection that comes back to it
/// whether it still lives, which is a round trip, and one that can hang.
pub(super) struct Kept {
    connection: PoolConnection<Postgres>,
    since: Instant,
    last_used: Instant,
}

impl Kept {
    fn new(connection: PoolConnection<Postgres>) -> Self {
        let now = Instant::now();
        Self { connection, since: now, last_used: now }
    }

    fn is_fresh(&self) -> bool {
        self.last_used.elapsed() < MAX_IDLE && self.since.elapsed() < MAX_AGE
    }
}

/// What a group is written with. Its clones share their connections.
#[derive(Clone)]
pub(super) struct Lane {
    /// One connection a lane.
    pub(super) groups: PgPool,
    pub(super) around_groups: Around,
    /// For batches that are written alone after their group failed.
    pub(super) alone: PgPool,
    pub(super) around_one: Around,
    pub(super) batch_timeout: Duration,
}

impl Lane {
    /// Writes a group and answers each of its batches. If the group certainly was not written, each batch is
    /// tried again by itself and on another connection, so that the one to blame harms no other, and keeps no
    /// lane. Gives the connection back while it is of use.
    pub(super) async fn write(self, kept: Option<Kept>, group: Vec<Waiting>) -> Option<Kept> {
        let batches: Vec<Arc<Batch>> = group.iter().map(|waiting| Arc::clone(&waiting.batch)).collect();
        // The one that came first has waited longest.
        let begun = group.first()?.begun;
        let mut kept = match self.connection(kept, begun).await {
            Ok(kept) => kept,
            Err(failure) => {
                self.not_written(group, failure);
                return None;
            }
        };
        match self.attempt(&self.around_groups, &mut kept.connection, &batches, begun).await {
            Ok(()) => {
                group.into_iter().for_each(|waiting| waiting.answer(Ok(())));
                kept.last_used = Instant::now();
                Some(kept)
            }
            Err(failure) => {
                self.not_written(group, failure);
                // The connection goes back to the pool, which asks it whether it is still good.
                None
            }
        }
    }

    fn not_written(&self, group: Vec<Waiting>, failure: Failure) {
        let is_final = match failure.error {
            AppendError::Unknown(_) => true,
            AppendError::Fenced => group.len() == 1,
            AppendError::Aborted(_) => false,
        };
        if is_final {
            return group.into_iter().for_each(|waiting| waiting.answer(Err(failure.error.clone())));
        }
        tracing::debug!(batches = group.len(), error = %failure.error, "group not committed");
        for waiting in group {
            tokio::spawn(self.clone().write_alone(waiting));
        }
    }

    async fn write_alone(self, waiting: Waiting) {
        // The last attempt has to end by the deadline, too.
        let last_retry = waiting.begun + self.batch_timeout / 3;
        let batch = std::slice::from_ref(&waiting.batch);
        let outcome = (|| self.attempt_alone(batch, waiting.begun))
            .retry(retry::backoff())
            .when(|failure: &Failure| failure.transient && Instant::now() < last_retry)
            .await;
        waiting.answer(outcome.map_err(|failure| failure.error));
    }

    async fn attempt_alone(&self, batch: &[Arc<Batch>], begun: Instant) -> Result<(), Failure> {
        let mut connection = self.acquire(&self.alone, begun).await?;
        self.attempt(&self.around_one, &mut connection, batch, begun).await
    }

    /// The lane's connection, or another one where it has none that is fresh.
    async fn connection(&self, kept: Option<Kept>, begun: Instant) -> Result<Kept, Failure> {
        match kept {
            Some(kept) if kept.is_fresh() => return Ok(kept),
            Some(mut stale) => stale.connection.close_on_drop(),
            None => {}
        }
        Ok(Kept::new(self.acquire(&self.groups, begun).await?))
    }

    async fn acquire(&self, pool: &PgPool, begun: Instant) -> Result<PoolConnection<Postgres>, Failure> {
        let connection = timeout_at(self.send_by(begun), pool.acquire()).await;
        connection.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(|error| Failure::unsent(&error))
    }

    /// The server gives a statement half the time. What is later than that is not sent: it would leave the
    /// whole group without the time for an answer.
    fn send_by(&self, begun: Instant) -> Instant {
        begun + self.batch_timeout / 2
    }

    /// After an unknown outcome the connection is closed when it is dropped: a late answer would be taken for
    /// the next batch's.
    async fn attempt(
        &self,
        around: &Around,
        connection: &mut PoolConnection<Postgres>,
        group: &[Arc<Batch>],
        begun: Instant,
    ) -> Result<(), Failure> {
        if Instant::now() >= self.send_by(begun) {
            return Err(Failure::unsent(&sqlx::Error::PoolTimedOut));
        }
        let append = around.run(connection, async |connection| append(connection, group).await);
        match timeout_at(begun + self.batch_timeout, append).await {
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

impl Failure {
    fn unsent(error: &sqlx::Error) -> Self {
        let aborted = AppendError::Aborted(format!("no connection: {error}"));
        Self { transient: fault::is_transient(error), error: aborted }
    }
}
