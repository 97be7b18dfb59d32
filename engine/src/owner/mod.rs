//! The protocol of an ownership: when commands are applied, what is written, who hears what when the store
//! commits, refuses or does not answer, and how an ownership ends. Pure: inputs in, effects out. What an
//! effect asks for is done by the actor (`crate::actor`), and comes back as an input.
//!
//! One thing is under way at a time (a batch at the store, a look for the epoch, a reload), and [`Phase`]
//! says which. Whatever comes meanwhile waits. Only [`Lookups`] go on beside it.

mod anchor;
mod answer;
mod effect;
mod lookups;
mod phase;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use anchor::Anchor;
pub(crate) use answer::{Answer, Ticket};
pub(crate) use effect::{Effect, Effects, Input, Now, Reloaded};

use self::lookups::Lookups;
use self::phase::{InDoubt, Pending, Phase};
use crate::event::{Event, OpenBatch};
use crate::fault::{CallError, Fault};
use crate::mutation::{Mutation, mutated};
use crate::ports::AppendError;
use crate::view::EventView;
use crate::words::{Batch, BatchId, Command, EndedKey, SeatMap, Snapshot, Timestamp};

/// How many ticks an event waits in which no hold runs out.
const QUIET_TICKS: u32 = 10;
const MAX_QUIET: Duration = Duration::from_secs(1);

/// How long a batch of unknown outcome is looked for, before its callers hear that it is not known.
const RESOLVE_TRIES: u32 = 6;
const RESOLVE_FIRST_DELAY: Duration = Duration::from_millis(100);

/// Whatever made the store abort may need a moment.
const DELAY_AFTER_ABORT: Duration = Duration::from_millis(50);

/// How an owner works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How many commands a batch takes at most.
    pub(crate) batch_commands: usize,
    /// The time between two looks for holds that have run out.
    pub(crate) tick: Duration,
    /// How long an event stays in memory without a command.
    pub(crate) idle_after: Duration,
    /// How many keys of reservations that have ended stay in memory.
    pub(crate) ended_keys: usize,
}

/// An event that a node may write for, until it is fenced.
pub(crate) struct Owned {
    event: Event,
    epoch: u64,
    anchor: Anchor,
}

impl Owned {
    /// What a store handed over together with a new epoch.
    pub(crate) fn restore(snapshot: Snapshot, anchor: Anchor) -> Self {
        Self { epoch: snapshot.event.epoch, event: Event::restore(snapshot), anchor }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The event as of its last commit.
    pub(crate) fn view(&self) -> EventView {
        let event = &self.event;
        EventView { info: Arc::clone(event.info()), counts: event.counts(), version: event.version() }
    }
}

/// The one writer of an event, as long as its epoch lasts. `T` is a command that waits for its answer, `R` a
/// reader that waits for the seat map.
pub(crate) struct Owner<T, R> {
    owned: Owned,
    pace: Pace,
    phase: Phase<T>,
    queue: VecDeque<T>,
    lookups: Lookups<T>,
    readers: Vec<R>,
    seat_map: Option<Arc<SeatMap>>,
    /// Halved when a batch is aborted, so that one too large for the store does not come again and again.
    batch_limit: usize,
    draining: bool,
    last_used: Duration,
}

impl<T: Ticket, R> Owner<T, R> {
    /// `now` is the monotonic time.
    pub(crate) fn new(owned: Owned, pace: Pace, now: Duration) -> Self {
        Self {
            owned,
            pace,
            phase: Phase::Idle,
            queue: VecDeque::new(),
            lookups: Lookups::default(),
            readers: Vec::new(),
            seat_map: None,
            batch_limit: pace.batch_commands.max(1),
            draining: false,
            last_used: now,
        }
    }

    /// The event without its reservations.
    pub(crate) fn view(&self) -> EventView {
        self.owned.view()
    }

    /// Whether nothing is under way, so that commands are applied at once.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// Takes one input, and returns what is to be done, in this order.
    pub(crate) fn step(&mut self, input: Input<T, R>, now: Now) -> Effects<T, R> {
        let mut effects = Vec::new();
        match input {
            Input::Commands(commands) => {
                self.queue.extend(commands);
                self.last_used = now.monotonic;
            }
            Input::ReadMap(reader) => {
                self.readers.push(reader);
                self.last_used = now.monotonic;
            }
            Input::Tick => {}
            Input::Drain => {
                self.draining = true;
                effects.push(Effect::Close);
            }
            Input::Unused => self.end(&mut effects),
            Input::Appended(result) => self.appended(result, &mut effects),
            Input::Epoch(found) => self.epoch_seen(found, &mut effects),
            Input::EndedKeys(found) => self.keys_seen(found, &mut effects),
            Input::Reloaded(result) => self.reloaded(*result, &mut effects),
        }
        self.flush(now, &mut effects);
        effects
    }

