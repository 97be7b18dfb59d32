//! Which events are in memory here, and the way of a command to its event's actor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::Gauge;
use tokio::sync::{Mutex, oneshot};

use crate::actor::handle::EventHandle;
use crate::actor::node::Node;
use crate::fault::{CallError, Fault};
use crate::mutation::{Mutation, mutated};
use crate::owner::Answer;
use crate::ports::Bid;
use crate::view::EventView;
use crate::words::{Command, EventId, SeatMap};

/// How often a command that was certainly not carried out is tried again, while actors end and start.
const MAX_TRIES: u32 = 8;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(5);

/// The number of crashes of its event after which a command is given up.
const MAX_CRASHES: u32 = 2;

/// How long a stopping engine waits for what is under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The live events of this node.
pub(crate) struct Registry {
    node: Arc<Node>,
    /// In order, so that what is done to all of them is done in the same order each time.
    entries: RwLock<BTreeMap<EventId, Arc<Entry>>>,
    stopping: AtomicBool,
    on_live: OnLive,
}

/// What is to be done with each event that becomes live.
pub(crate) type OnLive = Box<dyn Fn(EventHandle) + Send + Sync>;

/// An event that is live, or becoming so: its callers wait for one and the same activation.
#[derive(Default)]
struct Entry {
    live: OnceLock<EventHandle>,
    /// Held while the event becomes live or ends.
    transition: Mutex<Transition>,
}

#[derive(Default)]
enum Transition {
    #[default]
    Possible,
    /// The entry is out of the registry, and its event not live. A caller that waited for it looks for the
    /// next entry, or takes the error of a bid like its own as its answer: one look for the owner serves all
    /// that asked meanwhile.
    Abandoned(Option<(Bid, CallError)>),
}

impl Registry {
    /// Without live events.
    pub(crate) fn new(node: Arc<Node>, on_live: OnLive) -> Arc<Self> {
        Arc::new(Self { node, entries: RwLock::default(), stopping: AtomicBool::new(false), on_live })
    }

    /// Brings a command to its event's actor, which is started where there is none, and brings the answer
    /// back. Never answers [`Answer::NotTaken`] or [`Answer::Crashed`].
    pub(crate) async fn call(
        self: &Arc<Self>,
        id: EventId,
        command: Arc<Command>,
        bid: Bid,
    ) -> Result<Answer, CallError> {
        let came = self.node.monotonic();
        let mut crashes = 0;
        for attempt in 0..MAX_TRIES {
            let live = self.live(id, bid).await?;
            match self.send(&live, &command, came).await? {
                Some(Answer::NotTaken) | None => {}
                Some(Answer::Crashed) => {
                    crashes += 1;
                    if crashes >= MAX_CRASHES {
                        tracing::error!(event_id = %id, ?command, "command given up: it crashes its event");
                        return Err(Fault::Unavailable("the command crashes the event".to_owned()).into());
                    }
                }
                Some(answer) => return Ok(answer),
            }
            tokio::time::sleep(FIRST_RETRY_DELAY * (1 << attempt)).await;
        }
        Err(Fault::Unavailable("the event changes its owner".to_owned()).into())
    }

    /// One try. `None`: the actor is ending.
    async fn send(
        &self,
        event: &EventHandle,
        command: &Arc<Command>,
        came: Duration,
    ) -> Result<Option<Answer>, CallError> {
        let _queued = Queued::count(&self.node.metrics.queued_commands);
        event.decide(command, came).await
    }

    /// The seats of a live event; `None` if it is not live here.
    pub(crate) async fn seat_map(&self, id: EventId) -> Result<Option<Arc<SeatMap>>, CallError> {
        match self.peek(id) {
            Some(live) => live.seat_map().await,
            None => Ok(None),
        }
    }

    /// The same, if that is as of a second ago at most.
    pub(crate) fn current_view(&self, id: EventId) -> Option<EventView> {
        self.peek(id).filter(EventHandle::is_current).map(|live| live.view())
    }

    /// A live event as of its last commit; `None` if it is not live here.
    pub(crate) fn view(&self, id: EventId) -> Option<EventView> {
        self.peek(id).map(|live| live.view())
    }

    /// How many events are live.
    pub(crate) fn len(&self) -> usize {
        self.live_ids().len()
    }

    /// Makes an event live here.
    pub(crate) async fn activate(self: &Arc<Self>, id: EventId, bid: Bid) -> Result<(), CallError> {
        self.live(id, bid).await.map(|_| ())
    }

