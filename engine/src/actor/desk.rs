//! What an event's actor and its callers share: where commands wait, and what is shown without asking.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::gate::Gate;
use super::inbox::Inbox;
use crate::owner::Owned;
use crate::view::EventView;

/// How many readers may wait for the seat map of one event.
const MAX_READERS: usize = 1_000;

/// So long an event is shown as of its last commit while nobody knows whether there is another one: no read
/// may be more than a second old.
const SHOWN_FOR: Duration = Duration::from_millis(900);

/// What callers and the actor share: where commands wait, and what is shown.
pub(crate) struct Desk {
    /// Bounds the commands that wait.
    pub(crate) gate: Arc<Gate>,
    /// Where they wait.
    pub(crate) inbox: Inbox,
    /// Bounds the readers of the seat map that wait, apart from the commands.
    pub(crate) readers: Arc<Gate>,
    pub(super) view: RwLock<EventView>,
    pub(super) epoch: AtomicU64,
    /// When the batch was handed to the store that is there now, or whose outcome is not known.
    handed_over: RwLock<Option<Instant>>,
    /// When the last committed batch was handed to the store. Its sender is the actor's, and goes with it.
    pub(super) commits: watch::Receiver<Instant>,
}

impl Desk {
    pub(crate) fn new(capacity: usize, owned: &Owned, commits: watch::Receiver<Instant>) -> Arc<Self> {
        let view = RwLock::new(owned.view());
        Arc::new(Self {
            gate: Gate::new(capacity),
            inbox: Inbox::new(),
            readers: Gate::new(MAX_READERS),
            view,
            epoch: AtomicU64::new(owned.epoch()),
            handed_over: RwLock::new(None),
            commits,
        })
    }

    /// Lets no command in any more, and tells those that wait that they were not taken.
    pub(crate) fn close(&self) {
        self.gate.close();
        self.inbox.close();
    }

    /// The actor writes under another epoch from now on.
    pub(crate) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// A batch is handed to the store: from now on the store may have more than is shown here.
    pub(crate) fn hand_over(&self, at: Instant) {
        self.handed_over.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(at);
    }

    /// Whether what is shown is as of a second ago at most.
    pub(crate) fn is_current(&self) -> bool {
        let handed_over = *self.handed_over.read().unwrap_or_else(PoisonError::into_inner);
        handed_over.is_none_or(|at| at.elapsed() < SHOWN_FOR)
    }

    /// Shows an event as it is now committed.
    pub(crate) fn show(&self, view: EventView) {
        *self.handed_over.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
