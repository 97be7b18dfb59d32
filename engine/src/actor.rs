//! The shell around one event: it queues commands, and whenever no batch is in flight it applies the whole
//! queue to the state and writes the changes. Load makes the batches bigger, not the queue longer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::ActorContext;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tokio::sync::{oneshot, watch};

use crate::batch::OpenBatch;
use crate::change::Batch;
use crate::clock::Timestamp;
use crate::command::Rejection;
use crate::engine::{CallError, Fault};
use crate::event::Event;
use crate::gate::Pass;
use crate::id::BatchId;
use crate::lease::Claim;
use crate::ownership::{KEY_RETENTION_S, Owned};
use crate::request::{Answer, Request};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::store::{AppendError, SeatMap};

/// How often idempotency keys past their retention are dropped.
const FORGET_KEYS_EVERY: Duration = Duration::from_secs(60 * 60);

/// How many ticks an event waits in which no hold runs out.
const QUIET_TICKS: u32 = 10;
const MAX_QUIET: Duration = Duration::from_secs(1);

/// How long a batch of unknown outcome is looked for, before its callers hear that it is not known.
const RESOLVE_TRIES: u32 = 6;
const RESOLVE_FIRST_DELAY: Duration = Duration::from_millis(100);

const DELAY_AFTER_ABORT: Duration = Duration::from_millis(50);

/// What is sent to an event's actor.
pub(crate) enum Message {
    /// Commands wait in the inbox.
    Wake,
    /// Asks for the status of every seat.
    SeatMap(oneshot::Sender<Arc<SeatMap>>, Pass),
    /// Take in nothing more, write what waits, and end.
    Drain,
}

impl actix::Message for Message {
    type Result = ();
}

/// The one writer of an event, as long as its epoch lasts.
pub(crate) struct EventActor {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    event: Event,
    epoch: u64,
    not_before: Timestamp,
    queue: VecDeque<Request>,
    readers: Vec<(oneshot::Sender<Arc<SeatMap>>, Pass)>,
    seat_map: Option<Arc<SeatMap>>,
    /// Halved when a batch is aborted, so that one too large for the store does not come again and again.
    batch_limit: usize,
    /// A batch is at the store, or the state is being reloaded.
    busy: bool,
    flush_is_due: bool,
    draining: bool,
    last_used: Instant,
    keys_forgotten: Instant,
    commits: watch::Sender<Instant>,
}

/// The answers that wait for a batch.
type Pending = Vec<(Request, Answer)>;

impl EventActor {
    pub(crate) fn new(shared: Arc<Shared>, owned: Owned) -> Self {
        let (commits, commits_receiver) = watch::channel(Instant::now());
        let slot = Slot::new(shared.config.queue_per_event, &owned, commits_receiver);
        Self {
            slot,
            event: owned.event,
            epoch: owned.epoch,
            not_before: owned.not_before,
            queue: VecDeque::new(),
            readers: Vec::new(),
            seat_map: None,
            batch_limit: shared.config.batch_commands.max(1),
            busy: false,
            flush_is_due: false,
            draining: false,
            last_used: Instant::now(),
            keys_forgotten: Instant::now(),
            commits,
            shared,
        }
    }

    pub(crate) fn slot(&self) -> Arc<Slot> {
        Arc::clone(&self.slot)
    }

    /// Flushes once the mailbox is drained: one time for all messages in it.
    fn flush_soon(&mut self, ctx: &mut Context<Self>) {
        if self.busy || self.flush_is_due {
            return;
        }
        self.flush_is_due = true;
        ctx.spawn(async {}.into_actor(self).map(|(), actor, ctx| {
            actor.flush_is_due = false;
            actor.flush(ctx);
        }));
    }

