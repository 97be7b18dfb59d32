//! What a node's events share.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::actor::threads::Spawner;
use crate::config::EngineConfig;
use crate::metric::Metrics;
use crate::owner::Anchor;
use crate::ports::{Lease, Store};
use crate::words::{Clock, Timestamp};

/// A difference between the node's clock and the store's that is worth a warning.
const LARGE_DIFFERENCE_MICROS: i64 = 1_000_000;

/// The configuration, the ports, the metrics, and where tasks run.
pub(crate) struct Node {
    pub(crate) config: EngineConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lease: Arc<dyn Lease>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) spawner: Spawner,
    /// What time it was by the store's clock when that was last asked; `None` before.
    anchor: RwLock<Option<Anchor>>,
    /// By how many microseconds the store's clock was ahead of the node's.
    clock_difference: AtomicI64,
}

impl Node {
    pub(crate) fn new(
        config: EngineConfig,
        store: Arc<dyn Store>,
        lease: Arc<dyn Lease>,
        clock: Arc<dyn Clock>,
        spawner: Spawner,
    ) -> Arc<Self> {
        let (metrics, anchor, clock_difference) = (Metrics::new(), RwLock::default(), AtomicI64::new(0));
        Arc::new(Self { config, store, lease, clock, metrics, spawner, anchor, clock_difference })
    }

    /// The node's monotonic time.
    pub(crate) fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The time by the store's clock, as of the last look at it; before the first one, by the node's.
    pub(crate) fn now(&self) -> Timestamp {
        self.store_time().unwrap_or_else(|| self.clock.now())
    }

    /// The time by the store's clock, as of the last look at it.
    pub(crate) fn store_time(&self) -> Option<Timestamp> {
        let anchor = *self.anchor.read().unwrap_or_else(PoisonError::into_inner);
        anchor.map(|anchor| anchor.at(self.monotonic()))
    }

    /// The store's clock was looked at.
    pub(crate) fn note_store_time(&self, anchor: Anchor) {
        *self.anchor.write().unwrap_or_else(PoisonError::into_inner) = Some(anchor);
        let micros = anchor.at(self.monotonic()).as_micros() - self.clock.now().as_micros();
        let before = self.clock_difference.swap(micros, Ordering::Relaxed);
        self.metrics.clock_difference_seconds.set(micros as f64 / 1e6);
        let is_large = |micros: i64| micros.abs() > LARGE_DIFFERENCE_MICROS;
        if is_large(micros) && !is_large(before) {
            tracing::warn!(
                difference_s = micros as f64 / 1e6,
                "this node's clock differs from the database's, by which holds are judged: set it right"
            );
        }
    }
}