    /// How long to wait for the next tick. A node may have thousands of events in memory, nearly all of them
    /// quiet: they look at the clock less often.
    pub(crate) fn next_tick(&self, monotonic: Duration) -> Duration {
        let wall = self.owned.anchor.at(monotonic);
        let tick = self.pace.tick;
        // Not longer than the shortest hold.
        let quiet = tick.max(MAX_QUIET.min(tick * QUIET_TICKS));
        let expires_soon = self.owned.event.next_expires_at().is_some_and(|at| at.since(wall) <= quiet);
        if expires_soon || self.draining { tick } else { quiet }
    }

    /// Applies what waits, and has the changes written. Without changes, what was decided is told once it is
    /// sure that this is still the owner.
    fn flush(&mut self, now: Now, effects: &mut Effects<T, R>) {
        if self.is_idle() {
            self.decide(now, effects);
        }
        let key_of = |ticket: &T| self.owned.event.unknown_key(ticket.command());
        if let Some(tickets) = self.lookups.begin() {
            effects.push(Effect::LookForKeys(tickets.iter().filter_map(key_of).collect()));
        }
    }

    fn decide(&mut self, now: Now, effects: &mut Effects<T, R>) {
        self.leave_keys_to_store();
        let decided_at = self.owned.anchor.at(now.monotonic);
        let mut batch = OpenBatch::default();
        let pending = self.apply_queue(&mut batch, decided_at);
        if mutated(Mutation::KeysLeftTooEarly) {
            self.owned.event.leave_keys_to_store(self.pace.ended_keys);
        }
        if !batch.is_empty() {
            self.append(batch, pending, now.batch_id, decided_at, effects);
        } else if !pending.is_empty() {
            // A write would be fenced; an answer from the memory of an owner that was paused, or cut off,
            // must not tell of a state that is no more.
            self.phase = Phase::Checking { pending };
            effects.push(Effect::LookForEpoch);
        } else {
            self.leave_keys_to_store();
            self.answer_readers(effects);
            let is_unused = now.monotonic.saturating_sub(self.last_used) > self.pace.idle_after;
            if self.draining || is_unused {
                effects.push(Effect::EndIfUnused);
            }
        }
    }

    /// Lets due holds run out and applies what waits, each as of the time at which it came. All that had run
    /// out by then goes first: nobody may be refused a seat that is free.
    fn apply_queue(&mut self, batch: &mut OpenBatch, decided_at: Timestamp) -> Pending<T> {
        let mut pending = Pending::with_capacity(self.queue.len().min(self.batch_limit));
        let mut may_expire = self.batch_limit;
        while pending.len() < self.batch_limit {
            let ready = self.lookups.next_ready();
            let is_looked_up = ready.is_some();
            let Some(mut ticket) = ready.or_else(|| self.queue.pop_front()) else { break };
            let came_at = self.came_at(&ticket, decided_at);
            let are_all_out = self.expire(came_at, decided_at, &mut may_expire, batch);
            if !are_all_out && !mutated(Mutation::DueHoldsLater) {
                if is_looked_up {
                    self.lookups.put_back(ticket)
                } else {
                    self.queue.push_front(ticket)
                }
                return pending;
            }
            ticket.applying();
            if !is_looked_up && self.owned.event.unknown_key(ticket.command()).is_some() {
                ticket.applied();
                self.lookups.put_aside(ticket);
                continue;
            }
            let answer = self.apply(ticket.command(), came_at, decided_at, batch);
            ticket.applied();
            pending.push((ticket, answer));
        }
        self.expire(decided_at, decided_at, &mut may_expire, batch);
        pending
    }

    fn apply(
        &mut self,
        command: &Command,
        came_at: Timestamp,
        decided_at: Timestamp,
        batch: &mut OpenBatch,
    ) -> Answer {
        match self.owned.event.decide(command, came_at, decided_at) {
            Ok((outcome, change)) => {
                if let Some(change) = change {
                    batch.push(change, outcome.reservation().cloned());
                }
                Answer::Done { outcome, event: Arc::clone(self.owned.event.info()) }
            }
            Err(rejection) => {
                let seq = self.owned.event.version() + u64::from(!batch.is_empty());
                Answer::Rejected { rejection, seq }
            }
        }
    }

