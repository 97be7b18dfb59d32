//! Publishes an event as long as it is live here. A task of its own beside the actor, which only copies its
//! seat map between two batches: no answer waits for a publication, and no publication for another event's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::actor::handle::EventHandle;
use crate::actor::node::Node;
use crate::actor::registry::OnLive;
use crate::ports::{Publication, PublicationFault, Publications};

/// The shortest time between two publications of an event. What was committed meanwhile is published at the
/// end of it.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// A publication that takes longer is dropped: the next one is newer.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(300);

/// Publishes each event that becomes live, where there are publications.
pub(crate) fn publish_each(node: &Arc<Node>) -> OnLive {
    let node = Arc::downgrade(node);
    Box::new(move |live| {
        let Some(node) = node.upgrade() else { return };
        if let Some(publications) = node.config.publications.clone() {
            node.spawner.beside(run(Arc::clone(&node), publications, live));
        }
    })
}

/// Publishes after commits until the actor is gone.
async fn run(node: Arc<Node>, publications: Arc<dyn Publications>, live: EventHandle) {
    let mut commits = live.commits();
    while commits.changed().await.is_ok() {
        let next = Instant::now() + PUBLISH_EVERY;
        // Taken before the map, which then is of this commit or of a later one.
        let as_of = *commits.borrow_and_update();
        if let Ok(Some(map)) = live.seat_map().await {
            let publication = Publication { map, as_of };
            match publish(&*publications, &publication).await {
                Ok(true) => node.metrics.published.increment(1),
                Ok(false) => node.metrics.publications_refused.increment(1),
                Err(fault) => {
                    node.metrics.publications_failed.increment(1);
                    tracing::debug!(event_id = %publication.map.info.id, %fault, "publication dropped");
                }
            }
        }
        sleep_until(next).await;
    }
}

async fn publish(
    publications: &dyn Publications,
    publication: &Publication,
) -> Result<bool, PublicationFault> {
    let late = |_| PublicationFault("no answer in time".to_owned());
    timeout(PUBLISH_TIMEOUT, publications.publish(publication)).await.map_err(late)?
}
