//! The journal, played through a single-threaded model: what happened to each reservation, and which
//! rejections the states on the way explain.

use std::collections::HashMap;
use std::time::Duration;

use engine::{
    Caller, Change, Command, ConflictReason, Event, EventPatch, JournalRow, Rejection, RequestHash,
    ReservationId, ReservationStatus, SeatCounts, SeatNo, SeatStatus, Timestamp, UserId, Wish,
};

use super::{EventRecord, Findings, Rule};
use crate::history::{Answer, Ask, Call};

/// What the journal tells.
#[derive(Default)]
pub(super) struct Story {
    /// How each reservation began.
    pub(super) made: HashMap<ReservationId, Made>,
    /// Each reservation as it was after each of its changes.
    pub(super) states: HashMap<ReservationId, Vec<State>>,
    /// Every reservation that was made with a key; more than one breaks invariant 6.
    pub(super) by_key: HashMap<(UserId, String), Vec<ReservationId>>,
    /// Every change with its batch, in order.
    pub(super) changes: Vec<(u64, Change)>,
    /// The counts and the status of each seat at each version, from version 0.
    pub(super) versions: Vec<(SeatCounts, Vec<SeatStatus>)>,
    /// Whether the event was deleted in the end.
    pub(super) is_deleted: bool,
    /// The epoch of each batch, from batch 1.
    pub(super) epochs: Vec<u64>,
    /// What was wished with a key.
    wishes: Wishes,
}

/// What was wished, by user, key and the hash of the wish.
type Wishes = HashMap<(UserId, String, u64), Wish>;

/// How a reservation began.
pub(super) struct Made {
    pub(super) seq: u64,
    pub(super) user_id: UserId,
    pub(super) seats: Vec<SeatNo>,
    pub(super) total_minor: i64,
    pub(super) key: Option<String>,
    pub(super) created_at: Timestamp,
}

/// A reservation after one of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) seq: u64,
    pub(super) status: ReservationStatus,
    pub(super) expires_at: Timestamp,
}

impl Story {
    /// Plays the journal. What the model would have done otherwise, and rejections that no state explains,
    /// are findings.
    pub(super) fn of(record: &EventRecord, calls: &[&Call], findings: &mut Findings) -> Self {
        let mut info = record.tables.event.info.clone();
        // The table has the last one: the journal's first change of it must be one.
        info.details.name.clear();
        // So has it the last allocations: an event begins with none, if the journal has any.
        if record
            .journal
            .iter()
            .flat_map(|row| &row.changes)
            .any(|change| matches!(change, Change::Allocated { .. }))
        {
            info.allocations.clear();
        }
        let mut event = Event::new(info);
        let row = &record.tables.event;
        let mut rejections = Rejections::of(calls, row.version, row.deleted, findings);
        let first = (event.counts(), event.seat_map().statuses);
        let mut story = Self { versions: vec![first], wishes: wishes_of(calls), ..Self::default() };
        rejections.explain(0, &event, &story);
        for row in &record.journal {
            if row.seq != story.versions.len() as u64 {
                let after = story.versions.len() - 1;
                findings.add(Rule::Invariant(4), format!("batch {} follows batch {after}", row.seq));
                break;
            }
            if let Err((rule, text)) = story.play(row, &mut event, &mut rejections) {
                // Past this point the model and the journal tell of different events.
                findings.add(rule, format!("batch {}: {text}", row.seq));
                return story;
            }
        }
        rejections.report(&story, findings);
        story
    }

    fn play(
        &mut self,
        row: &JournalRow,
        event: &mut Event,
        rejections: &mut Rejections<'_>,
    ) -> Result<(), (Rule, String)> {
        rejections.explain(row.seq, event, self);
        for change in &row.changes {
            step(event, change, row.decided_at, &self.wishes)?;
            self.note(change, row);
            rejections.explain(row.seq, event, self);
        }
        self.versions.push((event.counts(), event.seat_map().statuses));
        self.is_deleted = event.is_deleted();
        self.epochs.push(row.epoch);
        Ok(())
    }

