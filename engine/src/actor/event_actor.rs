//! The shell around an event's owner: it does what the owner asks for, and tells it what came of it.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};

use super::desk::Desk;
use super::gate::Pass;
use super::node::Node;
use super::request::Request;
use crate::config::EngineConfig;
use crate::fault::{CallError, Fault};
use crate::mutation::{Mutation, mutated};
use crate::owner::{Effect, Input, Now, Owned, Owner, Pace, Reloaded};
use crate::ports::{AppendError, Bid};
use crate::words::{Batch, BatchId, EventId, KeyHash, Rejection, SeatMap};

/// What is sent to an event's actor.
pub(crate) enum Message {
    /// Commands wait in the inbox.
    Wake,
    /// Asks for the status of every seat.
    SeatMap(Reader),
    /// Take in nothing more, write what waits, and end.
    Drain,
}

impl actix::Message for Message {
    type Result = ();
}

/// A caller that waits for the seat map, and its place among the readers.
pub(crate) type Reader = (oneshot::Sender<Arc<SeatMap>>, Pass);

/// The actor of one event.
pub(crate) struct EventActor {
    node: Arc<Node>,
    desk: Arc<Desk>,
    id: EventId,
    owner: Owner<Request, Reader>,
    commits: watch::Sender<Instant>,
}

impl EventActor {
    /// `commits` hears of each commit, when its batch was handed to the store.
    pub(crate) fn new(
        node: Arc<Node>,
        id: EventId,
        owned: Owned,
        desk: Arc<Desk>,
        commits: watch::Sender<Instant>,
    ) -> Self {
        let EngineConfig { batch_commands, tick, idle_after, ended_keys, .. } = node.config;
        let pace = Pace { batch_commands, tick, idle_after, ended_keys: ended_keys as usize };
        let owner = Owner::new(owned, pace, node.monotonic());
        Self { node, desk, id, owner, commits }
    }

    /// Tells the owner something and does what it asks for; then it hears what waits in the inbox, while it
    /// is idle.
    fn tell(&mut self, input: Input<Request, Reader>, ctx: &mut Context<Self>) {
        self.step(input, ctx);
        self.take_commands(ctx);
    }

    fn take_commands(&mut self, ctx: &mut Context<Self>) {
        while self.owner.is_idle() {
            let commands = self.desk.inbox.take_all();
            if commands.is_empty() {
                break;
            }
            self.step(Input::Commands(commands), ctx);
        }
    }

    fn step(&mut self, input: Input<Request, Reader>, ctx: &mut Context<Self>) {
        let now = Now {
            monotonic: self.node.monotonic(),
            batch_id: BatchId::from_bits(self.node.config.random.bits()),
        };
        for effect in self.owner.step(input, now) {
            self.carry_out(effect, ctx);
        }
    }

    fn carry_out(&mut self, effect: Effect<Request, Reader>, ctx: &mut Context<Self>) {
        match effect {
            Effect::Append(batch) => self.append(batch, ctx),
            Effect::LookForEpoch => self.look_for_epoch(ctx),
            Effect::LookForKeys(keys) => self.look_for_keys(keys, ctx),
            Effect::Reload { after, doubtful_seq } => self.reload(after, doubtful_seq, ctx),
            Effect::Show(view) => self.desk.show(view),
            Effect::ShowEpoch(epoch) => self.desk.set_epoch(epoch),
            Effect::ShowMap(readers, map) => {
                for (reader, _pass) in readers {
                    let _ = reader.send(Arc::clone(&map));
                }
            }
            Effect::Answer(answers) => {
                for (request, answer) in answers {
                    request.answer(answer);
                }
            }
            Effect::Close => self.desk.gate.close(),
            Effect::EndIfUnused => {
                if self.desk.gate.close_if_empty() {
                    self.step(Input::Unused, ctx);
                }
            }
            Effect::End => self.end(ctx),
        }
    }

    fn append(&mut self, batch: Arc<Batch>, ctx: &mut Context<Self>) {
        let store = Arc::clone(&self.node.store);
        let sent_at = Instant::now();
        self.desk.hand_over(sent_at);
        let append = async move {
            let result = store.append(&batch).await;
            (batch, result)
        };
        ctx.spawn(append.into_actor(self).map(move |(batch, result), actor, ctx| {
            actor.note_append(&batch, &result, sent_at);
            let is_committed = result.is_ok();
            actor.step(Input::Appended(result), ctx);
            if is_committed {
                actor.commits.send_replace(sent_at);
            }
            actor.take_commands(ctx);
        }));
    }