    /// Applies what waits and sends the changes to the store. Without changes, answers once it is sure to be the owner.
    fn flush(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        let now = self.shared.clock.now().max(self.not_before);
        let limit = self.batch_limit;
        self.take_commands();
        let mut batch = OpenBatch::default();
        for (change, reservation) in self.event.expire(now, limit) {
            batch.push(change, Some(reservation));
        }
        let pending = self.apply_queue(&mut batch, now, limit);
        if batch.is_empty() && pending.is_empty() {
            self.answer_readers();
        } else if batch.is_empty() {
            self.answer_if_owner(pending, ctx);
        } else {
            let batch = batch.close(&mut self.event, self.epoch, BatchId::random(), now);
            self.append(Arc::new(batch), pending, ctx);
        }
        if !self.queue.is_empty() {
            self.flush_soon(ctx);
        }
        self.end_if_drained(ctx);
    }

    fn take_commands(&mut self) {
        let before = self.queue.len();
        self.slot.inbox.take_all(&mut self.queue);
        if self.queue.len() > before {
            self.last_used = Instant::now();
        }
    }

    fn apply_queue(&mut self, batch: &mut OpenBatch, now: Timestamp, limit: usize) -> Pending {
        let mut pending = Pending::with_capacity(self.queue.len().min(limit));
        while pending.len() < limit {
            let Some(mut request) = self.queue.pop_front() else { break };
            request.applying();
            let answer = match self.event.apply(&request.command, now) {
                Ok((outcome, change)) => {
                    if let Some(change) = change {
                        batch.push(change, outcome.reservation().cloned());
                    }
                    Answer::Done { outcome, event: Arc::clone(self.event.info()) }
                }
                Err(rejection) => {
                    let seq = self.event.version() + u64::from(!batch.is_empty());
                    Answer::Rejected { rejection, seq }
                }
            };
            request.applied();
            pending.push((request, answer));
        }
        pending
    }

    fn append(&mut self, batch: Arc<Batch>, mut pending: Pending, ctx: &mut Context<Self>) {
        self.busy = true;
        self.not_before = batch.decided_at;
        for (request, _) in &mut pending {
            request.appending();
        }
        let store = Arc::clone(&self.shared.store);
        let sent_at = Instant::now();
        let append = async move {
            let result = store.append(&batch).await;
            (batch, result)
        };
        ctx.spawn(append.into_actor(self).map(move |(batch, result), actor, ctx| {
            actor.shared.metrics.batch_seconds.record(sent_at.elapsed().as_secs_f64());
            match result {
                Ok(()) => actor.committed(&batch, sent_at, pending, ctx),
                Err(error) => actor.not_committed(batch, error, pending, ctx),
            }
        }));
    }

    /// Answers what changed nothing, if this is still the owner. A write would be fenced; an answer from the memory
    /// of an owner that was paused, or cut off, must not tell of a state that is no more.
    fn answer_if_owner(&mut self, pending: Pending, ctx: &mut Context<Self>) {
        self.busy = true;
        let (store, id) = (Arc::clone(&self.shared.store), self.event.info().id);
        let check = async move { store.epochs(&[id]).await };
        ctx.spawn(check.into_actor(self).map(|epochs, actor, ctx| {
            actor.busy = false;
            match epochs {
                Ok(epochs) if epochs.first().is_some_and(|(_, epoch)| *epoch == actor.epoch) => {
                    answer_all(pending);
                    actor.answer_readers();
                    actor.flush(ctx);
                }
                Ok(_) => {
                    not_taken(pending);
                    actor.end(ctx);
                }
                Err(fault) => {
                    fail_all(pending, &Fault::Unavailable(fault.to_string()));
                    actor.flush(ctx);
                }
            }
        }));
    }

    fn committed(&mut self, batch: &Batch, sent_at: Instant, pending: Pending, ctx: &mut Context<Self>) {
        self.busy = false;
        self.batch_limit = self.shared.config.batch_commands.max(1);
        self.shared.metrics.batch_changes.record(batch.changes.len() as f64);
        self.shared.metrics.count_changes(&batch.changes);
        self.slot.show(&self.event);
        if self.event.is_deleted() {
            // Before the answer: who hears of the deletion must not find the event here any more.
            self.slot.gate.close();
        }
        answer_all(pending);
        self.answer_readers();
        self.commits.send_replace(sent_at);
        if self.event.is_deleted() {
            return self.end(ctx);
        }
        self.flush(ctx);
    }

