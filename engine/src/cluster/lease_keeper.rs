//! Keeps this node known to the others, its leases prolonged, and its memory honest: an event that another
//! node has taken over is given up also when nobody writes to it here, so that no stale state is shown.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::actor::node::Node;
use crate::actor::registry::Registry;
use crate::cluster::outage::Outage;
use crate::ports::StoreFault;
use crate::words::EventId;

/// How long the store may take before a beat goes on without its answer.
const STORE_TIMEOUT: Duration = Duration::from_millis(1_000);

/// Beats at the configured interval until the registry is gone.
pub(crate) fn start(node: Arc<Node>, registry: Weak<Registry>) {
    Arc::clone(&node).spawner.beside(async move {
        let mut outages = Outages::new();
        loop {
            let Some(registry) = registry.upgrade() else { return };
            beat(&node, &registry, &mut outages).await;
            drop(registry);
            tokio::time::sleep(node.config.renew_leases_every).await;
        }
    });
}

/// What can fail at each beat.
struct Outages {
    renewal: Outage,
    heartbeat: Outage,
    epochs: Outage,
}

impl Outages {
    fn new() -> Self {
        Self {
            renewal: Outage::new("leases not prolonged"),
            heartbeat: Outage::new("no heartbeat"),
            epochs: Outage::new("epochs not checked"),
        }
    }
}

async fn beat(node: &Node, registry: &Registry, outages: &mut Outages) {
    if registry.is_stopping() {
        return;
    }
    // Leases first: whatever else is slow must not let them run out.
    let live = registry.live_ids();
    renew(node, registry, &live, &mut outages.renewal).await;
    // A node that cannot write must not attract events.
    let can_own = in_time(node.look_at_clock()).await.is_ok() && !registry.is_stopping();
    outages.heartbeat.note(node.lease.heartbeat(can_own).await);
    give_up_superseded(node, registry, &live, &mut outages.epochs).await;
    registry.forget_ended();
}

async fn renew(node: &Node, registry: &Registry, live: &[EventId], outage: &mut Outage) {
    // The owner goes on without leases: the epoch in the store is what makes that safe.
    for id in outage.note(node.lease.renew(live).await).into_iter().flatten() {
        tracing::warn!(event_id = %id, "lease lost to another node");
        registry.give_up(id);
    }
    // What ended meanwhile gave its lease up, and must not have it again.
    for &id in live {
        if !registry.is_live(id) {
            node.release_lease(id).await;
        }
    }
}

async fn give_up_superseded(node: &Node, registry: &Registry, live: &[EventId], outage: &mut Outage) {
    for (id, epoch) in outage.note(in_time(node.store.epochs(live)).await).into_iter().flatten() {
        registry.give_up_if_before(id, epoch);
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreFault>>) -> Result<T, StoreFault> {
    let late = |_| StoreFault("no answer in time".to_owned());
    tokio::time::timeout(STORE_TIMEOUT, call).await.map_err(late)?
}
