//! The checker: compares what the clients were told with what the store holds. Knows nothing of how the nodes
//! work; it has the journal, a single-threaded model (the pure event itself), and the clients' log.
//!
//! `engine::verify` compares journal and tables; here the answers are held against the journal.

mod answers;
mod effects;
pub mod history;
mod order;
mod seats;
mod story;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use engine::{EventId, EventTables, JournalRow, ReservationStatus, Timestamp};

use crate::history::{Call, SeatMap};
use story::Story;

/// What the store holds about one event.
#[derive(Debug, Clone)]
pub struct EventRecord {
    /// Its tables.
    pub tables: EventTables,
    /// Its whole journal.
    pub journal: Vec<JournalRow>,
    /// What each node shows of its seats, after all else.
    pub seat_maps: Vec<SeatMap>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In which event.
    pub event_id: EventId,
    /// Which rule it breaks.
    pub rule: Rule,
    /// What was found.
    pub text: String,
}

/// The rules that a run is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An invariant of `ARCHITECTURE.md`, by its number.
    Invariant(u8),
    /// The journal, played through the model, gives each answer that a client got.
    Answers,
    /// What was answered before a request was sent is decided before it.
    RealTime,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::Invariant(number) => write!(f, "invariant {number}")?,
            Rule::Answers => f.write_str("answers")?,
            Rule::RealTime => f.write_str("real-time order")?,
        }
        write!(f, ": event {}: {}", self.event_id, self.text)
    }
}

/// What a run is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Tolerances {
    /// How late a hold may end: the tick of an owner, the sweep of an event without one, and a slow machine.
    pub expiry: Duration,
    /// How old what readers see of an event may be. Decisions and reservations may not be old at all.
    pub view: Duration,
}

/// Checks the whole run. `now` is the latest time that any node's clock shows, after the run has settled.
pub fn check(
    calls: &[Call],
    events: &[EventRecord],
    now: Timestamp,
    tolerances: &Tolerances,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    for event in events {
        findings.event_id = Some(event.tables.event.info.id);
        check_event(calls, event, now, tolerances, &mut findings);
    }
    findings.list
}

fn check_event(
    calls: &[Call],
    event: &EventRecord,
    now: Timestamp,
    tolerances: &Tolerances,
    findings: &mut Findings,
) {
    let id = event.tables.event.info.id;
    let calls: Vec<&Call> = calls.iter().filter(|call| call.ask.event_id() == id).collect();
    let story = Story::of(event, &calls, findings);
    answers::check(&calls, &story, findings);
    effects::check(&calls, &story, findings);
    order::check(&calls, &story, tolerances.view, findings);
    seats::check(event, findings);
    check_ended(event, now, tolerances.expiry, findings);
}

/// Every hold ends.
fn check_ended(event: &EventRecord, now: Timestamp, slack: Duration, findings: &mut Findings) {
    let pending = |status| status == ReservationStatus::Pending;
    for reservation in event.tables.reservations.iter().filter(|reservation| pending(reservation.status)) {
        if now.since(reservation.expires_at) > slack {
            let (id, expires_at) = (reservation.id, reservation.expires_at);
            findings.add(Rule::Invariant(7), format!("hold {id} ran out at {expires_at} and is still there"));
        }
    }
}

/// Collects findings, of one event at a time.
#[derive(Default)]
struct Findings {
    event_id: Option<EventId>,
    list: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, rule: Rule, text: String) {
        if let Some(event_id) = self.event_id {
            self.list.push(Finding { event_id, rule, text });
        }
    }
}