    /// The memory has changes now that the store may not have: it is worth nothing any more.
    fn not_committed(
        &mut self,
        batch: Arc<Batch>,
        error: AppendError,
        pending: Pending,
        ctx: &mut Context<Self>,
    ) {
        tracing::warn!(event_id = %batch.event_id, seq = batch.seq, epoch = batch.epoch, %error, "batch not committed");
        match error {
            AppendError::Fenced => {
                self.shared.metrics.fenced.increment(1);
                not_taken(pending);
                self.end(ctx);
            }
            AppendError::Aborted(cause) => {
                self.shared.metrics.aborted.increment(1);
                self.batch_limit = (self.batch_limit / 2).max(1);
                fail_all(pending, &Fault::Unavailable(cause));
                self.reload(None, ctx);
            }
            AppendError::Unknown(cause) => {
                self.shared.metrics.unknown.increment(1);
                self.reload(Some((batch, pending, cause)), ctx);
            }
        }
    }

    /// Takes the state from the store again; the new epoch fences whatever is still under way. Then a batch
    /// in doubt either is in the journal or never will be, and its callers hear which.
    fn reload(&mut self, in_doubt: Option<(Arc<Batch>, Pending, String)>, ctx: &mut Context<Self>) {
        self.busy = true;
        // The epoch that the reload raises is no other node's.
        self.slot.set_epoch(u64::MAX);
        let shared = Arc::clone(&self.shared);
        let id = self.event.info().id;
        let doubtful_seq = in_doubt.as_ref().map(|(batch, ..)| batch.seq);
        let reload = async move {
            if doubtful_seq.is_none() {
                // Nobody waits, and whatever made the store abort may need a moment.
                tokio::time::sleep(DELAY_AFTER_ABORT).await;
            }
            let mut delay = RESOLVE_FIRST_DELAY;
            let mut tries = if doubtful_seq.is_some() { RESOLVE_TRIES } else { 1 };
            loop {
                tries -= 1;
                match reload_once(&shared, id, doubtful_seq).await {
                    Err(CallError::Fault(_)) if tries > 0 => tokio::time::sleep(delay).await,
                    result => break result,
                }
                delay *= 2;
            }
        };
        ctx.spawn(reload.into_actor(self).map(move |result, actor, ctx| match result {
            Ok((owned, found)) => {
                if owned.is_none() {
                    actor.slot.gate.close();
                }
                if let Some((batch, pending, cause)) = in_doubt {
                    resolve(found == Some(batch.batch_id), pending, cause);
                }
                match owned {
                    Some(owned) => actor.resume(owned, ctx),
                    None => actor.end(ctx),
                }
            }
            Err(error) => {
                tracing::warn!(event_id = %id, %error, "state not reloaded");
                if let Some((_, pending, cause)) = in_doubt {
                    fail_all(pending, &Fault::Unknown(cause));
                }
                actor.end(ctx);
            }
        }));
    }

    fn resume(&mut self, owned: Owned, ctx: &mut Context<Self>) {
        self.event = owned.event;
        self.epoch = owned.epoch;
        self.slot.set_epoch(owned.epoch);
        self.not_before = owned.not_before;
        self.seat_map = None;
        self.busy = false;
        self.slot.show(&self.event);
        self.answer_readers();
        self.flush(ctx);
    }

