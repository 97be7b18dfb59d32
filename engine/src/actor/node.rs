//! What a node's events share.

use std::sync::Arc;

use crate::actor::threads::Spawner;
use crate::config::EngineConfig;
use crate::metric::Metrics;
use crate::ports::{Lease, Store};
use crate::words::Clock;

/// The configuration, the ports, the metrics, and where tasks run.
pub(crate) struct Node {
    pub(crate) config: EngineConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lease: Arc<dyn Lease>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) spawner: Spawner,
}
