//! The lanes of the writer for Postgres: how many groups are under way at a time, and with which connections.
//!
//! A connection is driven by the runtime that opened it. On a runtime that also parses requests, a commit
//! that has long returned waits for its turn; so they are opened on the writer's, where nothing else runs.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;

use super::lane::{Kept, Lane};
use super::sessions::{Limits, Sessions};
use crate::options::ConnectError;
use crate::writer::{Queue, Writer};

/// How many groups are under way at a time. More lanes make smaller groups, and each costs a transaction.
const LANES: u32 = 2;
/// How long a group waits for a row that somebody else has locked, before its batches go their own ways.
const GROUP_LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// Starts a writer; its connections come with the first batches.
pub(super) fn start(
    sessions: &Sessions,
    connections: u32,
    idle: u32,
    batch_timeout: Duration,
) -> Result<Writer, ConnectError> {
    let lanes = LANES.min(connections / 2).max(1);
    let pool = |connections: u32, idle: u32, limits: Limits| -> PgPool {
        let options = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(idle.min(connections))
            // A batch is one round trip; to ask first whether the connection lives would make it two.
            .test_before_acquire(false)
            .acquire_timeout(batch_timeout / 3);
        sessions.pool(options, limits)
    };
    // Half the time of a batch alone, so that there is enough left to try that.
    let of_groups = Limits { statement: batch_timeout / 4, lock: Some(GROUP_LOCK_TIMEOUT) };
    let of_one = Limits::of(batch_timeout / 2);
    Writer::start(|queue| {
        let lane = Lane {
            groups: pool(lanes, idle, of_groups),
            around_groups: sessions.around(of_groups),
            alone: pool(connections.saturating_sub(lanes).max(1), 0, of_one),
            around_one: sessions.around(of_one),
            batch_timeout,
        };
        work(lane, lanes, queue)
    })
}

/// Writes group after group, at most `lanes` at a time, until the writer is dropped. The lane that was idle
/// last goes first: what it needs is still in the caches of the server's processor.
async fn work(lane: Lane, lanes: u32, mut queue: Queue) {
    let mut idle: Vec<Option<Kept>> = (0..lanes).map(|_| None).collect();
    // Tasks of their own, so that a panic ends nothing but one group and its lane's connection.
    let mut under_way = JoinSet::new();
    loop {
        if idle.is_empty() {
            idle.extend(under_way.join_next().await.map(Result::unwrap_or_default));
        }
        let group = queue.next_group().await;
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
