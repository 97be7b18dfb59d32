//! What others see of an event's actor without asking it, and what bounds its queues.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::actor::gate::Gate;
use crate::actor::inbox::Inbox;
use crate::owner::Owned;
use crate::view::EventView;

/// How many readers may wait for the seat map of one event.
const MAX_READERS: usize = 1_000;

/// What others see of an actor without asking it.
pub(crate) struct Slot {
    /// Bounds the commands that wait.
    pub(crate) gate: Arc<Gate>,
    /// Where they wait.
    pub(crate) inbox: Inbox,
    /// Bounds the readers of the seat map that wait, apart from the commands.
    pub(crate) readers: Arc<Gate>,
    view: RwLock<EventView>,
    epoch: AtomicU64,
    /// When the last committed batch was handed to the store. Its sender is the actor's, and goes with it.
    commits: watch::Receiver<Instant>,
}

impl Slot {
    pub(crate) fn new(capacity: usize, owned: &Owned, commits: watch::Receiver<Instant>) -> Arc<Self> {
        let view = RwLock::new(owned.view());
        Arc::new(Self {
            gate: Gate::new(capacity),
            inbox: Inbox::new(),
            readers: Gate::new(MAX_READERS),
            view,
            epoch: AtomicU64::new(owned.epoch()),
            commits,
        })
    }

    /// Lets no command in any more, and tells those that wait that they were not taken.
    pub(crate) fn close(&self) {
        self.gate.close();
        self.inbox.close();
    }

    /// The epoch under which the actor writes.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The actor writes under another epoch from now on.
    pub(crate) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Waits until the actor is gone, and all it held with it.
    pub(crate) async fn ended(&self) {
        let mut commits = self.commits();
        while commits.changed().await.is_ok() {}
    }

    /// Whether the actor is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.commits.has_changed().is_err()
    }

    /// Tells of each commit, with the time when its batch was handed to the store, until the actor is gone.
    pub(crate) fn commits(&self) -> watch::Receiver<Instant> {
        self.commits.clone()
    }

    /// The event as of its last commit.
    pub(crate) fn view(&self) -> EventView {
        self.view.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Shows an event as it is now committed.
    pub(crate) fn show(&self, view: EventView) {
        *self.view.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = view;
    }
}
