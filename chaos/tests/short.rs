//! A short chaos run, and the proof that its checker notices. `make chaos` is the long one.
//!
//! Needs Postgres and Redis as programs: the run starts its own, since it has to kill them. The server is built
//! here, with the feature `chaos`, into the target folder that this test was built into.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chaos::cluster::{Cluster, ClusterOptions};
use chaos::fault::Fault;
use chaos::proof::prove_checker;
use chaos::run::{Plan, Verdict, run};

const SEED: u64 = 20_260_117;

/// One after the other: both need the processors for themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_run_holds_and_the_checker_notices_a_missing_fence() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("holdfast");
    // Another build may replace the original meanwhile.
    std::fs::copy(server(), &program).unwrap();
    let options = ClusterOptions { program, nodes: 3, unfenced: false };

    let cluster = Cluster::start(&options).await.unwrap();
    // All but those that restart every node: they take long.
    let quick = |fault: &Fault| !matches!(fault, Fault::ClocksApart | Fault::RollingRestart);
    let faults = Fault::all().iter().copied().filter(quick).collect();
    let report = run(&cluster, &Plan::Mixed(faults), Duration::from_secs(15), SEED).await.unwrap();
    assert_eq!(report.verdict, Verdict::Pass, "seed {SEED}; {report}");
    drop(cluster);

    let proof = prove_checker(&options, SEED).await.unwrap();
    let proof = proof.expect("without the epoch check, the checker finds something within a minute");
    assert!(proof.after < Duration::from_secs(60));
}

fn server() -> PathBuf {
    // …/target/debug/deps/short-0123456789abcdef
    let own = std::env::current_exe().expect("this test is a program");
    let target = own.ancestors().nth(3).expect("cargo builds tests three folders deep");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--package", "holdfast", "--features", "chaos", "--target-dir"])
        .arg(target)
        .current_dir(workspace)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the server cannot be built");
    target.join("debug/holdfast")
}
