//! `holdfast serve`: from the configuration to a running server, and its graceful end.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
#[cfg(not(feature = "chaos"))]
use engine::SystemClock;
use engine::{Clock, Engine, EngineConfig, Store, Threads};
use holdfast_http::config::{Config, ConfigError, Environment};
use holdfast_http::{metric, release, server};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::greeting::greet;
use crate::terminal::{Failure, complain};
use crate::{ports, seed};

/// As a shell says it of a program that Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Serves until SIGTERM, SIGINT or SIGHUP.
pub(crate) async fn serve(config: &Config, env_file: Option<&Path>) -> Result<(), Failure> {
    raise_file_limit();
    let metrics = metric::install().map_err(|error| Failure::Other(error.to_string()))?;
    let store = ports::connect(config).await?;
    let is_new = is_new(&*store).await?;
    let engine =
        Engine::start(engine_config(config)?, Arc::clone(&store), ports::lease(config).await?, clock());
    if is_new && ports::is_embedded(config) && config.environment == Environment::Development {
        seed::seed(&engine).await.map_err(|error| Failure::Other(error.to_string()))?;
    }
    let state = web::Data::new(server::state(config, engine.clone(), metrics));
    let mut signals = StopSignals::listen().map_err(|error| Failure::Other(error.to_string()))?;
    let (server, address) =
        server::start(state.clone(), config).map_err(|error| cannot_listen(config, &error))?;
    log_start(config, address, env_file);
    greet(config, &engine, address, env_file).await;
    let handle = server.handle();
    let stop = async {
        let signal = signals.first().await;
        tracing::info!(signal, "stopping");
        actix_web::rt::spawn(signals.end_at_once_on_interrupt());
        state.begin_stop();
        if config.cluster().is_some() {
            // The other nodes take the events over at once; what still comes here is passed on to them.
            engine.shutdown().await;
        }
        tokio::time::sleep(config.shutdown_grace()).await;
        handle.stop(true).await;
        Ok::<_, io::Error>(())
    };
    futures_util::try_join!(server, stop).map_err(|error| Failure::Other(error.to_string()))?;
    engine.shutdown().await;
    store.close().await;
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

/// Lets the process have as many files as it may: each connection is one, and shells give 1,024.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Whether the store never had an event.
async fn is_new(store: &dyn Store) -> Result<bool, Failure> {
    let ids = store.event_ids(None, 1).await.map_err(|error| Failure::Other(error.to_string()))?;
    Ok(ids.is_empty())
}

/// The signals that stop the server.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    /// The terminal is gone. `None`: whoever started the server wants it to outlive that (`nohup`).
    hangup: Option<Signal>,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup,
        })
    }

    async fn first(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hangup => "SIGHUP",
        }
    }

    /// Whoever presses Ctrl-C while the server stops does not want to wait for that.
    async fn end_at_once_on_interrupt(mut self) {
        self.interrupt.recv().await;
        complain("stopped at once; what was acknowledged is kept");
        std::process::exit(EXIT_INTERRUPTED);
    }
}

/// From the mask of ignored signals: a handler would take the place of what the parent has set.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & 1 == 1
}

/// The setting to blame where the server cannot listen.
fn cannot_listen(config: &Config, error: &io::Error) -> ConfigError {
    let is_port = matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied);
    let problem = format!("cannot listen on {}:{}: {error}", config.bind, config.port);
    ConfigError::new(if is_port { "PORT" } else { "BIND" }, problem)
}

fn log_start(config: &Config, address: SocketAddr, env_file: Option<&Path>) {
    tracing::info!(
        version = release::VERSION,
        commit = release::COMMIT,
        %address,
        database = config.database.shown(),
        environment = config.environment.name(),
        node = config.node_url(),
        workers = config.workers(),
        event_threads = config.event_threads,
        env_file = env_file.map(|path| tracing::field::display(path.display())),
        "serving"
    );
}
