//! Proves the checker: without the epoch check a run must fail, and soon.

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::{Cluster, ClusterOptions, SetupError};
use crate::fault::Fault;
use crate::run::{Plan, Report, Verdict, run};

/// What breaks an unfenced cluster soonest: two owners, and commits that come late.
const FAULTS: [Fault; 3] = [Fault::TwoOwners, Fault::OwnerPaused, Fault::LeaseExpiresDuringCommit];

/// The time in which the checker must notice.
const LIMIT: Duration = Duration::from_secs(60);

/// When and how a missing epoch check was noticed.
pub struct Proof {
    /// The run that failed, as it should.
    pub report: Report,
    /// What it found.
    pub findings: Vec<String>,
    /// How long it took from the first request on.
    pub after: Duration,
}

/// Runs nodes that leave out the epoch check until the checker notices. `None`: it did not, so it proves
/// nothing.
pub async fn prove_checker(options: &ClusterOptions, seed: u64) -> Result<Option<Proof>, SetupError> {
    let cluster = Cluster::start(&ClusterOptions { unfenced: true, ..options.clone() }).await?;
    let began = Instant::now();
    let seeds = (0..).map(|round| seed.wrapping_add(round));
    for (fault, seed) in FAULTS.into_iter().cycle().zip(seeds) {
        let report = run(&cluster, &Plan::Alone(fault), Duration::from_secs(6), seed).await?;
        let after = began.elapsed();
        if after > LIMIT {
            break;
        }
        if let Some(findings) = broken_invariants(&report.verdict) {
            return Ok(Some(Proof { findings, report, after }));
        }
    }
    Ok(None)
}

/// Broken invariants only: that a node does not come back, or a refusal that rests on an old state, is no
/// proof that the missing fence was noticed.
fn broken_invariants(verdict: &Verdict) -> Option<Vec<String>> {
    let Verdict::Fail(findings) = verdict else { return None };
    let findings: Vec<String> =
        findings.iter().filter(|finding| finding.starts_with("invariant ")).cloned().collect();
    if findings.is_empty() { None } else { Some(findings) }
}
