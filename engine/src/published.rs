//! What other nodes publish, for the reads of events that are not live here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::future::Cache;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::id::EventId;
use crate::publication::{PublicationFault, Publications};
use crate::store::SeatMap;

/// How long a publication, or that there is none, is kept: so often at most one event is asked for.
const KEPT_FOR: Duration = Duration::from_millis(100);
/// How much is kept, in seats.
const KEPT_SEATS: u64 = 50_000_000;

/// How long a publication is waited for before the store is asked.
const READ_TIMEOUT: Duration = Duration::from_millis(100);

/// After a fault nobody waits for publications for so long.
const SILENCE: Duration = Duration::from_secs(1);

/// How long it is remembered which version of an event was shown: longer than a publication can be read.
const SHOWN_FOR: Duration = Duration::from_secs(2);
const SHOWN_EVENTS: u64 = 100_000;

/// The reader's side of publications.
pub(crate) struct Published {
    publications: Arc<dyn Publications>,
    /// Where publications are read. A connection is driven by the runtime that opened it: not by a busy worker's.
    home: Handle,
    recent: Cache<EventId, Option<Recent>>,
    /// The latest version of an event that was shown here, so that reads of one node do not go back.
    shown: Cache<EventId, Arc<AtomicU64>>,
    silent_until: Mutex<Option<Instant>>,
}

/// What was read from publications.
#[derive(Clone)]
struct Recent {
    map: Arc<SeatMap>,
    /// When it was asked for: this node may have been paused since.
    asked_at: Instant,
}

impl Published {
    /// Must be called within the runtime that is to read.
    pub(crate) fn new(publications: Arc<dyn Publications>) -> Self {
        let seats = |recent: &Option<Recent>| recent.as_ref().map_or(1, |recent| recent.map.statuses.len());
        let recent = Cache::builder()
            .weigher(move |_, recent| u32::try_from(seats(recent)).unwrap_or(u32::MAX))
            .max_capacity(KEPT_SEATS)
            .time_to_live(KEPT_FOR)
            .build();
        let shown = Cache::builder().max_capacity(SHOWN_EVENTS).time_to_idle(SHOWN_FOR).build();
        Self { publications, home: Handle::current(), recent, shown, silent_until: Mutex::default() }
    }

    /// An event as its owner published it; `None` where the store must be asked. Many who ask at once wait for
    /// one look.
    pub(crate) async fn latest(&self, id: EventId) -> Option<Arc<SeatMap>> {
        let Recent { map, asked_at } = self.recent.get_with(id, self.fetch(id)).await?;
        if asked_at.elapsed() > READ_TIMEOUT + KEPT_FOR {
            return None;
        }
        (self.note_shown(id, map.version).await <= map.version).then_some(map)
    }

    /// Remembers that this version of an event was shown, and returns the latest that was shown before.
    pub(crate) async fn note_shown(&self, id: EventId, version: u64) -> u64 {
        let shown = self.shown.get_with(id, async { Arc::default() }).await;
        shown.fetch_max(version, Ordering::AcqRel)
    }

    async fn fetch(&self, id: EventId) -> Option<Recent> {
        if self.is_silent() {
            return None;
        }
        let asked_at = Instant::now();
        let publications = Arc::clone(&self.publications);
        let latest = self.home.spawn(async move { publications.latest(id).await });
        let found = match timeout(READ_TIMEOUT, latest).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => Err(PublicationFault(error.to_string())),
            Err(_) => Err(PublicationFault("no answer in time".to_owned())),
        };
        match found {
            Ok(map) => map.map(|map| Recent { map: Arc::new(map), asked_at }),
            Err(fault) => {
                tracing::warn!(event_id = %id, %fault, "no publication; the store answers");
                *self.silent_until.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Instant::now() + SILENCE);
                None
            }
        }
    }

    fn is_silent(&self) -> bool {
        let until = *self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}
