//! The program `compare`: Holdfast and other ways to sell seats, behind the same HTTP code, under the same
//! load, in one run. Each is measured at its own best number of connections, in rounds that take turns.

mod contestant;
mod database;
mod machine;
mod report;
mod server;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::contestant::Contestant;
use crate::database::Postgres;
use crate::machine::Machine;
use crate::report::{Entry, Report, Trial};
use crate::server::{Load, Server};

/// Why there is no result, in words.
type Failure = Box<dyn std::error::Error>;

/// Compares Holdfast with other ways to sell seats. Ends with 1 if anything was wrong, whether or not a bar
/// was met.
#[derive(Parser)]
#[command(name = "compare", version)]
struct Options {
    /// A Postgres server that may be filled with databases.
    #[arg(long, env = "TEST_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[arg(long, env = "TEST_REDIS_URL", hide_env_values = true)]
    redis_url: String,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each is measured in each round, in seconds.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How long each is loaded before it counts, in seconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    warmup_s: u32,
    /// The numbers of connections that are tried for each.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 32, 64, 128, 256, 512])]
    connections: Vec<u32>,
    /// How long each number of connections is tried, in seconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    trial_s: u32,
    /// Compare only these.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Contestant>,
    /// Write all numbers to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    /// The folder with the other programs: they are built together.
    fn programs(&self) -> Result<PathBuf, Failure> {
        let own = std::env::current_exe()?;
        Ok(own.parent().ok_or("the program has no folder")?.to_owned())
    }

    fn contestants(&self) -> Vec<Contestant> {
        let all = Contestant::value_variants().iter().copied();
        all.filter(|contestant| self.only.is_empty() || self.only.contains(contestant)).collect()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match compare(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "compare: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(options: &Options) -> Result<(), Failure> {
    let mut postgres = Postgres::connect(&options.database_url).await?;
    postgres.refuse_if_not_durable().await?;
    let machine = Machine::look(&mut postgres).await?;
    let mut trials = Vec::new();
    let mut entries = Vec::new();
    for contestant in options.contestants() {
        let best = find_best(contestant, options, &mut postgres, &mut trials).await?;
        let Trial { connections, pool_size, .. } = best;
        entries.push((
            Entry { contestant, connections, pool_size, at_peers_best: false, rounds: Vec::new() },
            best.figures.per_s,
        ));
    }
    entries.extend(at_peers_best(&entries));
    for round in 0..options.rounds {
        // Nobody is always the first, or always after the same one.
        let count = entries.len();
        for index in (0..count).map(|index| (index + round as usize) % count) {
            let (entry, expected_per_s) = &mut entries[index];
            measure(entry, *expected_per_s, options, &mut postgres).await?;
        }
    }
    let entries = entries.into_iter().map(|(entry, _)| entry).collect();
    let mut report =
        Report { machine, seconds: f64::from(options.seconds), entries, trials, bars: Vec::new() };
    report.judge();
    // A reader that has gone away is fine.
    let _ = write!(io::stdout(), "{}", report.markdown());
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    Ok(())
}

/// Tries pool sizes and numbers of connections, and returns what sold most.
async fn find_best(
    contestant: Contestant,
    options: &Options,
    postgres: &mut Postgres,
    trials: &mut Vec<Trial>,
) -> Result<Trial, Failure> {
    let mut best: Option<Trial> = None;
    for &pool_size in contestant.pool_sizes() {
        let mut server = Server::start(contestant, pool_size, options, postgres).await?;
        for &connections in &options.connections {
            let seen_per_s = best.map_or(0.0, |best| best.figures.per_s);
            let figures = server.load(Load {
                connections,
                warmup: Duration::from_millis(500),
                duration: Duration::from_secs(options.trial_s.into()),
                expected_per_s: contestant.first_guess_per_s().max(seen_per_s * 1.5),
            })?;
            let trial = Trial { contestant, connections, pool_size, figures };
            say_trial(&trial);
            trials.push(trial);
            let is_better = best.is_none_or(|best| figures.per_s > best.figures.per_s);
            if is_better && figures.failed == 0 {
                best = Some(trial);
            }
        }
        server.stop_and_check(postgres).await?;
    }
    best.ok_or_else(|| format!("{}: no trial without failures", contestant.name()).into())
}

/// Holdfast on Postgres under as many connections as are best for the first peer, unless these are its own
/// best too.
fn at_peers_best(entries: &[(Entry, f64)]) -> Option<(Entry, f64)> {
    let of = |contestant| entries.iter().find(|(entry, _)| entry.contestant == contestant);
    let (holdfast, expected_per_s) = of(Contestant::HoldfastPostgres)?;
    let (peer, _) = of(Contestant::Optimistic)?;
    (holdfast.connections != peer.connections).then(|| {
        let entry = Entry {
            contestant: Contestant::HoldfastPostgres,
            connections: peer.connections,
            pool_size: holdfast.pool_size,
            at_peers_best: true,
            rounds: Vec::new(),
        };
        (entry, *expected_per_s)
    })
}

async fn measure(
    entry: &mut Entry,
    expected_per_s: f64,
    options: &Options,
    postgres: &mut Postgres,
) -> Result<(), Failure> {
    let mut server = Server::start(entry.contestant, entry.pool_size, options, postgres).await?;
    let figures = server.load(Load {
        connections: entry.connections,
        warmup: Duration::from_secs(options.warmup_s.into()),
        duration: Duration::from_secs(options.seconds.into()),
        expected_per_s: expected_per_s * 1.5,
    })?;
    server.stop_and_check(postgres).await?;
    let Entry { contestant, connections, pool_size, .. } = *entry;
    say_trial(&Trial { contestant, connections, pool_size, figures });
    entry.rounds.push(figures);
    Ok(())
}

fn say_trial(trial: &Trial) {
    let Trial { contestant, connections, pool_size, figures } = trial;
    let _ = writeln!(
        io::stderr(),
        "{:<42} {connections:>4} connections, pool of {pool_size:>2}: {:>7.0}/s, p50 {:>7.1} ms, p99 {:>7.1} ms, {} failed",
        contestant.name(),
        figures.per_s,
        figures.p50_ms,
        figures.p99_ms,
        figures.failed,
    );
}
