//! The program `peer`: serves like `holdfast serve`, and is configured like it, but sells seats in another
//! way.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use actix_web::web;
use clap::{Parser, Subcommand, ValueEnum};
use holdfast_http::config::Config;
use holdfast_http::server;
use holdfast_http::{metric, telemetry};
use mimalloc::MiMalloc;
use peers::{PeerKind, Settings};
use tokio::signal::unix::{SignalKind, signal};

/// As in `holdfast`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Sells seats in another way than Holdfast does, behind its HTTP code.
#[derive(Parser)]
#[command(name = "peer", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    config: Config,
}

#[derive(Subcommand)]
enum Command {
    /// Answers requests until SIGTERM.
    Serve {
        #[arg(long)]
        peer: Served,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Served {
    /// An optimistic lock: seat rows with a version (needs DATABASE_URL).
    Optimistic,
    /// The same behind a lock on Redis, one for each event (needs DATABASE_URL and REDIS_URL).
    RedisLock,
    /// SELECT … FOR UPDATE SKIP LOCKED (needs DATABASE_URL).
    SkipLocked,
    /// Holdfast itself, on a store that writes nowhere.
    Nowhere,
}

fn main() -> ExitCode {
    holdfast_http::allocator::use_small_pages();
    let CommandLine { command: Command::Serve { peer }, config } = CommandLine::parse();
    match run(peer, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(peer: Served, mut config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let redis_url = config.redis_url.take();
    config.check()?;
    let _guard = telemetry::start(&config)?;
    let kind = match peer {
        Served::Optimistic => Some(PeerKind::Optimistic),
        Served::RedisLock => Some(PeerKind::RedisLock),
        Served::SkipLocked => Some(PeerKind::SkipLocked),
        Served::Nowhere => None,
    };
    System::new().block_on(serve(kind, redis_url.as_deref(), &config))
}

async fn serve(
    kind: Option<PeerKind>,
    redis_url: Option<&str>,
    config: &Config,
) -> Result<(), Box<dyn std::error::Error>> {
    let engine = peers::server::engine(config);
    let state = web::Data::new(server::state(config, engine.clone(), metric::install()?));
    let (server, address) = match kind {
        None => server::start(state, config)?,
        Some(kind) => {
            let per_worker = config.database.max_open_conns.div_ceil(config.workers() as u32);
            let settings = Settings::prepare(kind, &config.database.url, per_worker, redis_url).await?;
            peers::server::start(state, config, Arc::new(settings))?
        }
    };
    let _ = writeln!(io::stdout(), "http://{address}");
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        let mut terminate = signal(SignalKind::terminate())?;
        terminate.recv().await;
        handle.stop(true).await;
        Ok::<_, io::Error>(())
    });
    server.await?;
    engine.shutdown().await;
    Ok(())
}
