//! What a run says in the end: a table, and the same as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::stats::{Operation, Summary};

/// The result of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) summary: Summary,
    /// What this scenario found out besides, in order.
    pub(crate) facts: Vec<Fact>,
    pub(crate) checks: Vec<Check>,
    pub(crate) curve: Curve,
}

#[derive(Debug, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
}

/// Something that must hold. One that does not makes the exit status non-zero.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) passed: bool,
    pub(crate) detail: String,
}

/// Throughput and latency over something, mostly time. This is what the plot shows.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) over: &'static str,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Point {
    pub(crate) at: f64,
    pub(crate) done_per_s: f64,
    pub(crate) refused_per_s: f64,
    pub(crate) failed_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Report {
    /// With the curve over time.
    pub(crate) fn new(scenario: &'static str, summary: Summary) -> Self {
        let points = summary.seconds.iter().map(|second| Point {
            at: second.second as f64,
            done_per_s: second.done as f64,
            refused_per_s: second.refused as f64,
            failed_per_s: second.failed as f64,
            p50_ms: second.p50_ms,
            p99_ms: second.p99_ms,
        });
        let curve = Curve { over: "time, s", points: points.collect() };
        Self { scenario, summary, facts: Vec::new(), checks: Vec::new(), curve }
    }

    pub(crate) fn fact(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts.push(Fact { name, value: value.into() });
    }

    pub(crate) fn check(&mut self, name: &'static str, passed: bool, detail: impl Into<String>) {
        self.checks.push(Check { name, passed, detail: detail.into() });
    }

    /// Nothing was done at all, or too much of it failed to call it measured.
    pub(crate) fn check_some_done(&mut self) {
        let all = &self.summary.all;
        self.check("something was done", all.done > 0, format!("{} done, {} failed", all.done, all.failed));
    }

    /// For scenarios in which nothing can go wrong by the rules.
    pub(crate) fn check_no_failures(&mut self) {
        let failed = self.summary.all.failed;
        self.check("no request failed", failed == 0, format!("{failed} failed"));
    }

    pub(crate) fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<22}{:>10}{:>10}{:>9}{:>11}{:>10}{:>10}{:>10}{:>10}{:>10}",
            self.scenario,
            "done",
            "refused",
            "failed",
            "done/s",
            "p50 ms",
            "p90 ms",
            "p95 ms",
            "p99 ms",
            "max ms"
        );
        for operation in &self.summary.operations {
            write_operation(&mut text, operation);
        }
        if self.summary.operations.len() > 1 {
            write_operation(&mut text, &self.summary.all);
        }
        let _ = writeln!(text, "{:<31} {:>10.1}", "duration, s", self.summary.duration_s);
        for fact in &self.facts {
            let _ = writeln!(text, "{}", fact_line(fact));
        }
        for (kind, count) in &self.summary.failures {
            let _ = writeln!(text, "failed with {kind}: {count}");
        }
        for check in &self.checks {
            let mark = if check.passed { "ok    " } else { "BROKEN" };
            let _ = writeln!(text, "{mark} {}: {}", check.name, check.detail);
        }
        text
    }
}

fn write_operation(text: &mut String, operation: &Operation) {
    let Operation { name, done, refused, failed, done_per_s, p50_ms, p90_ms, p95_ms, p99_ms, max_ms } =
        operation;
    let _ = writeln!(
        text,
        "{name:<22}{done:>10}{refused:>10}{failed:>9}{done_per_s:>11.0}\
         {p50_ms:>10.2}{p90_ms:>10.2}{p95_ms:>10.2}{p99_ms:>10.2}{max_ms:>10.2}"
    );
}

fn fact_line(fact: &Fact) -> String {
    let value = match &fact.value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    };
    format!("{:<31} {value:>10}", fact.name)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::stats::{Outcome, Recorder};

    #[test]
    fn a_broken_check_is_seen_in_text_and_verdict() {
        let recorder = Recorder::new(Instant::now());
        recorder.note("reserve", Instant::now(), Outcome::Failed("503 overloaded".to_owned()));
        let mut report = Report::new("hot", recorder.summary());
        report.fact("reservations/s", 12.345);
        assert!(report.passed());
        report.check_some_done();
        assert!(!report.passed());
        let text = report.to_text();
        for expected in ["BROKEN something was done", "failed with 503 overloaded: 1", "12.35"] {
            assert!(text.contains(expected), "no {expected:?} in:\n{text}");
        }
    }
}
