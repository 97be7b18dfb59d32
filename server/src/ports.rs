//! What the configuration says of databases, leases and publications. With `command_line`, the only place
//! that knows `persistence`.

use std::sync::Arc;
use std::time::Duration;

use engine::{Lease, LeaseFault, LocalLease, Publications, Store};
use holdfast_http::config::{Config, ConfigError, DatabaseConfig, Environment, Pooler};
use persistence::{RedisLease, RedisPublications, StoreOptions};

/// How a database is opened.
pub(crate) fn options(database: &DatabaseConfig) -> StoreOptions {
    let mut options = StoreOptions::new(database.url.as_str());
    options.max_connections = database.max_open_conns;
    options.min_connections = database.max_idle_conns.min(database.max_open_conns);
    options.pooled = database.pooler == Pooler::Transaction;
    #[cfg(feature = "chaos")]
    {
        options.unfenced = crate::chaos::unfenced();
    }
    options
}

/// Opens a database as it is: a typo in its name must not make a new one.
pub(crate) async fn connect_existing(database: &DatabaseConfig) -> Result<Arc<dyn Store>, ConfigError> {
    let options = StoreOptions { must_exist: true, ..options(database) };
    persistence::connect(&options).await.map_err(|error| ConfigError::new("DATABASE_URL", error))
}

/// Opens the server's database.
pub(crate) async fn connect(config: &Config) -> Result<Arc<dyn Store>, ConfigError> {
    let options = StoreOptions {
        batch_timeout: Duration::from_millis(config.batch_timeout_ms),
        migrate: config.environment == Environment::Development,
        ..options(&config.database)
    };
    persistence::connect(&options).await.map_err(|error| ConfigError::new("DATABASE_URL", error))
}

/// The leases: on Redis where one is configured, else in process.
pub(crate) async fn lease(config: &Config) -> Result<Arc<dyn Lease>, ConfigError> {
    let Some(url) = config.redis_url() else { return Ok(Arc::new(LocalLease)) };
    let pool_size = config.redis_pool_size as usize;
    let (node, secret) = (config.node_url(), config.cluster_secret.as_deref().unwrap_or_default());
    let lease = RedisLease::new(url, pool_size, &node, secret, config.lease_ttl())
        .map_err(|LeaseFault(problem)| ConfigError::new("REDIS_URL", problem))?;
    if !lease.claim_address().await {
        let problem = format!("another node that runs has {node}, too: give each an address of its own");
        return Err(ConfigError::new("NODE_URL", problem));
    }
    Ok(Arc::new(lease))
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
    config.database.url.starts_with("sqlite:")
}
