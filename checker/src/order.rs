//! Real-time order: whatever was answered before a request was sent is decided before it. `seq` is the order
//! of decisions; the clients' log has the order of time.

use std::collections::HashMap;
use std::time::Duration;

use engine::ReservationId;

use super::effects::{Effect, effect_of, effect_of_change};
use super::story::Story;
use super::{Findings, Rule};
use crate::history::{Answer, Call};

pub(super) fn check(calls: &[&Call], story: &Story, view_slack: Duration, findings: &mut Findings) {
    let known = Knowledge::of(calls.iter().filter_map(|call| Some((call.ended_at, told_seq(call)?))));
    check_decisions(calls, &known, view_slack, findings);
    check_changes(calls, story, &known, findings);
    check_reservations(calls, findings);
}

/// The highest batch that the clients knew of at each time.
struct Knowledge(Vec<(Duration, u64)>);

impl Knowledge {
    fn of(told: impl Iterator<Item = (Duration, u64)>) -> Self {
        let mut told: Vec<_> = told.collect();
        told.sort_unstable();
        let mut highest = 0;
        for (_, seq) in &mut told {
            highest = highest.max(*seq);
            *seq = highest;
        }
        Self(told)
    }

    /// The highest batch told in an answer that was complete before `time`.
    fn before(&self, time: Duration) -> u64 {
        match self.0.partition_point(|(ended_at, _)| *ended_at < time) {
            0 => 0,
            count => self.0[count - 1].1,
        }
    }
}

fn told_seq(call: &Call) -> Option<u64> {
    match &call.answer {
        Answer::Done(seen) => Some(seen.seq),
        Answer::Viewed { version, .. } => Some(*version),
        Answer::Rejected { seq, .. } => *seq,
        Answer::Administered | Answer::NotDone(_) | Answer::Nothing(_) | Answer::Odd(_) => None,
    }
}

/// Rejections and views rest on a state that is not older than what was known.
fn check_decisions(calls: &[&Call], known: &Knowledge, view_slack: Duration, findings: &mut Findings) {
    for call in calls {
        let (seq, since) = match &call.answer {
            Answer::Rejected { seq: Some(seq), .. } => (*seq, call.sent_at),
            Answer::Viewed { version, .. } => (*version, call.sent_at.saturating_sub(view_slack)),
            _ => continue,
        };
        let expected = known.before(since);
        if seq < expected {
            findings.add(Rule::RealTime, format!("batch {expected} was known before {call}"));
        }
    }
}

/// A change is not older than what was known before anyone asked for it.
fn check_changes(calls: &[&Call], story: &Story, known: &Knowledge, findings: &mut Findings) {
    let mut first_sent: HashMap<Effect<'_>, Duration> = HashMap::new();
    for call in calls {
        if let Some(effect) = effect_of(&call.ask) {
            let first = first_sent.entry(effect).or_insert(call.sent_at);
            *first = call.sent_at.min(*first);
        }
    }
    for (seq, change) in &story.changes {
        let Some(sent_at) = effect_of_change(change).and_then(|effect| first_sent.get(&effect)) else {
            continue;
        };
        let expected = known.before(*sent_at);
        if *seq < expected {
            let text = format!(
                "batch {seq} has {change:?}, first asked for at {sent_at:?}, when batch {expected} was known"
            );
            findings.add(Rule::RealTime, text);
        }
    }
}

/// A reservation is never shown older than somebody has seen it.
fn check_reservations(calls: &[&Call], findings: &mut Findings) {
    let mut told: HashMap<ReservationId, Vec<(Duration, u64)>> = HashMap::new();
    for call in calls {
        if let Answer::Done(seen) = &call.answer {
            told.entry(seen.id).or_default().push((call.ended_at, seen.seq));
        }
    }
    let known: HashMap<_, _> =
        told.into_iter().map(|(id, told)| (id, Knowledge::of(told.into_iter()))).collect();
    for call in calls {
        if let Answer::Done(seen) = &call.answer {
            let expected = known[&seen.id].before(call.sent_at);
            if seen.seq < expected {
                let text = format!("the reservation was known as of batch {expected} before {call}");
                findings.add(Rule::RealTime, text);
            }
        }
    }
}
