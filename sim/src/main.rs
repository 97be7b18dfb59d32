//! `sim`: runs seeds, tells the story of one, and makes one that fails shorter.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sim::plan::{Limits, has};
use sim::run::{Outcome, run};
use sim::search::{Search, search, shrink};

/// Runs the engine in a simulated world.
#[derive(Parser)]
struct CommandLine {
    /// Tell the story of this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Run this many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed; a random one, if not said.
    #[arg(long)]
    from: Option<u64>,
    /// Make the run of a seed that fails shorter.
    #[arg(long)]
    shrink: bool,
    /// Break the engine's rules on purpose, one after the other, and see that each is found.
    #[cfg(feature = "mutations")]
    #[arg(long)]
    proof: bool,
    /// The run without these clients.
    #[arg(long, value_delimiter = ',')]
    without_clients: Vec<u32>,
    /// The run without these faults.
    #[arg(long, value_delimiter = ',')]
    without_faults: Vec<u32>,
    /// The milliseconds until the clients stop.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    millis: usize,
}

fn main() -> ExitCode {
    let options = CommandLine::parse();
    let limits = Limits {
        without_clients: bits(&options.without_clients),
        without_faults: bits(&options.without_faults),
        millis: options.millis,
    };
    #[cfg(feature = "mutations")]
    if options.proof {
        let is_proved = sim::proof::prove(options.from.unwrap_or(1));
        return if is_proved { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match options.seed {
        Some(seed) if options.shrink => make_shorter(seed, limits),
        Some(seed) => tell(run(seed, limits, true)),
        None => look_for(options.from.unwrap_or_else(|| rand::random::<u64>() >> 24), options.seeds),
    }
}

fn tell(outcome: Outcome) -> ExitCode {
    for line in &outcome.story {
        println!("{line}");
    }
    println!("{} lines, hash {}", outcome.lines, outcome.hash);
    for finding in &outcome.findings {
        println!("FOUND {finding}");
    }
    if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn look_for(from: u64, seeds: u64) -> ExitCode {
    println!("{seeds} seeds from {from} on");
    let began = Instant::now();
    let Search { seeds, lines, failed } = search(from, seeds, || {});
    let seconds = began.elapsed().as_secs_f64();
    println!("{seeds} seeds with {lines} steps in {seconds:.1} s: {:.0} a second", seeds as f64 / seconds);
    let Some(outcome) = failed else { return ExitCode::SUCCESS };
    println!("seed {} fails; its story: sim --seed {}", outcome.seed, outcome.seed);
    tell(outcome)
}

fn make_shorter(seed: u64, limits: Limits) -> ExitCode {
    let Some(limits) = shrink(seed, limits) else {
        println!("seed {seed} does not fail");
        return ExitCode::SUCCESS;
    };
    let outcome = tell(run(seed, limits, true));
    println!("{}", command(seed, limits));
    outcome
}

/// The command line that tells this run.
fn command(seed: u64, limits: Limits) -> String {
    let list = |option: &str, bits: u64| {
        let numbers: Vec<_> =
            (0..64).filter(|&index| has(bits, index)).map(|index| index.to_string()).collect();
        if numbers.is_empty() { String::new() } else { format!(" --{option} {}", numbers.join(",")) }
    };
    let clients = list("without-clients", limits.without_clients);
    let faults = list("without-faults", limits.without_faults);
    format!("sim --seed {seed}{clients}{faults} --millis {}", limits.millis)
}

fn bits(numbers: &[u32]) -> u64 {
    numbers.iter().filter_map(|&number| 1u64.checked_shl(number)).fold(0, |bits, bit| bits | bit)
}
