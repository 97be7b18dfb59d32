//! Every acknowledgement against the journal: it must be there, at the batch that the client was told.

use std::collections::HashMap;

use engine::{ReservationStatus, SeatStatus};

use super::story::{State, Story};
use super::{Findings, Rule};
use crate::history::{Answer, Ask, Call, Seen};

pub(super) fn check(calls: &[&Call], story: &Story, findings: &mut Findings) {
    for call in calls {
        match &call.answer {
            Answer::Done(seen) => {
                if let Err((rule, text)) = check_done(&call.ask, seen, story) {
                    findings.add(rule, format!("{text}: {call}"));
                }
            }
            Answer::Viewed { version, reserved, confirmed, statuses } => {
                check_view(call, *version, (*reserved, *confirmed), statuses.as_deref(), story, findings);
            }
            Answer::Odd(_) => findings.add(Rule::Answers, format!("an impossible answer: {call}")),
            Answer::Rejected { .. } | Answer::Administered | Answer::NotDone(_) | Answer::Nothing(_) => {}
        }
    }
    check_writers(calls, story, findings);
}

fn check_done(ask: &Ask, seen: &Seen, story: &Story) -> Result<(), (Rule, String)> {
    let Some(made) = story.made.get(&seen.id) else {
        return Err((Rule::Invariant(2), "acknowledged, but in no batch of the journal".to_owned()));
    };
    if (made.user_id, &made.seats, made.total_minor) != (seen.user_id, &seen.seats, seen.total_minor) {
        return Err((Rule::Answers, "the journal has another user, other seats or another total".to_owned()));
    }
    let shown = State { seq: seen.seq, status: seen.status, expires_at: seen.expires_at };
    let states = story.states.get(&seen.id).map(Vec::as_slice).unwrap_or_default();
    if !states.contains(&shown) {
        return Err((Rule::Invariant(2), format!("shown as {shown:?}, the journal has {states:?}")));
    }
    let is_what_was_asked = match ask {
        Ask::Reserve { user_id, seats, key, .. } => {
            let is_first = made.seq == seen.seq && seen.status == ReservationStatus::Pending;
            made.user_id == *user_id
                && made.seats == *seats
                && made.key.as_ref() == Some(key)
                && (is_first || seen.replayed)
        }
        Ask::Wish { user_id, key, .. } => {
            let is_first = made.seq == seen.seq && seen.status == ReservationStatus::Pending;
            made.user_id == *user_id && made.key.as_ref() == Some(key) && (is_first || seen.replayed)
        }
        Ask::Confirm(id) => seen.id == *id && seen.status == ReservationStatus::Confirmed,
        Ask::Cancel(id) => seen.id == *id && seen.status == ReservationStatus::Cancelled,
        Ask::Extend(id) => seen.id == *id && seen.status == ReservationStatus::Pending,
        Ask::Read(id) => seen.id == *id,
        Ask::View(_) | Ask::Map(_) | Ask::Allocate(..) | Ask::Rename(..) | Ask::Delete(_) => false,
    };
    if is_what_was_asked { Ok(()) } else { Err((Rule::Answers, "not what was asked".to_owned())) }
}

/// Counts and seats come from the memory of the owner, from what it published, or from the tables: the
/// journal gives them, too.
fn check_view(
    call: &Call,
    version: u64,
    counts: (u32, u32),
    statuses: Option<&[SeatStatus]>,
    story: &Story,
    findings: &mut Findings,
) {
    match story.versions.get(version as usize) {
        Some((expected, seats))
            if (expected.reserved, expected.confirmed) == counts
                && statuses.is_none_or(|statuses| statuses == seats.as_slice()) => {}
        expected => findings.add(Rule::Invariant(5), format!("the journal gives {expected:?} for {call}")),
    }
}

/// Each epoch has one writer, as the answers name it. Only a first reserve is surely decided by the node that
/// is named; other answers can show an older batch.
fn check_writers(calls: &[&Call], story: &Story, findings: &mut Findings) {
    let mut writers: HashMap<u64, &str> = HashMap::new();
    for call in calls {
        let (Ask::Reserve { .. } | Ask::Wish { .. }, Answer::Done(seen), Some(node)) =
            (&*call.ask, &call.answer, &call.decided_by)
        else {
            continue;
        };
        let Some(&epoch) = (seen.seq as usize).checked_sub(1).and_then(|index| story.epochs.get(index))
        else {
            continue;
        };
        if seen.replayed {
            continue;
        }
        let writer = writers.entry(epoch).or_insert(node);
        if writer != node {
            findings.add(Rule::Invariant(4), format!("{writer} and {node} both wrote in epoch {epoch}"));
        }
    }
}
