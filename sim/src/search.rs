//! Runs many seeds, and makes one that fails smaller.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::plan::{Limits, Plan};
use crate::run::{Outcome, run};

/// What came of many runs.
pub struct Search {
    /// How many seeds were run.
    pub seeds: u64,
    /// How many lines they told.
    pub lines: u64,
    /// The first seed that failed, if one did.
    pub failed: Option<Outcome>,
}

/// Runs `count` seeds from `from` on, on all processors, until one fails. `prepare` is called in each thread
/// before its first run.
pub fn search(from: u64, count: u64, prepare: impl Fn() + Sync) -> Search {
    let (next, first_failed, lines) = (AtomicU64::new(0), AtomicU64::new(u64::MAX), AtomicU64::new(0));
    let work = || {
        prepare();
        let mut failed: Option<Outcome> = None;
        loop {
            let index = next.fetch_add(1, Ordering::SeqCst);
            if index >= count || index > first_failed.load(Ordering::SeqCst) {
                return failed;
            }
            let outcome = run(from + index, Limits::default(), false);
            lines.fetch_add(outcome.lines as u64, Ordering::SeqCst);
            if !outcome.findings.is_empty() {
                first_failed.fetch_min(index, Ordering::SeqCst);
                // A thread's own seeds only grow.
                failed.get_or_insert(outcome);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failed = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().expect("a run does not panic"))
            .collect::<Vec<_>>()
    });
    let seeds = next.load(Ordering::SeqCst).min(count);
    let failed = failed.into_iter().min_by_key(|outcome| outcome.seed);
    Search { seeds, lines: lines.load(Ordering::SeqCst), failed }
}

/// The smallest limits found under which the seed still fails; `None` if it does not fail.
pub fn shrink(seed: u64, mut limits: Limits) -> Option<Limits> {
    let fails = |limits: Limits| !run(seed, limits, false).findings.is_empty();
    if !fails(limits) {
        return None;
    }
    loop {
        let before = limits;
        let plan = Plan::new(seed, limits);
        limits.millis =
            smallest(1, plan.duration.as_millis() as usize, |millis| fails(Limits { millis, ..limits }));
        for client in plan.clients {
            let without = Limits { without_clients: limits.without_clients | 1 << client, ..limits };
            limits = if fails(without) { without } else { limits };
        }
        for fault in plan.faults {
            let without = Limits { without_faults: limits.without_faults | 1 << fault.index, ..limits };
            limits = if fails(without) { without } else { limits };
        }
        if limits == before {
            return Some(limits);
        }
    }
}

/// The smallest number of the range for which `fails`, taken to be true from some number on; it is at `most`.
fn smallest(mut least: usize, mut most: usize, fails: impl Fn(usize) -> bool) -> usize {
    while least < most {
        let middle = least.midpoint(most);
        if fails(middle) {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    most
}
