//! `holdfast serve`: from the configuration to a running server, and its graceful end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
#[cfg(not(feature = "chaos"))]
use engine::SystemClock;
use engine::{Clock, Engine, EngineConfig, Store, Threads};
use holdfast_http::config::{Config, ConfigError, Environment};
use holdfast_http::metric;
use holdfast_http::server;
use tokio::signal::unix::{SignalKind, signal};

use crate::terminal::{Failure, say};
use crate::{ports, seed};

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(config: &Config) -> Result<(), Failure> {
    let metrics = metric::install().map_err(|error| Failure::Other(error.to_string()))?;
    let store = ports::connect(config).await?;
    let is_new = is_new(&*store).await?;
    let engine = Engine::start(engine_config(config)?, store, ports::lease(config)?, clock());
    if is_new && ports::is_embedded(config) && config.environment == Environment::Development {
        seed::seed(&engine).await.map_err(|error| Failure::Other(error.to_string()))?;
    }
    let state = web::Data::new(server::state(config, engine.clone(), metrics));
    let (server, address) = server::start(state.clone(), config).map_err(|error| {
        ConfigError::new("PORT", format!("cannot listen on {}:{}: {error}", config.bind, config.port))
    })?;
    greet(config, &engine, address).await;
    let handle = server.handle();
    let stop = async {
        stop_signal().await?;
        tracing::info!("stopping");
        state.begin_stop();
        if config.cluster().is_some() {
            // The other nodes take the events over at once; what still comes here is passed on to them.
            engine.shutdown().await;
        }
        tokio::time::sleep(config.shutdown_grace()).await;
        handle.stop(true).await;
        Ok::<_, std::io::Error>(())
    };
    futures_util::try_join!(server, stop).map_err(|error| Failure::Other(error.to_string()))?;
    engine.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

fn engine_config(config: &Config) -> Result<EngineConfig, ConfigError> {
    Ok(EngineConfig {
        node: config.node_url(),
        queue_per_event: config.queue_per_event,
        threads: Threads::Own(config.event_threads),
        // Also bounds how long an owner that lost an event goes on showing it.
        renew_leases_every: (config.lease_ttl() / 3).min(Duration::from_millis(500)),
        publications: ports::publications(config)?,
        ..EngineConfig::default()
    })
}

#[cfg(not(feature = "chaos"))]
fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

#[cfg(feature = "chaos")]
fn clock() -> Arc<dyn Clock> {
    Arc::new(crate::chaos::OffsetClock::from_env())
}

/// Whether the store never had an event.
async fn is_new(store: &dyn Store) -> Result<bool, Failure> {
    let ids = store.event_ids(None, 1).await.map_err(|error| Failure::Other(error.to_string()))?;
    Ok(ids.is_empty())
}

async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Says where to look, and in development how to try it.
async fn greet(config: &Config, engine: &Engine, address: SocketAddr) {
    let base = format!("http://{address}");
    say(&format!("Holdfast {}", env!("CARGO_PKG_VERSION")));
    say(&format!("  API         {base}/api/v1/events"));
    say(&format!("  Swagger UI  {base}/swagger/index.html"));
    if config.environment != Environment::Development {
        return;
    }
    let Ok(Some(event)) = engine.events(None, 1).await.map(|events| events.into_iter().next()) else {
        return;
    };
    let (event_id, seat_id) = (event.info.id, event.info.id.seat(1));
    say(&format!(
        "  Try         curl -s {base}/api/v1/reservations -H 'X-API-Key: {}' \\",
        config.user_api_key
    ));
    say(&format!(
        "                -H 'Content-Type: application/json' -d '{{\"event_id\": \"{event_id}\", \"seat_ids\": [\"{seat_id}\"]}}'"
    ));
}
