//! The proof that the simulator sees: each rule of the engine that is broken on purpose is found.

use engine::testing::{Mutation, mutate};

use crate::search::search;

/// The number of seeds within which each must be found.
const SEEDS: u64 = 1_000;

/// Looks for each broken rule, and prints a table of what finds it. Whether all are found.
pub fn prove(from: u64) -> bool {
    println!("{:<20} {:>6}  finding", "broken rule", "seeds");
    let mut is_all_found = true;
    for mutation in Mutation::ALL {
        let failed = search(from, SEEDS, || mutate(Some(mutation))).failed;
        match &failed {
            Some(outcome) => {
                let finding = outcome.findings.first().map_or("", String::as_str);
                let line: String = finding.split_whitespace().collect::<Vec<_>>().join(" ");
                let name = format!("{mutation:?}");
                println!("{name:<20} {:>6}  {line:.150}", outcome.seed - from + 1);
            }
            None => println!("{:<20} {:>6}  NOT FOUND", format!("{mutation:?}"), SEEDS),
        }
        is_all_found &= failed.is_some();
    }
    is_all_found
}
