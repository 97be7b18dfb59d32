//! Fresh seeds, the same seed twice, and seeds that once failed.

use std::process::Command;

use sim::plan::Limits;
use sim::run::run;
use sim::search::search;

/// How many fresh seeds are run each time.
const FRESH_SEEDS: u64 = 500;

/// Seeds that once failed, and what it was. A seed is another run once the simulator's plans change; what it
/// found has a test of its own in the engine.
const FOUND: &[(u64, &str)] = &[
    (13, "with batches of one, commands were decided before all holds that were due had ended"),
    (762, "the simulator itself looked too early: a message that came late made one more hold"),
    (1_666, "the simulator itself let a node die of a fault that was healed"),
    (23_752, "a publication lives longer by as much as the clock of Redis goes back"),
    (848_183_325_325, "an owner whose batch was in doubt showed the version before it for three seconds"),
    (30_836, "an event deleted in the batch that amended it: the amendment was answered as refused"),
];

/// The hash that `sim --seed` ends its story with.
fn hash_in_another_process(seed: u64) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(["--seed", &seed.to_string()]).output();
    let text = String::from_utf8(output.expect("it runs").stdout).expect("it tells text");
    text.lines().find_map(|line| Some(line.split_once("lines, hash ")?.1.to_owned())).expect("it ends")
}

#[test]
fn fresh_seeds_find_nothing() {
    let from = rand::random::<u64>() >> 24;
    println!("{FRESH_SEEDS} seeds from {from} on");
    if let Some(failed) = search(from, FRESH_SEEDS, || {}).failed {
        panic!("sim --seed {}: {:#?}", failed.seed, failed.findings);
    }
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    let from = rand::random::<u64>() >> 24;
    for seed in from..from + 5 {
        let outcome = run(seed, Limits::default(), false);
        assert!(outcome.lines > 10, "seed {seed} tells hardly anything");
        assert_eq!(run(seed, Limits::default(), true).hash, outcome.hash, "seed {seed}, in this process");
        assert_eq!(hash_in_another_process(seed), outcome.hash, "seed {seed}, in another process");
    }
}

#[test]
fn what_was_found_stays_mended() {
    for (seed, what) in FOUND {
        let outcome = run(*seed, Limits::default(), false);
        assert!(outcome.findings.is_empty(), "seed {seed} ({what}): {:#?}", outcome.findings);
    }
}
