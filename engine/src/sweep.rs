//! The sweep: events with holds that have run out, but no live actor anywhere to notice, are made live.

use std::sync::{Arc, Weak};

use crate::engine::CallError;
use crate::registry::Registry;
use crate::shared::Shared;

/// How many events one sweep takes up at most; the longest overdue come first.
const EVENTS_PER_SWEEP: u32 = 100;

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
    let due = match shared.store.due_events(shared.clock.now(), EVENTS_PER_SWEEP).await {
        Ok(due) => due,
        Err(fault) => return tracing::warn!(%fault, "sweep skipped"),
    };
    for id in due {
        match registry.activate(id).await {
            // An event that another node owns is that node's to expire.
            Ok(()) | Err(CallError::Elsewhere(_)) => {}
            Err(error) => tracing::warn!(event_id = %id, %error, "due event not activated"),
        }
    }
}
