//! Keeps this node known to the others, its leases prolonged, and its memory honest: an event that another
//! node has taken over is given up also when nobody writes to it here, so that no stale state is shown.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::actor::node::Node;
use crate::actor::registry::Registry;
use crate::ports::StoreFault;
use crate::words::EventId;

/// How long the store may take before a beat goes on without its answer.
const STORE_TIMEOUT: Duration = Duration::from_millis(1_000);

/// Beats at the configured interval until the registry is gone.
pub(crate) fn start(node: Arc<Node>, registry: Weak<Registry>) {
    Arc::clone(&node).spawner.beside(async move {
        loop {
            let Some(registry) = registry.upgrade() else { return };
            beat(&node, &registry).await;
            drop(registry);
            tokio::time::sleep(node.config.renew_leases_every).await;
        }
    });
}

async fn beat(node: &Node, registry: &Registry) {
    if registry.is_stopping() {
        return;
    }
    // Leases first: whatever else is slow must not let them run out.
    let live = registry.live_ids();
    renew(node, registry, &live).await;
    // A node that cannot write must not attract events.
    let can_own = in_time(node.look_at_clock()).await.is_ok() && !registry.is_stopping();
    if let Err(fault) = node.lease.heartbeat(can_own).await {
        tracing::warn!(%fault, "no heartbeat");
    }
    give_up_superseded(node, registry, &live).await;
    registry.forget_ended();
}

async fn renew(node: &Node, registry: &Registry, live: &[EventId]) {
    match node.lease.renew(live).await {
        Ok(lost) => {
            for id in lost {
                tracing::warn!(event_id = %id, "lease lost to another node");
                registry.give_up(id);
            }
        }
        // The owner goes on without leases: the epoch in the store is what makes that safe.
        Err(fault) => tracing::warn!(%fault, "leases not prolonged"),
    }
    // What ended meanwhile gave its lease up, and must not have it again.
    for &id in live {
        if !registry.is_live(id) {
            node.release_lease(id).await;
        }
    }
}

async fn give_up_superseded(node: &Node, registry: &Registry, live: &[EventId]) {
    match in_time(node.store.epochs(live)).await {
        Ok(epochs) => {
            for (id, epoch) in epochs {
                registry.give_up_if_before(id, epoch);
            }
        }
        Err(fault) => tracing::warn!(%fault, "epochs not checked"),
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreFault>>) -> Result<T, StoreFault> {
    let late = |_| StoreFault("no answer in time".to_owned());
    tokio::time::timeout(STORE_TIMEOUT, call).await.map_err(late)?
}
