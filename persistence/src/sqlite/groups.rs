//! How a group of batches is written to SQLite, and what becomes of each of them when it cannot be.

use std::sync::Arc;
use std::time::Duration;

use engine::{AppendError, Batch};
use sqlx::SqlitePool;

use super::append::append;
use crate::writer::{Queue, Waiting};

/// Writes group after group until the store is dropped.
pub(super) async fn work(writer: SqlitePool, batch_timeout: Duration, mut queue: Queue) {
    loop {
        let group = queue.next_group().await;
        if group.is_empty() {
            return;
        }
        // A task of its own, so that a panic ends nothing but this group.
        let _ = tokio::spawn(write(writer.clone(), batch_timeout, group)).await;
    }
}

/// Writes a group and answers each of its batches. If the group certainly was not written, each batch is tried again
/// by itself, so that the one to blame harms no other.
async fn write(writer: SqlitePool, batch_timeout: Duration, group: Vec<Waiting>) {
    let batches: Vec<Arc<Batch>> = group.iter().map(|waiting| Arc::clone(&waiting.batch)).collect();
    let outcome = append(&writer, &batches).await;
    let may_differ = matches!(outcome, Err(AppendError::Fenced | AppendError::Aborted(_)));
    if group.len() == 1 || !may_differ {
        return group.into_iter().for_each(|waiting| waiting.answer(outcome.clone()));
    }
    tracing::debug!(batches = group.len(), ?outcome, "group not committed");
    for waiting in group {
        // Where another process has the database locked, each attempt takes long, and its caller is not there for ever.
        let outcome = if waiting.begun.elapsed() < batch_timeout / 2 {
            append(&writer, std::slice::from_ref(&waiting.batch)).await
        } else {
            Err(AppendError::Aborted("no time was left for the batch".to_owned()))
        };
        waiting.answer(outcome);
    }
}