    /// By the time of the store. No command comes from the future.
    fn came_at(&self, ticket: &T, decided_at: Timestamp) -> Timestamp {
        if mutated(Mutation::JudgedLate) {
            return decided_at;
        }
        self.owned.anchor.at(ticket.came()).min(decided_at)
    }

    /// Lets holds run out that were due by then, as many as the batch may still take; whether those were all.
    fn expire(
        &mut self,
        due_by: Timestamp,
        now: Timestamp,
        may_expire: &mut usize,
        batch: &mut OpenBatch,
    ) -> bool {
        let event = &mut self.owned.event;
        if event.next_expires_at().is_none_or(|at| at > due_by) {
            return true;
        }
        for (change, reservation) in event.expire_due_by(due_by, now, *may_expire) {
            *may_expire = may_expire.saturating_sub(1);
            batch.push(change, reservation);
        }
        event.next_expires_at().is_none_or(|at| at > due_by)
    }

    /// Only when all that has ended is in the store.
    fn leave_keys_to_store(&mut self) {
        if self.lookups.is_at_rest() {
            self.owned.event.leave_keys_to_store(self.pace.ended_keys);
            self.lookups.note_tidied();
        }
    }

    fn keys_seen(&mut self, found: Result<Vec<EndedKey>, Fault>, effects: &mut Effects<T, R>) {
        match found {
            Ok(keys) => {
                if self.lookups.found() {
                    self.owned.event.note_ended_keys(keys);
                }
            }
            Err(fault) => {
                let fail = |ticket| (ticket, Answer::Fault(fault.clone()));
                effects.push(Effect::Answer(self.lookups.failed().into_iter().map(fail).collect()));
            }
        }
    }

    fn append(
        &mut self,
        batch: OpenBatch,
        mut pending: Pending<T>,
        batch_id: BatchId,
        decided_at: Timestamp,
        effects: &mut Effects<T, R>,
    ) {
        let before = self.owned.event.version();
        let batch = Arc::new(batch.close(&mut self.owned.event, self.owned.epoch, batch_id, decided_at));
        assert_eq!(batch.seq, before + 1, "the journal would have a gap");

        pending.iter_mut().for_each(|(ticket, _)| ticket.appending());
        if mutated(Mutation::ShownBeforeCommit) {
            effects.push(Effect::Show(self.view()));
        }
        if mutated(Mutation::ToldBeforeCommit) {
            effects.push(Effect::Answer(std::mem::take(&mut pending)));
        }
        if mutated(Mutation::RefusedBeforeCommit) {
            let is_refused = |answer: &Answer| matches!(answer, Answer::Rejected { .. });
            let refused = pending.extract_if(.., |(_, answer)| is_refused(answer));
            effects.push(Effect::Answer(refused.collect()));
        }
        effects.push(Effect::Append(Arc::clone(&batch)));
        self.phase = Phase::Appending { batch, pending };
    }

    fn appended(&mut self, result: Result<(), AppendError>, effects: &mut Effects<T, R>) {
        let Phase::Appending { batch, pending } = self.phase.take() else {
            unreachable!("only an append is answered as one");
        };
        match result {
            Ok(()) => self.committed(&batch, pending, effects),
            Err(AppendError::Fenced) => {
                effects.push(not_taken(pending));
                self.end(effects);
            }
            Err(AppendError::Unknown(cause)) if mutated(Mutation::UnknownIsAborted) => {
                effects.push(failed(pending, &Fault::Unavailable(cause)));
                self.reload(None, effects);
            }
            // The memory has changes now that the store does not have: it is worth nothing any more.
            Err(AppendError::Aborted(cause)) => {
                self.batch_limit = (self.batch_limit / 2).max(1);
                effects.push(failed(pending, &Fault::Unavailable(cause)));
                self.reload(None, effects);
            }
            Err(AppendError::Unknown(cause)) => {
                self.reload(Some(InDoubt { batch, pending, cause }), effects);
            }
        }
    }

    fn committed(&mut self, batch: &Batch, pending: Pending<T>, effects: &mut Effects<T, R>) {
        self.batch_limit = self.pace.batch_commands.max(1);
        assert_eq!(
            batch.seq,
            self.owned.event.version(),
            "the memory went on while a batch was at the store"
        );
        effects.push(Effect::Show(self.view()));
        if self.owned.event.is_deleted() {
            // Before the answer: a caller that hears of the deletion must not find the event here any more.
            effects.push(Effect::Close);
        }
        effects.push(Effect::Answer(pending));
        self.answer_readers(effects);
        if self.owned.event.is_deleted() {
            self.end(effects);
        }
    }

