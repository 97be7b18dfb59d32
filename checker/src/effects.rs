//! Every effect against the requests: somebody asked for it, it was not refused to all that asked (nor were
//! all told that nothing was done), and it happened once.

use std::collections::{HashMap, HashSet};

use engine::{Change, ReservationId, SeatNo, UserId};

use super::story::Story;
use super::{Findings, Rule};
use crate::history::{Answer, Ask, Call};

pub(super) fn check(calls: &[&Call], story: &Story, findings: &mut Findings) {
    for ((user_id, key), ids) in &story.by_key {
        if ids.len() > 1 {
            findings.add(Rule::Invariant(6), format!("key {key} of user {user_id} made {ids:?}"));
        }
    }
    let asked: HashSet<Effect<'_>> =
        calls.iter().filter(|call| can_have_effect(call)).filter_map(|call| effect_of(&call.ask)).collect();
    for (seq, change) in &story.changes {
        if effect_of_change(change).is_some_and(|effect| !asked.contains(&effect)) {
            let text = format!("batch {seq}: {change:?} was refused to all who asked, or nobody asked");
            findings.add(Rule::Invariant(3), text);
        }
    }
    check_keys(calls, findings);
}

/// What a request can lead to, once.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Effect<'a> {
    Reserved(UserId, &'a str, &'a [SeatNo]),
    /// Which seats a wish gets, the model has decided.
    Wished(UserId, &'a str),
    Confirmed(ReservationId),
    Cancelled(ReservationId),
    /// Can happen repeatedly.
    Extended(ReservationId),
    /// Can happen repeatedly.
    Renamed(&'a str),
    Deleted,
}

pub(super) fn effect_of(ask: &Ask) -> Option<Effect<'_>> {
    match ask {
        Ask::Reserve { user_id, seats, key, .. } => Some(Effect::Reserved(*user_id, key, seats)),
        Ask::Wish { user_id, key, .. } => Some(Effect::Wished(*user_id, key)),
        Ask::Confirm(id) => Some(Effect::Confirmed(*id)),
        Ask::Cancel(id) => Some(Effect::Cancelled(*id)),
        Ask::Extend(id) => Some(Effect::Extended(*id)),
        Ask::Rename(_, name) => Some(Effect::Renamed(name)),
        Ask::Delete(_) => Some(Effect::Deleted),
        Ask::Allocate(..) | Ask::Read(_) | Ask::View(_) | Ask::Map(_) => None,
    }
}

/// `None`: nobody needs to ask for it, or the model has refused it already.
pub(super) fn effect_of_change(change: &Change) -> Option<Effect<'_>> {
    match change {
        Change::Reserved { user_id, idempotency_key, terms: Some(_), .. } => {
            Some(Effect::Wished(*user_id, idempotency_key.as_deref().unwrap_or_default()))
        }
        Change::Reserved { user_id, seats, idempotency_key, .. } => {
            Some(Effect::Reserved(*user_id, idempotency_key.as_deref().unwrap_or_default(), seats))
        }
        Change::Confirmed { id } => Some(Effect::Confirmed(*id)),
        Change::Cancelled { id } => Some(Effect::Cancelled(*id)),
        Change::Extended { id, .. } => Some(Effect::Extended(*id)),
        Change::Amended { details } => Some(Effect::Renamed(&details.name)),
        Change::Deleted => Some(Effect::Deleted),
        Change::Expired { .. } | Change::Allocated { .. } | Change::SectionsAdded { .. } => None,
    }
}

fn can_have_effect(call: &Call) -> bool {
    matches!(call.answer, Answer::Done(_) | Answer::Administered | Answer::Nothing(_))
}

/// The answers to one key agree on one reservation.
fn check_keys(calls: &[&Call], findings: &mut Findings) {
    let mut told: HashMap<(UserId, &str), ReservationId> = HashMap::new();
    for call in calls {
        if let (Ask::Reserve { user_id, key, .. } | Ask::Wish { user_id, key, .. }, Answer::Done(seen)) =
            (&*call.ask, &call.answer)
        {
            let first = *told.entry((*user_id, key)).or_insert(seen.id);
            if first != seen.id {
                findings.add(Rule::Invariant(6), format!("key {key} was answered {first}, then {}", seen.id));
            }
        }
    }
}
