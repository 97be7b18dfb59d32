//! Puts load on a Holdfast server and says what it measured. It speaks HTTP alone, so that it
//! measures what a client would see, and knows nothing of the server's code.

mod api;
#[cfg(test)]
mod fake;
mod http;
mod plot;
mod progress;
mod report;
mod scenario;
mod schedule;
mod stats;
mod supply;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::api::ApiError;
use crate::http::Target;
use crate::report::Report;
use crate::scenario::{browse, cold, hot, k6, onsale, seconds, steady, sweep};

/// Puts load on a Holdfast server and measures it. The exit status is 1 if something did not hold.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Args)]
struct Common {
    /// Where the server is.
    #[arg(long, global = true, env = "HOLDFAST_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// An admin's key: it creates the events, and reserves for random users.
    #[arg(
        long,
        global = true,
        env = "ADMIN_API_KEY",
        hide_env_values = true,
        default_value = "dev-admin-key-12345"
    )]
    api_key: String,
    /// Threads of the load generator. One leaves the most to a server on the same machine.
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: u32,
    /// When a request counts as failed, in seconds.
    #[arg(long, global = true, default_value = "30", value_parser = seconds)]
    timeout_s: Duration,
    /// Write all numbers to this file as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw throughput and latency into this file.
    #[arg(long, global = true, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// A crowd on one event until it is sold out; checks that no seat was sold twice.
    Onsale(onsale::Options),
    /// The most reservations a second on one hot event.
    Hot(hot::Options),
    /// A fixed rate of customers who reserve, and then confirm, cancel, or let the hold run out.
    Steady(steady::Options),
    /// Seat maps and counts, mostly unchanged ones.
    Browse(browse::Options),
    /// The first answers of events that are not in the server's memory.
    Cold(cold::Options),
    /// A rising rate of reservations, up to the knee.
    Sweep(sweep::Options),
    /// 100 virtual users who list events, list seats, and reserve: as load/k6/reservation_test.js.
    K6(k6::Options),
}

/// What `--json` writes.
#[derive(Serialize)]
struct Document<'a> {
    url: &'a str,
    passed: bool,
    #[serde(flatten)]
    report: &'a Report,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match measure(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "load: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(cli: Cli) -> Result<bool, String> {
    let Common { url, api_key, threads, timeout_s, json, plot } = cli.common;
    let target = Arc::new(Target::new(&url, &api_key, timeout_s)?);
    // A connection is an open file, and shells often allow only 1024. Less than asked for shows as failures.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let report = runtime(threads)
        .map_err(|error| format!("cannot start the threads: {error}"))?
        .block_on(run(Arc::clone(&target), cli.scenario))
        .map_err(|error| format!("{}: {error}", target.address()))?;

    // A closed pipe is the reader's choice, not a failure of the run.
    let _ = write!(std::io::stdout(), "{}", report.to_text());
    if let Some(path) = json {
        let document = Document { url: &url, passed: report.passed(), report: &report };
        let text = serde_json::to_string_pretty(&document).map_err(|error| format!("no JSON: {error}"))?;
        write_file(&path, &format!("{text}\n"))?;
    }
    if let Some(path) = plot {
        write_file(&path, &plot::svg(&report))?;
    }
    Ok(report.passed())
}

async fn run(target: Arc<Target>, scenario: Scenario) -> Result<Report, ApiError> {
    match scenario {
        Scenario::Onsale(options) => onsale::run(target, options).await,
        Scenario::Hot(options) => hot::run(target, options).await,
        Scenario::Steady(options) => steady::run(target, options).await,
        Scenario::Browse(options) => browse::run(target, options).await,
        Scenario::Cold(options) => cold::run(target, options).await,
        Scenario::Sweep(options) => sweep::run(target, options).await,
        Scenario::K6(options) => k6::run(target, options).await,
    }
}

fn runtime(threads: u32) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads as usize);
        builder
    };
    builder.enable_all().build()
}

fn write_file(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