    fn note(&mut self, change: &Change, row: &JournalRow) {
        self.changes.push((row.seq, change.clone()));
        match change {
            Change::Reserved { id, user_id, seats, total_minor, expires_at, idempotency_key, terms: _ } => {
                if let Some(key) = idempotency_key {
                    self.by_key.entry((*user_id, key.clone())).or_default().push(*id);
                }
                self.made.insert(
                    *id,
                    Made {
                        seq: row.seq,
                        user_id: *user_id,
                        seats: seats.clone(),
                        total_minor: *total_minor,
                        key: idempotency_key.clone(),
                        created_at: row.decided_at,
                    },
                );
                self.enter(*id, row.seq, ReservationStatus::Pending, *expires_at);
            }
            Change::Confirmed { id } => self.end(*id, row.seq, ReservationStatus::Confirmed),
            Change::Cancelled { id } => self.end(*id, row.seq, ReservationStatus::Cancelled),
            Change::Expired { id } => self.end(*id, row.seq, ReservationStatus::Expired),
            Change::Extended { id, expires_at } => {
                self.enter(*id, row.seq, ReservationStatus::Pending, *expires_at);
            }
            Change::Amended { .. }
            | Change::Allocated { .. }
            | Change::SectionsAdded { .. }
            | Change::Deleted => {}
        }
    }

    fn end(&mut self, id: ReservationId, seq: u64, status: ReservationStatus) {
        if let Some(last) = self.last_state(id) {
            self.enter(id, seq, status, last.expires_at);
        }
    }

    fn enter(&mut self, id: ReservationId, seq: u64, status: ReservationStatus, expires_at: Timestamp) {
        self.states.entry(id).or_default().push(State { seq, status, expires_at });
    }

    fn last_state(&self, id: ReservationId) -> Option<State> {
        self.states.get(&id).and_then(|states| states.last()).copied()
    }
}

/// Lets the model decide the command that the change stands for: it must come to the very same change.
fn step(event: &mut Event, change: &Change, now: Timestamp, wishes: &Wishes) -> Result<(), (Rule, String)> {
    let command = match change {
        Change::Reserved { user_id, idempotency_key: Some(key), terms: Some(terms), .. } => {
            match wishes.get(&(*user_id, key.clone(), terms.request_hash.0)) {
                Some(wish) => reserve(*user_id, wish.clone(), key),
                None => return Err((Rule::Invariant(3), format!("{change:?}, which nobody asked for"))),
            }
        }
        Change::Reserved { user_id, seats, idempotency_key, .. } => {
            Command::reserve(*user_id, seats.clone(), idempotency_key.clone())
        }
        Change::Confirmed { id } => Command::Confirm(*id, Caller::Admin),
        Change::Cancelled { id } => Command::Cancel(*id, Caller::Admin),
        Change::Extended { id, .. } => Command::Extend(*id, Caller::Admin),
        Change::Expired { .. } => {
            let expired = event.expire_holds(now, 1);
            return match expired.first() {
                Some((expected, _)) if expected == change => Ok(()),
                other => Err((Rule::Answers, format!("{change:?}, the model lets {other:?} expire"))),
            };
        }
        Change::Allocated { allocations } => {
            Command::Allocate { allocations: allocations.clone(), if_version: None, instead_of: None }
        }
        Change::SectionsAdded { seating } => {
            Command::AddSections { to: event.info().seating.layout.id(), seating: seating.clone() }
        }
        Change::Amended { details } => {
            let patch = EventPatch { name: Some(details.name.clone()), ..EventPatch::default() };
            Command::Amend(patch)
        }
        Change::Deleted => Command::Delete,
    };
    match event.decide(&command, came_at(event, &command, now), now) {
        Ok((_, Some(expected))) if expected == *change => Ok(()),
        Ok((outcome, None)) => {
            Err((Rule::Invariant(6), format!("{change:?} is written again, the model answers {outcome:?}")))
        }
        Ok((_, expected)) => Err((Rule::Answers, format!("{change:?}, the model makes {expected:?}"))),
        Err(rejection @ Rejection::SeatUnavailable(_)) => {
            Err((Rule::Invariant(1), format!("{change:?}, the model says: {rejection}")))
        }
        Err(rejection) => Err((Rule::Invariant(5), format!("{change:?}, the model says: {rejection}"))),
    }
}

