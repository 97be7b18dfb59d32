//! The check of a whole store against the invariants, from the journal up. Reads only, and can run beside
//! a live engine: each event is checked as of the version that its tables had when they were read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::event::Event;
use crate::ports::{EventTables, Store, StoreFault};
use crate::words::{EventId, JournalRow, Reservation, ReservationId, SeatNo, Timestamp};

/// How many rows are read at a time.
const PAGE: u32 = 1_000;

/// What was checked, and what was found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// How many events.
    pub events: u64,
    /// How many batches of their journals.
    pub batches: u64,
    /// How many changes in those.
    pub changes: u64,
    /// How many reservations in the tables.
    pub reservations: u64,
    /// How many claims in the tables.
    pub claims: u64,
    /// What is wrong; empty if all is well.
    pub violations: Vec<Violation>,
}

/// A fact that breaks an invariant of `ARCHITECTURE.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// In which event.
    pub event_id: EventId,
    /// The number of the invariant: 1, 4, 5 or 8.
    pub invariant: u8,
    /// What is wrong.
    pub finding: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: invariant {}: {}", self.event_id, self.invariant, self.finding)
    }
}

/// Checks every event of a store:
///
/// - 1: a seat has at most one holder, and claims and live reservations agree;
/// - 4: the journal is gapless, its epochs and times never go down;
/// - 5: the journal replayed gives the tables;
/// - 8: a reservation's total is the sum of its seats' prices.
pub async fn verify(store: &dyn Store) -> Result<VerifyReport, StoreFault> {
    let mut report = VerifyReport::default();
    let mut after = None;
    loop {
        let ids = store.event_ids(after, PAGE).await?;
        let Some(&last) = ids.last() else { return Ok(report) };
        for id in ids {
            if let Some(tables) = store.tables(id).await? {
                verify_event(store, &tables, &mut report).await?;
            }
        }
        after = Some(last);
    }
}

async fn verify_event(
    store: &dyn Store,
    tables: &EventTables,
    report: &mut VerifyReport,
) -> Result<(), StoreFault> {
    let mut check = EventCheck::new(tables, report);
    let mut seq = 0;
    while seq < tables.event.version {
        let rows = store.journal(tables.event.info.id, seq, PAGE).await?;
        let Some(last) = rows.last() else { break };
        seq = last.seq;
        for row in rows.iter().filter(|row| row.seq <= tables.event.version) {
            if !check.replay(row) {
                return Ok(());
            }
        }
    }
    check.compare();
    Ok(())
}

/// The check of one event.
struct EventCheck<'a> {
    tables: &'a EventTables,
    report: &'a mut VerifyReport,
    replayed: Event,
    /// Every reservation that the journal knows, as it left it.
    rows: BTreeMap<ReservationId, Reservation>,
    last: Option<JournalRow>,
}

impl<'a> EventCheck<'a> {
    fn new(tables: &'a EventTables, report: &'a mut VerifyReport) -> Self {
        report.events += 1;
        report.reservations += tables.reservations.len() as u64;
        report.claims += tables.claims.len() as u64;
        let replayed = Event::new(tables.event.info.clone());
        Self { tables, report, replayed, rows: BTreeMap::new(), last: None }
    }

    fn violation(&mut self, invariant: u8, finding: impl fmt::Display) {
        let event_id = self.tables.event.info.id;
        self.report.violations.push(Violation { event_id, invariant, finding: finding.to_string() });
    }

    /// Takes the next row of the journal; `false` if nothing after it can be judged.
    fn replay(&mut self, row: &JournalRow) -> bool {
        self.report.batches += 1;
        self.report.changes += row.changes.len() as u64;
        if let Some(last) = self.last.take() {
            if row.epoch < last.epoch {
                self.violation(4, format!("batch {} has epoch {}, after {}", row.seq, row.epoch, last.epoch));
            }
            if row.ordered_at <= last.ordered_at {
                self.violation(4, format!("batch {} is not ordered after batch {}", row.seq, last.seq));
            }
        }
        self.last = Some(row.clone());
        match self.replayed.replay(row) {
            Ok(rows) => {
                self.rows.extend(rows.into_iter().map(|row| (row.id, (*row).clone())));
                true
            }
            Err(error) => {
                self.violation(error.invariant(), error);
                false
            }
        }
    }

    fn compare(&mut self) {
        self.compare_event();
        self.compare_reservations();
        self.compare_claims();
    }

