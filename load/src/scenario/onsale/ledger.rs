//! What the crowd was told, and whether all of it can be true together.

use std::collections::HashMap;
use std::time::Instant;

use crate::report::Report;

/// Every answer of an on-sale.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) sales: Vec<Sale>,
    pub(super) refusals: Vec<Refusal>,
    /// Seats in requests that got no usable answer: sold or not, nobody knows.
    pub(super) unknown_seats: u64,
}

/// An acknowledged reservation.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) seats: Vec<u32>,
    pub(super) seq: u64,
    pub(super) sent: Instant,
    pub(super) received: Instant,
}

/// Seats that were said to be taken, as of the journal's `seq`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) seats: Vec<u32>,
    pub(super) seq: Option<u64>,
}

impl Ledger {
    /// Reservations a second, until the last one.
    pub(super) fn rate_since(&self, start: Instant) -> f64 {
        self.last_sale().map_or(0.0, |last| self.sales.len() as f64 / (last - start).as_secs_f64())
    }

    pub(super) fn last_sale(&self) -> Option<Instant> {
        self.sales.iter().map(|sale| sale.received).max()
    }

    /// `held` is what the server counts as reserved or confirmed.
    pub(super) fn check(&self, report: &mut Report, seat_ids: &[String], held: u64) {
        let twice = self.sold_twice();
        let examples: Vec<&str> =
            twice.iter().take(3).map(|&seat| seat_ids[seat as usize].as_str()).collect();
        report.check(
            "no seat was sold twice",
            twice.is_empty(),
            format!("{} seats were acknowledged twice {}", twice.len(), examples.join(" ")),
        );
        let acknowledged: u64 = self.sales.iter().map(|sale| sale.seats.len() as u64).sum();
        report.check(
            "the sold count is exact",
            (acknowledged..=acknowledged + self.unknown_seats).contains(&held),
            format!(
                "{held} seats are held, {acknowledged} were acknowledged, {} not answered",
                self.unknown_seats
            ),
        );
        let inversions = self.inversions();
        report.check(
            "seq follows the order of decisions",
            inversions == 0,
            format!("{inversions} sales began after another was acknowledged, and have no higher seq"),
        );
        let early = self.refused_too_early();
        report.check(
            "no seat was refused before it was sold",
            early == 0,
            format!("{early} refusals were decided before the sale that took the seat"),
        );
    }

    fn sold_twice(&self) -> Vec<u32> {
        let mut times: HashMap<u32, u32> = HashMap::new();
        for seat in self.sales.iter().flat_map(|sale| &sale.seats) {
            *times.entry(*seat).or_default() += 1;
        }
        let mut twice: Vec<u32> =
            times.into_iter().filter(|(_, times)| *times > 1).map(|(seat, _)| seat).collect();
        twice.sort_unstable();
        twice
    }

    /// What was asked for after an acknowledgement was decided after it, so it must have the higher `seq`.
    fn inversions(&self) -> usize {
        let mut by_sent: Vec<&Sale> = self.sales.iter().collect();
        by_sent.sort_by_key(|sale| sale.sent);
        let mut by_received = by_sent.clone();
        by_received.sort_by_key(|sale| sale.received);
        let mut acknowledged = by_received.into_iter().peekable();
        let mut highest_seq = 0;
        let mut inversions = 0;
        for sale in by_sent {
            while let Some(earlier) = acknowledged.next_if(|earlier| earlier.received < sale.sent) {
                highest_seq = highest_seq.max(earlier.seq);
            }
            inversions += usize::from(sale.seq <= highest_seq);
        }
        inversions
    }

    fn refused_too_early(&self) -> usize {
        let sold_at: HashMap<u32, u64> =
            self.sales.iter().flat_map(|sale| sale.seats.iter().map(|&seat| (seat, sale.seq))).collect();
        let is_early = |refusal: &&Refusal| {
            let Some(seq) = refusal.seq else { return false };
            refusal.seats.iter().any(|seat| sold_at.get(seat).is_some_and(|&sold| sold > seq))
        };
        self.refusals.iter().filter(is_early).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sale(seats: &[u32], seq: u64, sent: Instant, ms: u64) -> Sale {
        Sale { seats: seats.to_vec(), seq, sent, received: sent + Duration::from_millis(ms) }
    }

    #[test]
    fn a_double_sale_is_found() {
        let now = Instant::now();
        let mut ledger = Ledger { sales: vec![sale(&[1, 2], 1, now, 1)], ..Ledger::default() };
        assert!(ledger.sold_twice().is_empty());
        ledger.sales.push(sale(&[2, 3], 1, now, 1));
        assert_eq!(ledger.sold_twice(), [2]);
    }

    #[test]
    fn seq_may_be_shared_only_by_calls_that_overlap() {
        let now = Instant::now();
        let later = now + Duration::from_millis(10);
        let inversions = |first: u64, first_ms, second: u64| {
            let sales = vec![sale(&[1], first, now, first_ms), sale(&[2], second, later, 5)];
            Ledger { sales, ..Ledger::default() }.inversions()
        };
        assert_eq!(inversions(1, 5, 2), 0);
        assert_eq!(inversions(1, 5, 1), 1, "a batch that was acknowledged is closed");
        assert_eq!(inversions(2, 5, 1), 1);
        assert_eq!(inversions(1, 50, 1), 0, "both were in flight");
        assert_eq!(inversions(2, 50, 1), 0, "both were in flight");
    }

    #[test]
    fn a_refusal_comes_with_or_after_the_sale() {
        let now = Instant::now();
        for (seq, early) in [(Some(4), 1), (Some(5), 0), (Some(6), 0), (None, 0)] {
            let ledger = Ledger {
                sales: vec![sale(&[1], 5, now, 1)],
                refusals: vec![Refusal { seats: vec![1], seq }],
                unknown_seats: 0,
            };
            assert_eq!(ledger.refused_too_early(), early, "refused at {seq:?}");
        }
    }
}
