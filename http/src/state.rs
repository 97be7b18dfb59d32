//! What every handler can reach.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use moka::future::Cache;

use crate::auth::Keys;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::connection::memory::Memory;
use crate::limit::RateLimit;
use crate::route_table::RouteTable;
use crate::seat_maps::SeatMaps;

const STORE_HEALTH_AGE: Duration = Duration::from_secs(1);

/// What every handler can reach.
pub struct AppState {
    /// The engine.
    pub engine: Engine,
    pub(crate) keys: Keys,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) request_timeout: Duration,
    pub(crate) max_body_bytes: usize,
    /// The bytes of answers under way and of prepared seat maps.
    pub memory: Arc<Memory>,
    /// How long a hold lasts in events that do not say it themselves.
    pub default_hold_ttl_s: u32,
    pub(crate) cluster: Option<Cluster>,
    /// The prepared seat maps.
    pub seat_maps: SeatMaps,
    pub(crate) routes: RouteTable,
    pub(crate) metrics: PrometheusHandle,
    is_stopping: AtomicBool,
    /// Of a second at most: whoever asks often must not make the database write often.
    store_health: Cache<(), bool>,
}

impl AppState {
    pub(crate) fn new(
        config: &Config,
        engine: Engine,
        metrics: PrometheusHandle,
        routes: RouteTable,
    ) -> Self {
        let memory = Memory::new(config.max_answer_bytes);
        Self {
            engine,
            keys: config.keys(),
            rate_limit: config.rate_limit_per_s.and_then(NonZeroU32::new).map(RateLimit::new),
            request_timeout: config.request_timeout(),
            max_body_bytes: config.max_body_bytes,
            memory: Arc::clone(&memory),
            default_hold_ttl_s: config.default_hold_ttl_s(),
            cluster: config.cluster(),
            seat_maps: SeatMaps::new(memory),
            routes,
            metrics,
            is_stopping: AtomicBool::new(false),
            store_health: Cache::builder().time_to_live(STORE_HEALTH_AGE).build(),
        }
    }

    /// Makes `/readyz` say no from now on, so that no new traffic is sent here.
    pub fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Whether the store can write, as of a second ago at most.
    pub(crate) async fn can_write(&self) -> bool {
        self.store_health.get_with((), async { self.engine.ping().await.is_ok() }).await
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }
}