    fn compare_event(&mut self) {
        let (event, replayed) = (&self.tables.event, &self.replayed);
        let (version, counts, deleted) = (event.version, event.counts, event.deleted);
        let found = (replayed.version(), replayed.counts(), replayed.is_deleted());
        let epoch = event.epoch;
        if version != found.0 {
            self.violation(4, format!("the event has version {version}, its journal ends at {}", found.0));
        }
        if self.last.as_ref().is_some_and(|last| last.epoch > epoch) {
            self.violation(4, format!("the event has epoch {epoch}, its journal a later one"));
        }
        if counts != found.1 {
            let [counts, found] = [counts, found.1]
                .map(|counts| format!("{} reserved and {} confirmed", counts.reserved, counts.confirmed));
            self.violation(5, format!("the event counts {counts} seats, its journal gives {found}"));
        }
        if deleted != found.2 {
            self.violation(5, format!("the event says deleted={deleted}, its journal {}", found.2));
        }
    }

    fn compare_reservations(&mut self) {
        for row in &self.tables.reservations {
            match self.rows.remove(&row.id) {
                None => self.violation(5, format!("reservation {} is in no batch of the journal", row.id)),
                Some(expected) if expected != *row => {
                    self.violation(5, format!("reservation {}: {}", row.id, differences(row, &expected)));
                }
                Some(_) => {}
            }
            let prices_minor = self.tables.event.info.seating.total_minor(&row.seats, row.ticket_types());
            if prices_minor != Some(row.total_minor) {
                let prices =
                    prices_minor.map_or_else(|| "are not for sale".to_owned(), |sum| format!("cost {sum}"));
                let finding =
                    format!("reservation {} totals {}, its seats {prices}", row.id, row.total_minor);
                self.violation(8, finding);
            }
        }
        for id in std::mem::take(&mut self.rows).into_keys() {
            self.violation(5, format!("reservation {id} of the journal is not in the tables"));
        }
    }

    /// Claims and live reservations must be two views of one fact.
    fn compare_claims(&mut self) {
        let mut claims: BTreeSet<(SeatNo, ReservationId)> = BTreeSet::new();
        for &(seat_no, id) in &self.tables.claims {
            claims.insert((seat_no, id));
        }
        let mut holders: BTreeMap<SeatNo, ReservationId> = BTreeMap::new();
        for row in self.tables.reservations.iter().filter(|row| row.status.is_live()) {
            for &seat_no in &row.seats {
                if let Some(other) = holders.insert(seat_no, row.id) {
                    self.violation(1, format!("seat {seat_no} is held by {} and by {other}", row.id));
                }
                if !claims.remove(&(seat_no, row.id)) {
                    self.violation(1, format!("seat {seat_no} of live reservation {} has no claim", row.id));
                }
            }
        }
        for (seat_no, id) in claims {
            self.violation(
                1,
                format!("seat {seat_no} is claimed by {id}, which is not live: the seat leaked"),
            );
        }
    }
}

/// What differs between a row and what the journal makes of it, field by field, in words. Not the idempotency
/// key itself, which is the caller's.
fn differences(row: &Reservation, expected: &Reservation) -> String {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "absent".to_owned(), |time| time.to_string());
    let pairs = |of: fn(&Reservation) -> String| (of(row), of(expected));
    let fields = [
        ("user_id", pairs(|row| row.user_id.to_string())),
        ("seats", pairs(|row| format!("{:?}", row.seats))),
        ("status", pairs(|row| format!("{:?}", row.status).to_lowercase())),
        ("total_minor", pairs(|row| row.total_minor.to_string())),
        ("created_at", pairs(|row| row.created_at.to_string())),
        ("expires_at", pairs(|row| row.expires_at.to_string())),
        ("updated_at", pairs(|row| row.updated_at.to_string())),
        ("confirmed_at", (time(row.confirmed_at), time(expected.confirmed_at))),
        ("cancelled_at", (time(row.cancelled_at), time(expected.cancelled_at))),
        ("seq", pairs(|row| row.seq.to_string())),
    ];
    let differing = fields.into_iter().filter(|(_, (is, gives))| is != gives);
    let mut found: Vec<_> =
        differing.map(|(name, (is, gives))| format!("{name} is {is}, the journal gives {gives}")).collect();
    if row.idempotency_key != expected.idempotency_key {
        found.push("idempotency_key is another one than in the journal".to_owned());
    }
    found.join("; ")
}