    fn epoch_seen(&mut self, found: Result<Option<u64>, Fault>, effects: &mut Effects<T, R>) {
        let Phase::Checking { pending } = self.phase.take() else {
            unreachable!("only a look for the epoch is answered as one");
        };
        match found {
            Ok(Some(epoch)) if epoch == self.owned.epoch || mutated(Mutation::NoEpochLook) => {
                effects.push(Effect::Answer(pending));
                self.answer_readers(effects);
            }
            Ok(_) => {
                effects.push(not_taken(pending));
                self.end(effects);
            }
            Err(fault) => effects.push(failed(pending, &fault)),
        }
    }

    /// Takes the state from the store again; the new epoch fences whatever is still under way. Then a batch
    /// in doubt either is in the journal or never will be, and its callers hear which.
    fn reload(&mut self, in_doubt: Option<InDoubt<T>>, effects: &mut Effects<T, R>) {
        let doubtful_seq = in_doubt.as_ref().map(|in_doubt| in_doubt.batch.seq);
        let (tries, after) = match doubtful_seq {
            Some(_) => (RESOLVE_TRIES, Duration::ZERO),
            // Nobody waits.
            None => (1, DELAY_AFTER_ABORT),
        };
        self.phase = Phase::Reloading { in_doubt, tries: tries - 1, delay: RESOLVE_FIRST_DELAY };
        // The epoch that the reload raises is no other node's.
        effects.push(Effect::ShowEpoch(u64::MAX));
        effects.push(Effect::Reload { after, doubtful_seq });
    }

    fn reloaded(&mut self, result: Result<Reloaded, CallError>, effects: &mut Effects<T, R>) {
        let Phase::Reloading { in_doubt, tries, delay } = self.phase.take() else {
            unreachable!("only a reload is answered as one");
        };
        match result {
            Ok(Reloaded { owned, batch_at }) => {
                if owned.is_none() {
                    effects.push(Effect::Close);
                }
                effects.extend(in_doubt.map(|in_doubt| in_doubt.resolve(batch_at)));
                match owned {
                    Some(owned) => self.resume(owned, effects),
                    None => self.end(effects),
                }
            }
            Err(CallError::Fault(_)) if tries > 0 => {
                let doubtful_seq = in_doubt.as_ref().map(|in_doubt| in_doubt.batch.seq);
                self.phase = Phase::Reloading { in_doubt, tries: tries - 1, delay: delay * 2 };
                effects.push(Effect::Reload { after: delay, doubtful_seq });
            }
            Err(_) => {
                effects.extend(
                    in_doubt.map(|InDoubt { pending, cause, .. }| failed(pending, &Fault::Unknown(cause))),
                );
                self.end(effects);
            }
        }
    }

    fn resume(&mut self, owned: Owned, effects: &mut Effects<T, R>) {
        self.owned = owned;
        self.lookups.forget_found();
        self.seat_map = None;
        effects.push(Effect::ShowEpoch(self.owned.epoch));
        effects.push(Effect::Show(self.view()));
        self.answer_readers(effects);
    }

    /// Only when nothing is under way: no reader sees what might not last.
    fn answer_readers(&mut self, effects: &mut Effects<T, R>) {
        if self.readers.is_empty() {
            return;
        }
        let current = self.seat_map.take().filter(|map| map.version == self.owned.event.version());
        let map = current.unwrap_or_else(|| Arc::new(self.owned.event.seat_map()));
        effects.push(Effect::ShowMap(std::mem::take(&mut self.readers), Arc::clone(&map)));
        self.seat_map = Some(map);
    }

    /// Ends the ownership. What still waits was not taken, as its tickets tell.
    fn end(&mut self, effects: &mut Effects<T, R>) {
        self.phase = Phase::Ended;
        self.queue.clear();
        self.lookups = Lookups::default();
        self.readers.clear();
        effects.push(Effect::End);
    }
}

fn not_taken<T, R>(pending: Pending<T>) -> Effect<T, R> {
    Effect::Answer(pending.into_iter().map(|(ticket, _)| (ticket, Answer::NotTaken)).collect())
}

fn failed<T, R>(pending: Pending<T>, fault: &Fault) -> Effect<T, R> {
    let fail = |(ticket, _)| (ticket, Answer::Fault(fault.clone()));
    Effect::Answer(pending.into_iter().map(fail).collect())
}