    fn answer_readers(&mut self) {
        if self.readers.is_empty() {
            return;
        }
        let current = self.seat_map.take().filter(|map| map.version == self.event.version());
        let map = current.unwrap_or_else(|| Arc::new(self.event.seat_map()));
        for (reader, _pass) in self.readers.drain(..) {
            let _ = reader.send(Arc::clone(&map));
        }
        self.seat_map = Some(map);
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.flush(ctx);
        if self.keys_forgotten.elapsed() > FORGET_KEYS_EVERY {
            self.event.forget_keys_before(self.shared.clock.now().minus_s(KEY_RETENTION_S));
            self.keys_forgotten = Instant::now();
        }
        let is_idle = !self.busy && self.last_used.elapsed() > self.shared.config.idle_after;
        if is_idle && self.slot.gate.close_if_empty() {
            return self.end(ctx);
        }
        ctx.run_later(self.next_tick(), Self::tick);
    }

    /// A node may have thousands of events in memory, nearly all of them quiet: they look at the clock less often.
    fn next_tick(&self) -> Duration {
        let tick = self.shared.config.tick;
        // Not longer than the shortest hold.
        let quiet = tick.max(MAX_QUIET.min(tick * QUIET_TICKS));
        let now = self.shared.clock.now();
        let expires_soon = self.event.next_expires_at().is_some_and(|at| at.since(now) <= quiet);
        if expires_soon || self.draining { tick } else { quiet }
    }

    fn end_if_drained(&mut self, ctx: &mut Context<Self>) {
        if self.draining && !self.busy && self.queue.is_empty() && self.slot.gate.len() == 0 {
            self.end(ctx);
        }
    }

    /// Ends this actor. What still waits is told that it was not taken.
    fn end(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        self.slot.close();
        self.queue.clear();
        self.readers.clear();
        let shared = Arc::clone(&self.shared);
        let id = self.event.info().id;
        let release = async move { shared.release_lease(id).await };
        ctx.spawn(release.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

async fn reload_once(
    shared: &Shared,
    id: crate::EventId,
    doubtful_seq: Option<u64>,
) -> Result<(Option<Owned>, Option<BatchId>), CallError> {
    let owned = match shared.take_ownership(id, Claim::Any).await {
        Ok(owned) => Some(owned),
        // Deleted, perhaps by the very batch in doubt: the journal tells.
        Err(CallError::Rejected { rejection: Rejection::EventNotFound, .. }) => None,
        Err(error) => return Err(error),
    };
    let found = match doubtful_seq {
        Some(seq) => {
            shared.store.batch_at(id, seq).await.map_err(|fault| Fault::Unavailable(fault.to_string()))?
        }
        None => None,
    };
    Ok((owned, found))
}

fn resolve(committed: bool, pending: Pending, cause: String) {
    if committed {
        answer_all(pending);
    } else {
        fail_all(pending, &Fault::Unavailable(cause));
    }
}

fn answer_all(pending: Pending) {
    for (request, answer) in pending {
        request.answer(answer);
    }
}

fn fail_all(pending: Pending, fault: &Fault) {
    for (request, _) in pending {
        request.answer(Answer::Fault(fault.clone()));
    }
}

fn not_taken(pending: Pending) {
    for (request, _) in pending {
        request.answer(Answer::NotTaken);
    }
}

impl Actor for EventActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.shared.metrics.live_events.increment(1.0);
        ctx.run_later(self.next_tick(), Self::tick);
    }
}

impl Drop for EventActor {
    fn drop(&mut self) {
        self.slot.close();
        self.shared.metrics.live_events.decrement(1.0);
        if std::thread::panicking() {
            self.shared.metrics.crashes.increment(1);
            tracing::error!(event_id = %self.event.info().id, "event actor panicked; it starts again from the store");
        }
    }
}

impl Handler<Message> for EventActor {
    type Result = ();

    fn handle(&mut self, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Wake => return self.flush(ctx),
            Message::SeatMap(reader, pass) => {
                self.last_used = Instant::now();
                self.readers.push((reader, pass));
            }
            Message::Drain => {
                self.slot.gate.close();
                self.draining = true;
            }
        }
        self.flush_soon(ctx);
    }
}
