//! The command line: what the program can do besides serving, and how it ends.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use clap::{Parser, Subcommand};
use engine::{Engine, EngineConfig, LocalLease, SystemClock};
use holdfast_http::config::{Config, ConfigError};
use holdfast_http::{openapi, telemetry};

use crate::terminal::{Failure, complain, say};
use crate::{healthcheck, ports, seed, serve};

/// The server cannot start with what it was given.
const EXIT_CONFIGURATION: u8 = 2;

/// A reservation engine for numbered seats.
#[derive(Parser)]
#[command(name = "holdfast", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Clone, Copy, Subcommand)]
enum Command {
    /// Answers requests (the default).
    Serve,
    /// Brings the database's schema up to date.
    Migrate,
    /// Makes three example events, where they are missing.
    Seed,
    /// Prints the OpenAPI document.
    Openapi,
    /// Checks the database against the invariants; ends with 1 where one is broken.
    Verify,
    /// Asks the server on this machine whether it is ready; ends with 1 where it is not.
    Healthcheck,
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    match parse().and_then(|command_line| command_line.execute()) {
        Ok(code) => code,
        Err(Failure::Configuration(error)) => {
            complain(&error.to_string());
            ExitCode::from(EXIT_CONFIGURATION)
        }
        Err(Failure::Other(text)) => {
            complain(&text);
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<CommandLine, Failure> {
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => return Err(ConfigError::new(".env", error).into()),
        Ok(_) | Err(_) => {}
    }
    CommandLine::try_parse().map_err(|error| match ConfigError::from_clap(&error) {
        Some(error) => error.into(),
        None => error.exit(),
    })
}

impl CommandLine {
    fn execute(&self) -> Result<ExitCode, Failure> {
        let config = &self.config;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => {
                config.check()?;
                let _guard = telemetry::start(config)?;
                System::new().block_on(serve::serve(config))?;
            }
            Command::Migrate => System::new().block_on(migrate(config))?,
            Command::Seed => System::new().block_on(seed_examples(config))?,
            Command::Openapi => {
                let _ = io::stdout().write_all(openapi::json().as_bytes());
            }
            Command::Verify => return System::new().block_on(verify(config)),
            Command::Healthcheck => {
                healthcheck::check(config).map_err(|error| Failure::Other(error.to_string()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn migrate(config: &Config) -> Result<(), Failure> {
    let report = persistence::migrate(&ports::options(config))
        .await
        .map_err(|error| ConfigError::new("DATABASE_URL", error))?;
    say(&format!("{} migrations applied", report.applied));
    Ok(())
}

async fn seed_examples(config: &Config) -> Result<(), Failure> {
    let store = ports::connect_existing(config).await?;
    let engine = Engine::start(EngineConfig::default(), store, Arc::new(LocalLease), Arc::new(SystemClock));
    let made = seed::seed(&engine).await.map_err(|error| Failure::Other(error.to_string()))?;
    engine.shutdown().await;
    say(&format!("{made} events made"));
    Ok(())
}

async fn verify(config: &Config) -> Result<ExitCode, Failure> {
    let store = ports::connect_existing(config).await?;
    say(
        "checking: a seat has one holder (1), the journal is gapless (4) and gives the tables (5), totals add up (8)",
    );
    let report = engine::verify(&*store).await.map_err(|error| Failure::Other(error.to_string()))?;
    for violation in &report.violations {
        say(&violation.to_string());
    }
    say(&format!(
        "{} violations in {} events, {} batches, {} changes, {} reservations, {} claims",
        report.violations.len(),
        report.events,
        report.batches,
        report.changes,
        report.reservations,
        report.claims,
    ));
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
