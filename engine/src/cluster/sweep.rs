//! The sweep: events with holds that have run out, but no live actor anywhere to notice, are made live.

use std::sync::{Arc, Weak};

use crate::actor::node::Node;
use crate::actor::registry::Registry;
use crate::fault::CallError;
use crate::ports::Bid;
use crate::words::Timestamp;

/// How many events one sweep takes up at most; the longest overdue come first.
const EVENTS_PER_SWEEP: u32 = 1_000;

/// How long a hold is overdue when it certainly has no owner that looks after it.
const ABANDONED_AFTER_S: u32 = 30;

/// Sweeps at the configured interval until the registry is gone.
pub(crate) fn start(node: Arc<Node>, registry: Weak<Registry>) {
    Arc::clone(&node).spawner.beside(async move {
        loop {
            tokio::time::sleep(node.config.sweep_every).await;
            let Some(registry) = registry.upgrade() else { return };
            sweep(&node, &registry).await;
        }
    });
}

async fn sweep(node: &Node, registry: &Arc<Registry>) {
    // By no other clock: an event must not be taken off the list of those that are due too early.
    let Some(now) = node.store_time() else { return };
    sweep_due(node, registry, now, Bid::Preferred).await;
    // The node that should have let these expire is not there to do it.
    sweep_due(node, registry, now.minus_s(ABANDONED_AFTER_S), Bid::Any).await;
}

async fn sweep_due(node: &Node, registry: &Arc<Registry>, due_at: Timestamp, bid: Bid) {
    let due = match node.store.due_events(due_at, EVENTS_PER_SWEEP).await {
        Ok(due) => due,
        Err(fault) => return tracing::warn!(%fault, "sweep skipped"),
    };
    for id in due {
        match registry.activate(id, bid).await {
            // An event that another node owns is that node's to expire.
            Ok(()) | Err(CallError::Elsewhere(_)) => {}
            Err(error) => tracing::warn!(event_id = %id, %error, "due event not activated"),
        }
    }
}
