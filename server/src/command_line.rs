//! The command line: what the program can do besides serving, and how it ends.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use engine::{Engine, EngineConfig, LocalLease, SystemClock};
use holdfast_http::config::{Config, ConfigError, DatabaseConfig};
use holdfast_http::{openapi, telemetry};

use crate::chart::ChartCommand;
use crate::dotenv::DotEnv;
use crate::terminal::{Failure, complain, hand_over, say};
use crate::{backup, healthcheck, ports, seed, serve, verify};

/// The server cannot start with what it was given.
const EXIT_CONFIGURATION: u8 = 2;

/// A reservation engine for numbered seats.
#[derive(Parser)]
#[command(
    name = "holdfast",
    version,
    after_help = "Without a command the server starts; `holdfast serve --help` lists its settings."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers requests (the default)
    Serve(Box<Config>),
    /// Brings the database's schema up to date
    Migrate(DatabaseConfig),
    /// Makes three example events, where they are missing
    Seed(DatabaseConfig),
    /// Reads the chart of a venue from a file, and keeps it
    #[command(subcommand)]
    Chart(ChartCommand),
    /// Prints the OpenAPI document
    Openapi,
    /// Checks the database against the invariants; ends with 1 where one is broken
    Verify(verify::Verify),
    /// Copies the embedded database to a new file, also while the server runs
    Backup(backup::Backup),
    /// Asks the server on this machine whether it is ready; ends with 1 where it is not
    Healthcheck(healthcheck::Address),
    /// Prints a shell's completions: `source <(holdfast completions bash)`
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    match parse().and_then(|(command, dotenv)| execute(command, dotenv)) {
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

fn parse() -> Result<(Command, Option<DotEnv>), Failure> {
    let dotenv = DotEnv::load()?;
    let arguments = with_command(std::env::args_os().collect());
    let parsed = CommandLine::try_parse_from(&arguments).unwrap_or_else(|error| {
        let _ = error.print();
        if let Some(origin) = origin(&error, &arguments, dotenv.as_ref()) {
            complain(&origin);
        }
        std::process::exit(error.exit_code());
    });
    Ok((parsed.command, dotenv))
}

/// Where no command is named, the server is meant.
fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let names_it = arguments
        .get(1)
        .and_then(|first| first.to_str())
        .is_some_and(|first| !first.starts_with('-') || ["-h", "--help", "-V", "--version"].contains(&first));
    if !names_it {
        arguments.insert(arguments.len().min(1), "serve".into());
    }
    arguments
}

/// Where a value comes from that clap refused by the name of its flag, if not from the command line.
fn origin(error: &clap::Error, arguments: &[OsString], dotenv: Option<&DotEnv>) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8)
    {
        return None;
    }
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = argument.split([' ', '=']).next()?;
    let variable = flag.strip_prefix("--")?.replace('-', "_").to_uppercase();
    let is_given = arguments
        .iter()
        .filter_map(|given| given.to_str())
        .any(|given| given.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')));
    if is_given {
        return None;
    }
    Some(match dotenv.filter(|dotenv| dotenv.applied.contains(&variable)) {
        Some(dotenv) => format!("{variable} stands in {}", dotenv.path.display()),
        None => format!("{variable} is set in the environment"),
    })
}

fn execute(command: Command, dotenv: Option<DotEnv>) -> Result<ExitCode, Failure> {
    let warnings = dotenv.as_ref().map(|dotenv| dotenv.warnings(&settings())).unwrap_or_default();
    if !matches!(command, Command::Serve(_)) {
        warnings.iter().for_each(|warning| complain(warning));
    }
    match command {
        Command::Serve(config) => {
            config.check()?;
            let _guard = telemetry::start(&config)?;
            warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            let env_file = dotenv.map(|dotenv| dotenv.path);
            System::new().block_on(serve::serve(&config, env_file.as_deref()))?;
        }
        Command::Migrate(database) => System::new().block_on(migrate(&database))?,
        Command::Seed(database) => System::new().block_on(seed_examples(&database))?,
        Command::Chart(chart) => return System::new().block_on(chart.run()),
        Command::Openapi => hand_over(&openapi::json())?,
        Command::Backup(backup) => System::new().block_on(backup.run())?,
        Command::Verify(verify) => return System::new().block_on(verify.run()),
        Command::Healthcheck(server) => {
            healthcheck::check(&server).map_err(|error| Failure::Other(error.to_string()))?;
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut CommandLine::command(), "holdfast", &mut script);
            hand_over(&String::from_utf8_lossy(&script))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of all settings, of whatever command.
fn settings() -> BTreeSet<String> {
    let serve = Config::augment_args(clap::Command::new("serve"));
    let names = serve.get_arguments().filter_map(|argument| argument.get_env());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

async fn migrate(database: &DatabaseConfig) -> Result<(), Failure> {
    let report = persistence::migrate(&ports::options(database))
        .await
        .map_err(|error| ConfigError::new("DATABASE_URL", error))?;
    say(&format!("{} migrations applied", report.applied));
    Ok(())
}

async fn seed_examples(database: &DatabaseConfig) -> Result<(), Failure> {
    let store = ports::connect_existing(database).await?;
    let (lease, clock) = (Arc::new(LocalLease), Arc::new(SystemClock));
    let engine = Engine::start(EngineConfig::default(), Arc::clone(&store), lease, clock);
    let made = seed::seed(&engine).await.map_err(|error| Failure::Other(error.to_string()))?;
    engine.shutdown().await;
    store.close().await;
    say(&format!("{made} events made"));
    Ok(())
}
