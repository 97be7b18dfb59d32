//! `sim`: runs seeds, tells the story of one, and makes one that fails shorter.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sim::plan::Limits;
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
    /// Only the first clients of the run.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    clients: usize,
    /// Only the first faults of the run.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    faults: usize,
    /// Not the first faults of the run.
    #[arg(long, default_value_t = 0)]
    skip_faults: usize,
    /// Only so much time, in milliseconds.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    millis: usize,
}

fn main() -> ExitCode {
    let options = CommandLine::parse();
    let CommandLine { clients, faults, skip_faults, millis, .. } = options;
    let limits = Limits { clients, faults, skip_faults, millis };
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
    let Limits { clients, faults, skip_faults, millis } = limits;
    println!(
        "sim --seed {seed} --clients {clients} --faults {faults} --skip-faults {skip_faults} --millis {millis}"
    );
    outcome
}
