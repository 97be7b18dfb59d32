//! A short chaos run, and the proof that its checker notices. `make chaos` is the long one.
//!
//! Needs Postgres and Redis as programs: the run starts its own, since it has to kill them. The server is
//! built here, with the feature `chaos`, into the target folder that this test was built into.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chaos::cluster::{Cluster, ClusterOptions};
use chaos::fault::Fault;
use chaos::proof::prove_checker;
use chaos::run::{Plan, Verdict, run};
use tempfile::TempDir;

const SEED: u64 = 20_260_117;

/// One test at a time: each needs the processors for itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_run_holds() {
    let _turn = TURN.lock().await;
    let (_folder, options) = options();
    let cluster = Cluster::start(&options).await.unwrap();
    // All but those that restart every node: they take long.
    let quick = |fault: &Fault| !matches!(fault, Fault::ClocksApart | Fault::RollingRestart);
    let faults = Fault::all().iter().copied().filter(quick).collect();
    let report = run(&cluster, &Plan::Mixed(faults), Duration::from_secs(15), SEED).await.unwrap();
    if let Verdict::Fail(findings) = &report.verdict {
        findings.iter().for_each(|finding| println!("- {finding}"));
    }
    assert!(report.verdict == Verdict::Pass, "seed {SEED}; {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_epoch_check_the_checker_finds_broken_invariants_within_a_minute() {
    let _turn = TURN.lock().await;
    let (_folder, options) = options();
    let proof = prove_checker(&options, SEED).await.unwrap();
    let proof = proof.expect("without the epoch check invariants break");
    assert!(!proof.findings.is_empty());
}

/// The server is copied, since another build may replace it meanwhile.
fn options() -> (TempDir, ClusterOptions) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let program = folder.path().join("holdfast");
    std::fs::copy(server(), &program).expect("the server can be copied");
    (folder, ClusterOptions { program, nodes: 3, unfenced: false })
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
