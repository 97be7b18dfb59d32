//! Seat maps, prepared to be sent: rendered and compressed once, for all who ask.

pub mod builder;
mod prepared;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engine::{CallError, Engine, EventId};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::Mutex;

use crate::connection::memory::{Memory, Taken};
use crate::wire::map_view::MapView;
use crate::wire::seat_body::SEAT_BYTES;

use self::builder::{Builder, NotBuilt};
pub use self::prepared::PreparedMap;

const KEPT_FOR: Duration = Duration::from_secs(10);

/// The prepared seat maps of this node.
pub struct SeatMaps {
    slots: Cache<Wanted, Arc<Slot>>,
    memory: Arc<Memory>,
    builder: Builder,
}

/// What is prepared: these seats of this event.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    event: EventId,
    view: MapView,
}

/// Where a map is kept. Whoever prepares it has it to itself.
#[derive(Default)]
struct Slot {
    prepared: Mutex<Option<Arc<PreparedMap>>>,
    bytes: AtomicUsize,
}

/// Why there is no map.
pub enum MapError {
    /// The engine does not give it.
    Call(CallError),
    /// It could not be built.
    NotBuilt(NotBuilt),
}

impl SeatMaps {
    /// No maps yet. Those to come may take half of `memory`; the rest is for answers, and for maps that are
    /// out of date but still on their way to somebody.
    pub fn new(memory: Arc<Memory>) -> Self {
        let slots = Cache::builder()
            .max_capacity(memory.most() as u64 / 2)
            .weigher(|_, slot: &Arc<Slot>| {
                u32::try_from(slot.bytes.load(Ordering::Relaxed)).unwrap_or(u32::MAX).max(1)
            })
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(KEPT_FOR)
            .build();
        Self { slots, memory, builder: Builder::default() }
    }

    /// These seats of an event whose version is `version`. Many who ask at once wait for one preparation.
    pub async fn get(
        &self,
        engine: &Engine,
        event: EventId,
        version: u64,
        view: MapView,
    ) -> Result<Arc<PreparedMap>, MapError> {
        let wanted = Wanted { event, view };
        let slot = self.slots.get_with_by_ref(&wanted, async { Arc::default() }).await;
        let mut prepared = slot.prepared.lock().await;
        if let Some(prepared) = prepared.as_ref().filter(|prepared| prepared.serves(version)) {
            return Ok(Arc::clone(prepared));
        }
        let built = Arc::new(self.build(engine, &wanted).await?);
        slot.bytes.store(built.json.len(), Ordering::Relaxed);
        *prepared = Some(Arc::clone(&built));
        drop(prepared);
        // Once more, now that its weight is known.
        self.slots.insert(wanted, slot).await;
        Ok(built)
    }

    /// How many maps were built since the start.
    pub fn built(&self) -> u64 {
        self.builder.built()
    }

    async fn build(&self, engine: &Engine, wanted: &Wanted) -> Result<PreparedMap, MapError> {
        let map = engine.seat_map(wanted.event).await.map_err(MapError::Call)?;
        let begun_at = Instant::now();
        let taken =
            self.take(map.statuses.len() * SEAT_BYTES).await.ok_or(MapError::NotBuilt(NotBuilt::NoRoom))?;
        let (seats, version, view) = (map.statuses.len(), map.version, wanted.view.clone());
        let keys = engine.seat_keys(&map.info.seating.layout).await.map_err(MapError::Call)?;
        let write = move || view.write(&map, keys.as_deref());
        let json = self.builder.build(seats, write).await.map_err(MapError::NotBuilt)?;
        Ok(PreparedMap::new(version, seats, taken.with(json), begun_at))
    }

    async fn take(&self, bytes: usize) -> Option<Taken> {
        if let Some(taken) = self.memory.take(bytes) {
            return Some(taken);
        }
        // What is out of use may be let go of.
        self.slots.run_pending_tasks().await;
        self.memory.take(bytes)
    }

    /// A prepared map as it is sent to clients that take gzip; compressed when first asked for.
    pub async fn gzip(&self, prepared: &PreparedMap) -> Result<actix_web::web::Bytes, MapError> {
        prepared.gzip(&self.builder, &self.memory).await.map_err(MapError::NotBuilt)
    }
}
