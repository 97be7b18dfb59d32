//! The sweep: events with holds that have run out, but no live actor anywhere to notice, are made live.

use std::sync::{Arc, Weak};

use crate::clock::Timestamp;
use crate::engine::CallError;
use crate::lease::Claim;
use crate::registry::Registry;
use crate::shared::Shared;

/// How many events one sweep takes up at most; the longest overdue come first.
const EVENTS_PER_SWEEP: u32 = 1_000;

/// A hold that is overdue for so long has no owner that looks after it.
const ABANDONED_AFTER_S: u32 = 30;

/// Sweeps at the configured interval until the registry is gone.
pub(crate) fn start(shared: Arc<Shared>, registry: Weak<Registry>) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(shared.config.sweep_every).await;
            let Some(registry) = registry.upgrade() else { return };
            sweep(&shared, &registry).await;
        }
    });
}

async fn sweep(shared: &Shared, registry: &Arc<Registry>) {
    let now = shared.clock.now();
    sweep_due(shared, registry, now, Claim::Preferred).await;
    // Whoever should have let these expire is not there to do it.
    sweep_due(shared, registry, now.minus_s(ABANDONED_AFTER_S), Claim::Any).await;
}

async fn sweep_due(shared: &Shared, registry: &Arc<Registry>, due_at: Timestamp, claim: Claim) {
    let due = match shared.store.due_events(due_at, EVENTS_PER_SWEEP).await {
        Ok(due) => due,
        Err(fault) => return tracing::warn!(%fault, "sweep skipped"),
    };
    for id in due {
        match registry.activate(id, claim).await {
            // An event that another node owns is that node's to expire.
            Ok(()) | Err(CallError::Elsewhere(_)) => {}
            Err(error) => tracing::warn!(event_id = %id, %error, "due event not activated"),
        }
    }
}
