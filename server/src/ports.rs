//! What the configuration says of databases, leases and publications. With `command_line`, the only place
//! that knows `persistence`.

use std::sync::Arc;
use std::time::Duration;

use engine::{Lease, LocalLease, Publications, Store};
use holdfast_http::config::{Config, ConfigError, Environment};
use persistence::{RedisLease, RedisPublications, StoreOptions};

/// How the configured store is opened.
pub(crate) fn options(config: &Config) -> StoreOptions {
    let mut options = StoreOptions::new(config.database_url.as_str());
    options.max_connections = config.db_max_open_conns;
    options.min_connections = config.db_max_idle_conns.min(config.db_max_open_conns);
    options.batch_timeout = Duration::from_millis(config.batch_timeout_ms);
    options.migrate = config.environment == Environment::Development;
    #[cfg(feature = "chaos")]
    {
        options.unfenced = crate::chaos::unfenced();
    }
    options
}

/// Opens the configured store as it is: a typo in its name must not make a new one.
pub(crate) async fn connect_existing(config: &Config) -> Result<Arc<dyn Store>, ConfigError> {
    let options = StoreOptions { must_exist: true, ..options(config) };
    persistence::connect(&options).await.map_err(|error| ConfigError::new("DATABASE_URL", error))
}

/// Opens the configured store.
pub(crate) async fn connect(config: &Config) -> Result<Arc<dyn Store>, ConfigError> {
    persistence::connect(&options(config)).await.map_err(|error| ConfigError::new("DATABASE_URL", error))
}

/// The leases: on Redis where one is configured, else in process.
pub(crate) fn lease(config: &Config) -> Result<Arc<dyn Lease>, ConfigError> {
    let Some(url) = config.redis_url() else { return Ok(Arc::new(LocalLease)) };
    let pool_size = config.redis_pool_size as usize;
    match RedisLease::new(url, pool_size, &config.node_url(), config.lease_ttl()) {
        Ok(lease) => Ok(Arc::new(lease)),
        Err(error) => Err(ConfigError::new("REDIS_URL", error)),
    }
}

/// Where owners publish their events: on Redis where one is configured. Over connections of its own, so that
/// no lease waits for them.
pub(crate) fn publications(config: &Config) -> Result<Option<Arc<dyn Publications>>, ConfigError> {
    let Some(url) = config.redis_url() else { return Ok(None) };
    match RedisPublications::new(url, config.redis_pool_size as usize) {
        Ok(publications) => Ok(Some(Arc::new(publications))),
        Err(error) => Err(ConfigError::new("REDIS_URL", error)),
    }
}

/// Whether the configured database is embedded, so that nobody but this program fills it.
pub(crate) fn is_embedded(config: &Config) -> bool {
    config.database_url.starts_with("sqlite:")
}
