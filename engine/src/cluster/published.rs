//! What other nodes publish, for the reads of events that are not live here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::time::{Instant, timeout};

use crate::actor::node::Node;
use crate::mutation::{Mutation, mutated};
use crate::ports::{PublicationFault, Publications};
use crate::words::{EventId, SeatMap};

/// How long a publication, or that there is none, is kept: the shortest time between two looks for one event.
const KEPT_FOR: Duration = Duration::from_millis(100);

/// How long a publication is waited for before the store is asked.
const READ_TIMEOUT: Duration = Duration::from_millis(100);

/// How long nobody waits for publications after a fault.
const SILENCE: Duration = Duration::from_secs(1);

/// How long it is remembered which version of an event was shown: longer than a publication can be read.
const SHOWN_FOR: Duration = Duration::from_secs(2);

/// The reader's side of publications.
pub(crate) struct Published {
    publications: Arc<dyn Publications>,
    node: Arc<Node>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was read a moment ago. Many who ask at once wait for one look.
    recent: BTreeMap<EventId, Arc<AsyncMutex<Option<Recent>>>>,
    /// The latest version of an event that was shown here, and when: reads of one node do not go back.
    shown: BTreeMap<EventId, (u64, Instant)>,
    silent_until: Option<Instant>,
    tidied_at: Option<Instant>,
}

/// What was read from publications.
struct Recent {
    map: Option<Arc<SeatMap>>,
    /// When it was asked for: this node may have been paused since.
    asked_at: Instant,
}

impl Published {
    pub(crate) fn new(publications: Arc<dyn Publications>, node: Arc<Node>) -> Self {
        Self { publications, node, state: Mutex::default() }
    }

    /// An event as its owner published it; `None` where the store must be asked.
    pub(crate) async fn latest(&self, id: EventId) -> Option<Arc<SeatMap>> {
        let cell = self.cell(id);
        let mut recent = cell.lock().await;
        if recent.as_ref().is_none_or(|recent| recent.asked_at.elapsed() > KEPT_FOR) {
            let asked_at = Instant::now();
            *recent = Some(Recent { map: self.fetch(id).await, asked_at });
        }
        let Recent { map, asked_at } = recent.as_ref()?;
        let map = Arc::clone(map.as_ref()?);
        if asked_at.elapsed() > READ_TIMEOUT + KEPT_FOR {
            return None;
        }
        let is_newest = self.note_shown(id, map.version) <= map.version;
        (is_newest || mutated(Mutation::PublicationGoesBack)).then_some(map)
    }

    /// Remembers that this version of an event was shown, and returns the latest that was shown before.
    pub(crate) fn note_shown(&self, id: EventId, version: u64) -> u64 {
        let now = Instant::now();
        let mut state = self.state();
        let (shown, shown_at) = state.shown.entry(id).or_insert((0, now));
        let before = *shown;
        (*shown, *shown_at) = (before.max(version), now);
        before
    }

    fn cell(&self, id: EventId) -> Arc<AsyncMutex<Option<Recent>>> {
        let mut state = self.state();
        state.tidy(Instant::now());
        Arc::clone(state.recent.entry(id).or_default())
    }

    async fn fetch(&self, id: EventId) -> Option<Arc<SeatMap>> {
        if self.state().silent_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        // Beside the caller: a connection is driven by the runtime that opened it, which must not be a busy
        // worker's.
        let (done, latest) = oneshot::channel();
        let publications = Arc::clone(&self.publications);
        self.node.spawner.beside(async move {
            let _ = done.send(publications.latest(id).await);
        });
        let found = match timeout(READ_TIMEOUT, latest).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => Err(PublicationFault(error.to_string())),
            Err(_) => Err(PublicationFault("no answer in time".to_owned())),
        };
        found
            .inspect_err(|fault| {
                tracing::warn!(event_id = %id, %fault, "no publication; the store answers");
                self.state().silent_until = Some(Instant::now() + SILENCE);
            })
            .ok()?
            .map(Arc::new)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops what nobody may use any more, so that only what was just asked for stays in memory.
    fn tidy(&mut self, now: Instant) {
        if self.tidied_at.is_some_and(|at| now.duration_since(at) < KEPT_FOR) {
            return;
        }
        self.tidied_at = Some(now);
        self.recent.retain(|_, cell| {
            // A look that is under way holds the lock.
            let Ok(recent) = cell.try_lock() else { return true };
            recent.as_ref().is_some_and(|recent| now.duration_since(recent.asked_at) <= KEPT_FOR)
        });
        self.shown.retain(|_, (_, shown_at)| now.duration_since(*shown_at) <= SHOWN_FOR);
    }
}
