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

/// Writes a group and answers each of its batches. If it certainly was not written, its halves are tried by
/// themselves, and so on, so that the one to blame harms no other and costs the others few transactions.
async fn write(writer: SqlitePool, batch_timeout: Duration, group: Vec<Waiting>) {
    let mut parts = vec![group];
    while let Some(mut part) = parts.pop() {
        // The one that came first has waited longest.
        let Some(begun) = part.first().map(|waiting| waiting.begun) else { continue };
        let batches: Vec<Arc<Batch>> = part.iter().map(|waiting| Arc::clone(&waiting.batch)).collect();
        // What begins later leaves no time for an answer.
        let outcome = append(&writer, &batches, begun + batch_timeout / 2).await;
        if part.len() > 1 && matches!(outcome, Err(AppendError::Fenced | AppendError::Aborted(_))) {
            tracing::debug!(batches = part.len(), ?outcome, "group not committed");
            let second_half = part.split_off(part.len() / 2);
            parts.extend([second_half, part]);
        } else {
            part.into_iter().for_each(|waiting| waiting.answer(outcome.clone()));
        }
    }
}
