//! Runs chaos against a cluster of its own, and says what held.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos::cluster::{Cluster, ClusterOptions, SetupError};
use chaos::fault::Fault;
use chaos::proof::prove_checker;
use chaos::run::{Plan, Verdict, run, table_head};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Starts real nodes, Postgres and Redis, breaks them, and checks what the clients were told. The exit status
/// is 1 if something did not hold.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What to break, one after the other; `mixed` breaks all of it in one run. Default: every fault, and
    /// mixed.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    /// Makes a run repeatable, as far as real processes are. Default: a new one.
    #[arg(long)]
    seed: Option<u64>,
    /// How long each run breaks things; a mixed one four times as long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// The server, built with the feature `chaos`. Default: `holdfast` beside this program.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Proves the checker: the nodes leave out the epoch check, and the run passes only if that is noticed.
    #[arg(long)]
    unfenced: bool,
    /// Starts the cluster, prints its addresses, and waits for Ctrl-C.
    #[arg(long)]
    cluster: bool,
    /// Leaves the logs of a failed run where they are.
    #[arg(long)]
    keep_logs: bool,
    /// Lists the faults.
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.list {
        for fault in Fault::all() {
            println!("{}", fault.name());
        }
        return ExitCode::SUCCESS;
    }
    // Dropping the run stops every process that it started.
    let outcome = tokio::select! {
        outcome = execute(&cli) => outcome,
        () = interrupted() => match cli.cluster {
            true => Ok(true),
            false => Err(SetupError("interrupted".to_owned())),
        },
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::from(2)
        }
    }
}

async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn execute(cli: &Cli) -> Result<bool, SetupError> {
    let options = ClusterOptions { program: program(cli)?, nodes: cli.nodes.into(), unfenced: cli.unfenced };
    if cli.cluster {
        return show_cluster(&options).await;
    }
    let seed = cli.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    if cli.unfenced {
        return prove(&options, seed).await;
    }
    let plans = plans(&cli.faults)?;
    let cluster = Cluster::start(&options).await?;
    println!("{}", table_head());
    let mut all_passed = true;
    for plan in &plans {
        let seconds = if matches!(plan, Plan::Mixed(_)) { 4 * cli.seconds } else { cli.seconds };
        let report = run(&cluster, plan, Duration::from_secs(seconds), seed).await?;
        println!("{report}");
        all_passed &= print_findings(&report.verdict);
    }
    if !all_passed && cli.keep_logs {
        println!("logs: {}", cluster.keep_logs().display());
    }
    Ok(all_passed)
}

fn print_findings(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Pass => return true,
        Verdict::Fail(findings) => {
            findings.iter().take(20).for_each(|finding| println!("  - {finding}"));
            if findings.len() > 20 {
                println!("  - and {} more", findings.len() - 20);
            }
        }
        Verdict::Unknown(cause) => println!("  - unknown: {cause}"),
    }
    false
}

async fn prove(options: &ClusterOptions, seed: u64) -> Result<bool, SetupError> {
    let Some(proof) = prove_checker(options, seed).await? else {
        println!("NOT noticed within a minute: the checker proves nothing");
        return Ok(false);
    };
    println!("{}", table_head());
    println!("{}", proof.report);
    print_findings(&Verdict::Fail(proof.findings));
    println!("noticed after {:.0} s, as it should be", proof.after.as_secs_f64());
    Ok(true)
}

async fn show_cluster(options: &ClusterOptions) -> Result<bool, SetupError> {
    let cluster = Cluster::start(options).await?;
    for node in &cluster.nodes {
        println!("node {}    {}", node.index(), node.url());
    }
    println!("Postgres  {}", cluster.postgres.url());
    println!("Redis     redis://{}", cluster.redis.address());
    println!("logs      {}", cluster.folder().display());
    println!("Ctrl-C stops all of it.");
    std::future::pending().await
}

fn plans(names: &[String]) -> Result<Vec<Plan>, SetupError> {
    let mixed = || Plan::Mixed(Fault::all().to_vec());
    if names.is_empty() || names == ["all"] {
        return Ok(Fault::all().iter().copied().map(Plan::Alone).chain([mixed()]).collect());
    }
    let plan = |name: &String| match name.as_str() {
        "mixed" => Ok(mixed()),
        name => <Fault as clap::ValueEnum>::from_str(name, false)
            .map(Plan::Alone)
            .map_err(|_| SetupError(format!("there is no fault {name}; see --list"))),
    };
    names.iter().map(plan).collect()
}

fn program(cli: &Cli) -> Result<PathBuf, SetupError> {
    if let Some(program) = &cli.program {
        return program.canonicalize().map_err(|error| SetupError::new("--program", error));
    }
    let own = std::env::current_exe().map_err(|error| SetupError::new("where this program is", error))?;
    let beside = own.with_file_name("holdfast");
    if beside.exists() {
        return Ok(beside);
    }
    let advice =
        "build it with `cargo build -p holdfast --features chaos`, or say where it is with --program";
    Err(SetupError(format!("there is no {}; {advice}", beside.display())))
}