    fn note_append(&self, batch: &Batch, result: &Result<(), AppendError>, sent_at: Instant) {
        let metrics = &self.node.metrics;
        metrics.batch_seconds.record(sent_at.elapsed().as_secs_f64());
        let Err(error) = result else {
            metrics.batch_changes.record(batch.changes.len() as f64);
            return metrics.count_changes(batch);
        };
        tracing::warn!(event_id = %self.id, seq = batch.seq, epoch = batch.epoch, %error, "batch not committed");
        match error {
            AppendError::Fenced => metrics.fenced.increment(1),
            AppendError::Aborted(_) => metrics.aborted.increment(1),
            AppendError::Unknown(_) => metrics.unknown.increment(1),
        }
    }

    fn look_for_epoch(&mut self, ctx: &mut Context<Self>) {
        let (store, id) = (Arc::clone(&self.node.store), self.id);
        let look = async move { store.epochs(&[id]).await };
        ctx.spawn(look.into_actor(self).map(|epochs, actor, ctx| {
            let found = epochs.map(|epochs| epochs.first().map(|&(_, epoch)| epoch));
            actor.tell(Input::Epoch(found.map_err(|fault| Fault::Unavailable(fault.to_string()))), ctx);
        }));
    }

    fn look_for_keys(&mut self, keys: Vec<KeyHash>, ctx: &mut Context<Self>) {
        let (store, id) = (Arc::clone(&self.node.store), self.id);
        let look = async move { store.ended_keys(id, &keys).await };
        ctx.spawn(look.into_actor(self).map(|found, actor, ctx| {
            let found = found.map_err(|fault| Fault::Unavailable(fault.to_string()));
            actor.tell(Input::EndedKeys(found), ctx);
        }));
    }

    fn reload(&mut self, after: Duration, doubtful_seq: Option<u64>, ctx: &mut Context<Self>) {
        let (node, id) = (Arc::clone(&self.node), self.id);
        let reload = async move {
            sleep(after).await;
            reload(&node, id, doubtful_seq).await
        };
        ctx.spawn(reload.into_actor(self).map(move |result, actor, ctx| {
            if let Err(error) = &result {
                tracing::warn!(event_id = %id, %error, "state not reloaded");
            }
            actor.tell(Input::Reloaded(Box::new(result)), ctx);
        }));
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.tell(Input::Tick, ctx);
        self.tick_later(ctx);
    }

    fn tick_later(&self, ctx: &mut Context<Self>) {
        ctx.run_later(self.owner.next_tick(self.node.monotonic()), Self::tick);
    }

    /// Ends this actor. What still waits is told that it was not taken.
    fn end(&mut self, ctx: &mut Context<Self>) {
        self.desk.close();
        let (node, id) = (Arc::clone(&self.node), self.id);
        let release = async move { node.release_lease(id).await };
        ctx.spawn(release.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

async fn reload(node: &Node, id: EventId, doubtful_seq: Option<u64>) -> Result<Reloaded, CallError> {
    let owned = match node.take_ownership(id, Bid::Any).await {
        Ok(owned) => Some(owned),
        // Deleted, perhaps by the very batch in doubt: the journal tells.
        Err(CallError::Rejected { rejection: Rejection::EventNotFound, .. }) => None,
        Err(error) => return Err(error),
    };
    let batch_at = match doubtful_seq {
        Some(seq) => node.store.batch_at(id, seq).await?,
        None => None,
    };
    Ok(Reloaded { owned, batch_at })
}

impl Actor for EventActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.node.metrics.live_events.increment(1.0);
        self.tick_later(ctx);
    }
}

impl Drop for EventActor {
    fn drop(&mut self) {
        self.desk.close();
        self.node.metrics.live_events.decrement(1.0);
        if std::thread::panicking() {
            self.node.metrics.crashes.increment(1);
            tracing::error!(event_id = %self.id, "event actor panicked; it starts again from the store");
        }
    }
}

impl Handler<Message> for EventActor {
    type Result = ();

    fn handle(&mut self, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Wake => self.take_commands(ctx),
            Message::SeatMap(reader) => self.tell(Input::ReadMap(reader), ctx),
            Message::Drain => {
                if mutated(Mutation::DrainForgets) {
                    std::mem::forget(self.desk.inbox.take_all());
                }
                self.tell(Input::Drain, ctx);
            }
        }
    }
}
