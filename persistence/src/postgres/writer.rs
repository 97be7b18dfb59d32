//! The writer: a queue of batches, and lanes that write all that waits in one transaction.
//!
//! Each transaction costs much that does not depend on how much it writes. One event gathers its commands while its
//! last batch is under way; many events gather their batches here while the lanes are busy. An idle lane takes what
//! there is at once, so nobody waits for others to come.
//!
//! A connection is driven by the runtime that opened it. On a runtime that also parses requests, a commit
//! that has long returned waits for its turn; so the writer has one where nothing else runs.

use std::sync::Arc;
use std::time::Duration;

use engine::{AppendError, Batch};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use super::connect::with_timeouts;
use super::lane::{Kept, Lane, Waiting};
use crate::options::ConnectError;

/// How many groups are under way at a time. More lanes make smaller groups, and each costs a transaction.
const LANES: u32 = 2;
/// How long a group waits for a row that somebody else has locked, before its batches go their own ways.
const GROUP_LOCK_TIMEOUT: Duration = Duration::from_millis(50);
/// A group is closed when it has so many batches, or so many rows: who comes next waits for all of it.
const GROUP_BATCHES: usize = 256;
const GROUP_ROWS: usize = 4_096;

/// Writes batches.
pub(crate) struct Writer {
    /// Unbounded here: each live event has one batch under way, and bounds its own queue.
    queue: UnboundedSender<Waiting>,
    /// Taken only when the writer is dropped.
    runtime: Option<Runtime>,
}

impl Writer {
    /// Starts the runtime; the connections come with the first batches.
    pub(crate) fn start(
        url: &PgConnectOptions,
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
        let lanes = LANES.min(connections / 2).max(1);
        let pool = |connections: u32, idle: u32, url: PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(connections)
                .min_connections(idle.min(connections))
                // A batch is one round trip; to ask first whether the connection lives would make it two.
                .test_before_acquire(false)
                .acquire_timeout(batch_timeout / 3)
                .connect_lazy_with(url)
        };
        let lock_timeout_ms = GROUP_LOCK_TIMEOUT.as_millis().to_string();
        // Half the time of a batch alone, so that there is enough left to try that.
        let group_url =
            with_timeouts(url, batch_timeout / 4).options([("lock_timeout", lock_timeout_ms.as_str())]);
        let lane = Lane {
            groups: pool(lanes, idle, group_url),
            alone: pool(connections.saturating_sub(lanes).max(1), 0, with_timeouts(url, batch_timeout / 2)),
            batch_timeout,
        };
        let (queue, waiting) = mpsc::unbounded_channel();
        runtime.spawn(work(lane, lanes, waiting));
        drop(_entered);
        Ok(Self { queue, runtime: Some(runtime) })
    }

    /// Writes a batch. Once begun it is carried through, also when the caller goes away.
    pub(crate) async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        let (waiting, outcome) = Waiting::new(Arc::clone(batch));
        if self.queue.send(waiting).is_err() {
            return Err(AppendError::Aborted("the store is closed".to_owned()));
        }
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => Err(AppendError::Unknown("the writer stopped".to_owned())),
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

/// Writes group after group, at most `lanes` at a time, until the writer is dropped. The lane that was idle last goes
/// first: what it needs is still in the caches of the server's processor.
async fn work(lane: Lane, lanes: u32, mut queue: UnboundedReceiver<Waiting>) {
    let mut idle: Vec<Option<Kept>> = (0..lanes).map(|_| None).collect();
    // Tasks of their own, so that a panic ends nothing but one group and its lane's connection.
    let mut under_way = JoinSet::new();
    loop {
        if idle.is_empty() {
            idle.extend(under_way.join_next().await.map(Result::unwrap_or_default));
        }
        let group = next_group(&mut queue).await;
        if group.is_empty() {
            break;
        }
        while let Some(ended) = under_way.try_join_next() {
            idle.push(ended.unwrap_or_default());
        }
        under_way.spawn(lane.clone().write(idle.pop().flatten(), group));
    }
    while under_way.join_next().await.is_some() {}
}

/// All that waits, up to the limits; nothing once the writer is gone.
async fn next_group(queue: &mut UnboundedReceiver<Waiting>) -> Vec<Waiting> {
    let mut group = Vec::from_iter(queue.recv().await);
    let mut rows: usize = group.iter().map(Waiting::rows).sum();
    while group.len() < GROUP_BATCHES && rows < GROUP_ROWS {
        let Ok(next) = queue.try_recv() else { break };
        rows += next.rows();
        group.push(next);
    }
    group
}
