//! Keeps this node known to the others, its leases prolonged, and its memory honest: an event that another node
//! has taken over is given up also when nobody writes to it here, so that no stale state is shown.

use std::sync::{Arc, Weak};

use crate::id::EventId;
use crate::registry::Registry;
use crate::shared::Shared;

/// Beats at the configured interval until the registry is gone.
pub(crate) fn start(shared: Arc<Shared>, registry: Weak<Registry>) {
    tokio::spawn(async move {
        loop {
            let Some(registry) = registry.upgrade() else { return };
            beat(&shared, &registry).await;
            drop(registry);
            tokio::time::sleep(shared.config.renew_leases_every).await;
        }
    });
}

async fn beat(shared: &Shared, registry: &Registry) {
    // A node that cannot write must not attract events.
    let can_own = !registry.is_stopping() && shared.store.ping().await.is_ok();
    if let Err(fault) = shared.lease.heartbeat(can_own).await {
        tracing::warn!(%fault, "no heartbeat");
    }
    let live = registry.live_ids();
    give_up_superseded(shared, registry, &live).await;
    match shared.lease.renew(&live).await {
        Ok(lost) => {
            for id in lost {
                tracing::warn!(event_id = %id, "lease lost to another node");
                registry.give_up(id);
            }
        }
        // The owner goes on without leases: the epoch in the store is what makes that safe.
        Err(fault) => tracing::warn!(%fault, "leases not prolonged"),
    }
}

async fn give_up_superseded(shared: &Shared, registry: &Registry, live: &[EventId]) {
    match shared.store.epochs(live).await {
        Ok(epochs) => {
            for (id, epoch) in epochs {
                registry.give_up_if_before(id, epoch);
            }
        }
        Err(fault) => tracing::warn!(%fault, "epochs not checked"),
    }
}