fn reserve(user_id: UserId, wish: Wish, key: &str) -> Command {
    Command::Reserve { user_id, wish, caller: Caller::User(user_id), idempotency_key: Some(key.to_owned()) }
}

fn wishes_of(calls: &[&Call]) -> Wishes {
    let wish = |call: &&Call| match &*call.ask {
        Ask::Wish { user_id, wish, key, .. } => {
            Some(((*user_id, key.clone(), RequestHash::of(wish).0), wish.clone()))
        }
        _ => None,
    };
    calls.iter().filter_map(wish).collect()
}

/// When the command may have come: at the latest at its decision, but where it needs a hold, in time.
fn came_at(event: &Event, command: &Command, now: Timestamp) -> Timestamp {
    let (Command::Confirm(id, _) | Command::Cancel(id, _) | Command::Extend(id, _)) = command else {
        return now;
    };
    let hold = event.reservation(*id).filter(|hold| hold.status == ReservationStatus::Pending);
    hold.map_or(now, |hold| now.min(hold.expires_at.minus(Duration::from_micros(1))))
}

/// Rejections that wait for a state that explains them, by the batch that they were decided against.
struct Rejections<'a> {
    waiting: HashMap<u64, Vec<&'a Call>>,
}

impl<'a> Rejections<'a> {
    fn of(calls: &[&'a Call], version: u64, is_deleted: bool, findings: &mut Findings) -> Self {
        let mut waiting: HashMap<u64, Vec<&Call>> = HashMap::new();
        for &call in calls {
            match &call.answer {
                Answer::Rejected { seq: Some(seq), .. } if *seq <= version => {
                    waiting.entry(*seq).or_default().push(call);
                }
                Answer::Rejected { seq: Some(seq), .. } => findings.add(
                    Rule::Invariant(2),
                    format!("{call} was decided against batch {seq}, the journal ends at {version}"),
                ),
                // An event that is not live any more has no batch to name: it is as its journal left it.
                Answer::Rejected { seq: None, .. } if is_deleted => {
                    waiting.entry(version).or_default().push(call);
                }
                Answer::Rejected { seq: None, .. } => {
                    findings.add(Rule::Answers, format!("{call} does not say against which batch"));
                }
                _ => {}
            }
        }
        Self { waiting }
    }

    fn explain(&mut self, seq: u64, event: &Event, story: &Story) {
        if let Some(calls) = self.waiting.get_mut(&seq) {
            calls.retain(|call| !explains(event, story, call));
        }
    }

    fn report(self, story: &Story, findings: &mut Findings) {
        for call in self.waiting.into_values().flatten() {
            let states = call.ask.reservation_id().and_then(|id| story.states.get(&id));
            let known = states.map(|states| format!("; the reservation was {states:?}")).unwrap_or_default();
            findings
                .add(Rule::Answers, format!("no state of its batch explains the rejection {call}{known}"));
        }
    }
}

/// Whether the state is one in which the rules refuse the call as they did.
fn explains(event: &Event, story: &Story, call: &Call) -> bool {
    let Answer::Rejected { code, conflicts, .. } = &call.answer else { return false };
    match &*call.ask {
        Ask::Reserve { user_id, seats, key, .. } => {
            match story.by_key.get(&(*user_id, key.clone())).and_then(|ids| ids.first()) {
                Some(id) => code == "idempotency_key_reused" && !same_seats(&story.made[id].seats, seats),
                None if event.is_deleted() => code == "event_not_found",
                None if code == "seat_unavailable" => {
                    *conflicts == conflicts_of(event, story, *user_id, seats)
                }
                None => is_refused(event, *user_id, Wish::seats(seats.clone()), key, code),
            }
        }
        Ask::Wish { user_id, wish, key, .. } => is_refused(event, *user_id, wish.clone(), key, code),
        Ask::Allocate(..) => event.is_deleted() && code == "event_not_found",
        Ask::Confirm(id) | Ask::Cancel(id) | Ask::Extend(id) => {
            let is_cancel = matches!(&*call.ask, Ask::Cancel(_));
            let is_extend = matches!(&*call.ask, Ask::Extend(_));
            match story.last_state(*id) {
                None => code == "reservation_not_found",
                Some(State { status: ReservationStatus::Expired, .. }) => code == "reservation_expired",
                Some(State { status: ReservationStatus::Cancelled, .. }) => {
                    code == "reservation_cancelled" && !is_cancel
                }
                Some(State { status: ReservationStatus::Confirmed, .. }) => {
                    code == "hold_limit_reached" && is_extend
                }
                Some(State { status: ReservationStatus::Pending, expires_at, .. }) => {
                    let max_hold_s = event.info().details.max_hold_s;
                    let last_end = story.made.get(id).map(|made| made.created_at.plus_s(max_hold_s));
                    code == "hold_limit_reached" && is_extend && last_end.is_some_and(|end| expires_at >= end)
                }
            }
        }
        _ if event.is_deleted() => code == "event_not_found",
        Ask::Delete(_) => code == "event_in_use",
        Ask::Read(_) | Ask::View(_) | Ask::Map(_) | Ask::Rename(..) => false,
    }
}

/// Whether the rules refuse this wish with this code. They leave an event as it is then.
fn is_refused(event: &Event, user_id: UserId, wish: Wish, key: &str, code: &str) -> bool {
    let refused = event.clone().apply(&reserve(user_id, wish, key), event.info().created_at).err();
    refused.is_some_and(|rejection| {
        let expected = match rejection {
            Rejection::EventNotFound => "event_not_found",
            Rejection::SeatNotFound(_) => "seat_not_found",
            Rejection::SeatUnavailable(_) => "seat_unavailable",
            Rejection::SoldTogether(_) => "sold_together",
            Rejection::LeavesSingleSeat(_) => "leaves_single_seat",
            Rejection::NoBlockFree => "no_block_free",
            Rejection::SoldOut { .. } => "sold_out",
            Rejection::IdempotencyKeyReused => "idempotency_key_reused",
            _ => return false,
        };
        expected == code
    })
}

fn same_seats(some: &[SeatNo], others: &[SeatNo]) -> bool {
    let sorted = |seats: &[SeatNo]| {
        let mut seats = seats.to_vec();
        seats.sort_unstable();
        seats
    };
    sorted(some) == sorted(others)
}

/// What a user hears of the seats that have a holder: which reservation it is only of its own.
fn conflicts_of(
    event: &Event,
    story: &Story,
    user_id: UserId,
    seats: &[SeatNo],
) -> Vec<(SeatNo, ConflictReason)> {
    let conflict = |&seat_no: &SeatNo| {
        let Some(holder) = event.holder(seat_no) else {
            let is_set_aside = event.seat_status(seat_no) == Some(SeatStatus::NotForSale);
            return is_set_aside.then_some((seat_no, ConflictReason::NotForSale));
        };
        let is_own = story.made.get(&holder).is_some_and(|made| made.user_id == user_id);
        let reason = match event.seat_status(seat_no)? {
            _ if is_own => ConflictReason::Yours(holder),
            SeatStatus::Confirmed => ConflictReason::Confirmed,
            SeatStatus::Reserved | SeatStatus::Available => ConflictReason::Reserved,
            SeatStatus::NotForSale => ConflictReason::NotForSale,
        };
        Some((seat_no, reason))
    };
    seats.iter().filter_map(conflict).collect()
}
