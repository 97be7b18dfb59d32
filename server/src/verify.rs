//! `holdfast verify`: checks a database against the invariants, and says what it found.

use std::process::ExitCode;

use clap::Args;
use engine::VerifyReport;
use holdfast_http::config::DatabaseConfig;
use serde_json::json;

use crate::ports;
use crate::terminal::{Failure, hand_over, say};

/// How many violations are told one by one: whoever reads more than that wants them by machine.
const MOST_TOLD: usize = 20;

/// What `holdfast verify` takes.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    database: DatabaseConfig,
    /// Prints one JSON document, with every violation
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Checks, and ends with 1 where an invariant is broken.
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = ports::connect_existing(&self.database).await?;
        if !self.json {
            say(&format!(
                "checking {}: a seat has one holder (1), the journal is gapless (4) and gives the tables (5), \
                 totals add up (8)",
                self.database.shown()
            ));
        }
        let report = engine::verify(&*store).await.map_err(|error| Failure::Other(error.to_string()))?;
        store.close().await;
        hand_over(&if self.json { as_json(&report) } else { in_words(&report) })?;
        Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn in_words(report: &VerifyReport) -> String {
    let mut text = String::new();
    for violation in report.violations.iter().take(MOST_TOLD) {
        text += &format!("{violation}\n");
    }
    let untold = report.violations.len().saturating_sub(MOST_TOLD);
    if untold > 0 {
        text += &format!("… and {untold} more: --json lists all\n");
    }
    text + &format!(
        "{} violations in {} events, {} batches, {} changes, {} reservations, {} claims\n",
        report.violations.len(),
        report.events,
        report.batches,
        report.changes,
        report.reservations,
        report.claims,
    )
}

fn as_json(report: &VerifyReport) -> String {
    let violations: Vec<_> = report
        .violations
        .iter()
        .map(|violation| {
            json!({
                "event_id": violation.event_id.to_string(), "invariant": violation.invariant,
                "finding": violation.finding,
            })
        })
        .collect();
    let document = json!({
        "events": report.events, "batches": report.batches, "changes": report.changes,
        "reservations": report.reservations, "claims": report.claims, "violations": violations,
    });
    format!("{document:#}\n")
}
