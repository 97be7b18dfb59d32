//! What the engine and its actors share.

use std::sync::Arc;

use crate::clock::Clock;
use crate::engine::EngineConfig;
use crate::lease::Lease;
use crate::metric::Metrics;
use crate::store::Store;

/// The configuration, the ports and the metrics.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lease: Arc<dyn Lease>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
}