    /// Takes nothing more in from now on.
    pub(crate) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Waits until all that is live has written its queue and ended.
    pub(crate) async fn drain(&self) {
        self.live_ids().into_iter().for_each(|id| self.give_up(id));
        let all_ended = async {
            for (id, entry) in self.entries() {
                // An activation that is under way is waited for.
                let mut transition = entry.transition.lock().await;
                if let Some(live) = entry.live.get() {
                    live.drain();
                    live.ended().await;
                    *transition = Transition::Abandoned(None);
                    self.forget(id, &entry);
                }
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, all_ended).await.is_err() {
            tracing::error!("some events did not end in time; the store keeps what they acknowledged");
        }
    }

    /// Whether the engine is shutting down.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The events that are live here.
    pub(crate) fn live_ids(&self) -> Vec<EventId> {
        let is_live = |entry: &Entry| entry.live.get().is_some_and(EventHandle::is_open);
        self.entries().into_iter().filter(|(_, entry)| is_live(entry)).map(|(id, _)| id).collect()
    }

    /// Whether an event is live here.
    pub(crate) fn is_live(&self, id: EventId) -> bool {
        self.peek(id).is_some()
    }

    /// Gives an event up if its ownership here is older than `epoch`.
    pub(crate) fn give_up_if_before(&self, id: EventId, epoch: u64) {
        if self.peek(id).is_some_and(|live| live.epoch() < epoch) {
            tracing::warn!(event_id = %id, epoch, "another node took the event over");
            self.give_up(id);
        }
    }

    /// Lets an event that another node owns now write what it still can, and end.
    pub(crate) fn give_up(&self, id: EventId) {
        if let Some(live) = self.peek(id).filter(|_| !mutated(Mutation::NeverGivesUp)) {
            live.drain();
        }
    }

    /// Drops what is left of events that ended, but for a caller that is just making one live again.
    pub(crate) fn forget_ended(&self) {
        for (id, entry) in self.entries() {
            let Ok(mut transition) = entry.transition.try_lock() else { continue };
            if entry.live.get().is_some_and(|live| live.has_ended()) {
                *transition = Transition::Abandoned(None);
                self.forget(id, &entry);
            }
        }
    }

    fn entries(&self) -> Vec<(EventId, Arc<Entry>)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|(id, entry)| (*id, Arc::clone(entry))).collect()
    }

    fn peek(&self, id: EventId) -> Option<EventHandle> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(&id)?.live.get().filter(|live| live.is_open()).cloned()
    }

    async fn live(self: &Arc<Self>, id: EventId, bid: Bid) -> Result<EventHandle, CallError> {
        if let Some(live) = self.peek(id) {
            return Ok(live);
        }
        // A task of its own, so that a caller that goes away does not leave an activation half done.
        let registry = Arc::clone(self);
        let (done, result) = oneshot::channel();
        self.node.spawner.activation(async move {
            let _ = done.send(registry.activated(id, bid).await);
        });
        match result.await {
            Ok(result) => result,
            Err(_) => Err(Fault::Unavailable("activation failed".to_owned()).into()),
        }
    }

    async fn activated(&self, id: EventId, bid: Bid) -> Result<EventHandle, CallError> {
        loop {
            let entry = self.entry(id);
            let mut transition = entry.transition.lock().await;
            match &*transition {
                Transition::Possible => {}
                Transition::Abandoned(Some((tried, error))) if *tried == bid => return Err(error.clone()),
                Transition::Abandoned(_) => continue,
            }
            match entry.live.get() {
                Some(live) if live.is_open() => return Ok(live.clone()),
                Some(live) => {
                    // Whatever the old actor still writes or releases is done before the new one begins.
                    live.ended().await;
                    *transition = Transition::Abandoned(None);
                    self.forget(id, &entry);
                }
                None => {
                    // Read only now: the stop looks for entries after it has been announced.
                    let allowed = if self.is_stopping() { Bid::Never } else { bid };
                    match self.start_actor(id, allowed).await {
                        Ok(live) => return Ok(entry.live.get_or_init(|| live).clone()),
                        Err(error) => {
                            *transition = Transition::Abandoned(Some((bid, error.clone())));
                            self.forget(id, &entry);
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    async fn start_actor(&self, id: EventId, bid: Bid) -> Result<EventHandle, CallError> {
        let owned = self.node.take_ownership(id, bid).await?;
        tracing::info!(event_id = %id, epoch = owned.epoch(), version = owned.view().version, "event activated");
        let live = EventHandle::start(&self.node, id, owned);
        (self.on_live)(live.clone());
        Ok(live)
    }

    fn entry(&self, id: EventId) -> Arc<Entry> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(id).or_default())
    }

    fn forget(&self, id: EventId, entry: &Arc<Entry>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.get(&id).is_some_and(|current| Arc::ptr_eq(current, entry)) {
            entries.remove(&id);
        }
    }
}

/// Counts a command as long as its caller waits.
struct Queued<'a>(&'a Gauge);

impl<'a> Queued<'a> {
    fn count(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::threads::Spawner;
    use crate::config::{EngineConfig, Threads};
    use crate::ports::{LocalLease, Store};
    use crate::testing::{MemoryStore, event_info};
    use crate::words::{Seating, SystemClock, Timestamp};

    #[actix_rt::test]
    async fn nothing_is_left_of_an_event_that_ended() {
        let store = Arc::new(MemoryStore::new());
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let info = event_info(now, 1, Seating::of_seats(1, 500));
        store.create_event(&info).await.expect("in memory");
        let clock = Arc::new(SystemClock);
        let spawner = Spawner::start(Threads::Own(1));
        let node = Node::new(EngineConfig::default(), store, Arc::new(LocalLease), clock, spawner);
        let registry = Registry::new(node, Box::new(|_| {}));
        registry.activate(info.id, Bid::Any).await.expect("it is in the store");
        registry.forget_ended();
        assert!(registry.is_live(info.id));
        let live = registry.peek(info.id).expect("it is live");
        registry.give_up(info.id);
        live.ended().await;
        registry.forget_ended();
        assert!(registry.entries().is_empty());
    }
}
