//! The figures as a table, and the bars that they are held against.

use std::fmt::Write as _;

use serde::Serialize;

use crate::contestant::Contestant;
use crate::machine::Machine;
use crate::server::Figures;

/// All that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) seconds: f64,
    pub(crate) entries: Vec<Entry>,
    /// What was tried to find each one's best number of connections.
    pub(crate) trials: Vec<Trial>,
    pub(crate) bars: Vec<Bar>,
}

/// One row: a server under one number of connections.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) contestant: Contestant,
    pub(crate) connections: u32,
    pub(crate) pool_size: u32,
    /// Not at its own best number of connections, but at that of the first peer.
    pub(crate) at_peers_best: bool,
    /// One a round.
    pub(crate) rounds: Vec<Figures>,
}

/// A short run.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Trial {
    pub(crate) contestant: Contestant,
    pub(crate) connections: u32,
    pub(crate) pool_size: u32,
    pub(crate) figures: Figures,
}

/// Something to reach.
#[derive(Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) name: &'static str,
    pub(crate) wanted: String,
    pub(crate) measured: String,
    pub(crate) met: bool,
}

/// (who, divided by whom, at least)
const RATIOS: [(&str, Contestant, Contestant, f64); 4] = [
    ("Holdfast on Postgres ÷ optimistic lock", Contestant::HoldfastPostgres, Contestant::Optimistic, 15.0),
    ("Holdfast on Postgres ÷ Redis lock", Contestant::HoldfastPostgres, Contestant::RedisLock, 45.0),
    ("Holdfast on Postgres ÷ writing nowhere", Contestant::HoldfastPostgres, Contestant::Nowhere, 0.7),
    ("Holdfast on SQLite ÷ optimistic lock", Contestant::HoldfastSqlite, Contestant::Optimistic, 8.0),
];

impl Report {
    /// Holds the figures against the bars; those of contestants that were left out are left out too.
    pub(crate) fn judge(&mut self) {
        for (name, above, below, least) in RATIOS {
            let (Some(above), Some(below)) = (self.best(above), self.best(below)) else { continue };
            let ratio = above.median(per_s) / below.median(per_s);
            let pairs = above.rounds.iter().zip(&below.rounds);
            let by_round = Spread::of(pairs.map(|(above, below)| above.per_s / below.per_s));
            self.bars.push(Bar {
                name,
                wanted: format!("at least {least}"),
                measured: format!("{ratio:.2} (rounds: {:.2}–{:.2})", by_round.min, by_round.max),
                met: ratio >= least,
            });
        }
        let holdfast = self.entries.iter().find(|entry| entry.at_peers_best);
        let holdfast = holdfast.or_else(|| self.best(Contestant::HoldfastPostgres));
        if let (Some(holdfast), Some(peer)) = (holdfast, self.best(Contestant::Optimistic)) {
            let (p99_ms, p50_ms) = (holdfast.median(|run| run.p99_ms), peer.median(|run| run.p50_ms));
            self.bars.push(Bar {
                name: "p99 of Holdfast on Postgres, at the best number of connections of the optimistic lock",
                wanted: format!("below its p50, {p50_ms:.1} ms"),
                measured: format!("{p99_ms:.1} ms"),
                met: p99_ms < p50_ms,
            });
        }
    }

    fn best(&self, contestant: Contestant) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.contestant == contestant && !entry.at_peers_best)
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| | connections | reservations/s (min–max) | ÷ first | p50 ms | p99 ms |");
        let _ = writeln!(text, "|---|---:|---:|---:|---:|---:|");
        let first = self.entries.first().map_or(0.0, |entry| entry.median(per_s));
        for entry in &self.entries {
            let spread = Spread::of(entry.rounds.iter().map(|run| run.per_s));
            let _ = writeln!(
                text,
                "| {} | {} | {:.0} ({:.0}–{:.0}) | {:.2} | {:.1} | {:.1} |",
                entry.name(),
                entry.connections,
                spread.median,
                spread.min,
                spread.max,
                spread.median / first,
                entry.median(|run| run.p50_ms),
                entry.median(|run| run.p99_ms),
            );
        }
        let _ = writeln!(text, "\n| bar | wanted | measured | |\n|---|---|---|---|");
        for Bar { name, wanted, measured, met } in &self.bars {
            let verdict = if *met { "met" } else { "not met" };
            let _ = writeln!(text, "| {name} | {wanted} | {measured} | {verdict} |");
        }
        let rounds = self.entries.iter().map(|entry| entry.rounds.len()).max().unwrap_or_default();
        let Machine { processors, processor, kernel, postgres, disk_sync_us } = &self.machine;
        let _ = writeln!(
            text,
            "\nMedians of {rounds} interleaved rounds of {} s, two seats a reservation, load generator and databases on the \
             same machine: {processors} processors ({processor}), Linux {kernel}, Postgres {postgres}, everything \
             durable; 8 kB and fdatasync take {disk_sync_us} µs (median).",
            self.seconds,
        );
        text
    }
}

impl Entry {
    fn name(&self) -> String {
        let name = self.contestant.name();
        if self.at_peers_best { format!("{name}, at the first peer's connections") } else { name.to_owned() }
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        Spread::of(self.rounds.iter().map(figure)).median
    }
}

fn per_s(run: &Figures) -> f64 {
    run.per_s
}

struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    /// Of no number: zeros.
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let median =
            if sorted.len() % 2 == 1 { at(middle) } else { (at(middle.max(1) - 1) + at(middle)) / 2.0 };
        Self { min: at(0), median, max: at(sorted.len().max(1) - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(contestant: Contestant, rates: &[f64], p50_ms: f64, p99_ms: f64) -> Entry {
        let rounds = rates.iter().map(|&per_s| Figures { per_s, p50_ms, p99_ms, failed: 0 }).collect();
        Entry { contestant, connections: 64, pool_size: 32, at_peers_best: false, rounds }
    }

    #[test]
    fn bars_are_held_against_the_medians() {
        let machine = Machine {
            processors: 2,
            processor: String::new(),
            kernel: String::new(),
            postgres: String::new(),
            disk_sync_us: 1,
        };
        let entries = vec![
            entry(Contestant::Optimistic, &[900.0, 1_000.0, 5_000.0], 20.0, 40.0),
            entry(Contestant::HoldfastPostgres, &[15_000.0, 30_000.0, 1_000.0], 5.0, 20.0),
            entry(Contestant::Nowhere, &[20_000.0, 22_000.0], 5.0, 10.0),
        ];
        let mut report = Report { machine, seconds: 6.0, entries, trials: Vec::new(), bars: Vec::new() };
        report.judge();
        let verdicts: Vec<_> = report.bars.iter().map(|bar| (bar.measured.as_str(), bar.met)).collect();
        assert_eq!(
            verdicts,
            [("15.00 (rounds: 0.20–30.00)", true), ("0.71 (rounds: 0.75–1.36)", true), ("20.0 ms", false),]
        );
        let text = report.markdown();
        assert!(text.contains("| 15000 (1000–30000) | 15.00 | 5.0 | 20.0 |"), "{text}");
    }
}
