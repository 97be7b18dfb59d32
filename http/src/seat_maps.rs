//! Seat maps, prepared to be sent: rendered and compressed once, for all who ask.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::error::BlockingError;
use actix_web::web::{self, Bytes};
use engine::{CallError, Engine, EventId, Fault, SeatMap};
use flate2::Compression;
use flate2::write::GzEncoder;
use moka::future::Cache;
use tokio::sync::{Mutex, OnceCell};

/// How many events' maps are kept; one of 200,000 seats takes some 30 MB.
const KEPT_EVENTS: u64 = 32;
const KEPT_FOR: Duration = Duration::from_secs(10);

/// A map that is out of date is still shown until ten times as long has gone by as it took to prepare, so
/// that about a tenth of one core goes into the maps of one event. That is never longer than this.
const MAX_AGE: Duration = Duration::from_millis(100);

/// From so many seats on, a map is worked on by a thread for blocking work: a request worker has others to
/// answer.
const LARGE_EVENT_SEATS: usize = 5_000;

/// The prepared seat maps of this node.
pub struct SeatMaps {
    events: Cache<EventId, Arc<Mutex<Option<Arc<PreparedMap>>>>>,
    render: fn(&SeatMap) -> Vec<u8>,
}

/// A seat map with its bytes.
pub struct PreparedMap {
    /// What the bytes show.
    pub map: Arc<SeatMap>,
    /// As JSON.
    pub json: Bytes,
    gzip: OnceCell<Bytes>,
    begun_at: Instant,
    took: Duration,
}

impl SeatMaps {
    /// Maps that `render` writes as JSON.
    pub fn new(render: fn(&SeatMap) -> Vec<u8>) -> Self {
        let events = Cache::builder().max_capacity(KEPT_EVENTS).time_to_idle(KEPT_FOR).build();
        Self { events, render }
    }

    /// The map of an event whose version is `version`. Many who ask at once wait for one preparation.
    pub async fn get(
        &self,
        engine: &Engine,
        id: EventId,
        version: u64,
    ) -> Result<Arc<PreparedMap>, CallError> {
        let slot = self.events.get_with(id, async { Arc::default() }).await;
        let mut slot = slot.lock().await;
        if let Some(prepared) = slot.as_ref().filter(|prepared| prepared.serves(version)) {
            return Ok(Arc::clone(prepared));
        }
        let prepared = Arc::new(self.prepare(engine.seat_map(id).await?).await?);
        *slot = Some(Arc::clone(&prepared));
        Ok(prepared)
    }

    async fn prepare(&self, map: Arc<SeatMap>) -> Result<PreparedMap, CallError> {
        let begin = Instant::now();
        let json = work_on(&map, self.render).await.map_err(unavailable)?;
        Ok(PreparedMap {
            map,
            json: json.into(),
            gzip: OnceCell::new(),
            begun_at: begin,
            took: begin.elapsed(),
        })
    }
}

impl PreparedMap {
    fn serves(&self, version: u64) -> bool {
        // Neither a slow preparation nor a pause in it makes a map older than twice the greatest age.
        let shown_for = self.took.min(MAX_AGE) + (self.took * 10).min(MAX_AGE);
        self.map.version >= version || self.begun_at.elapsed() < shown_for
    }

    /// The JSON, compressed when first asked for.
    pub async fn gzip(&self) -> Result<Bytes, CallError> {
        let compress = || async {
            let json = self.json.clone();
            work_on(&self.map, move |_| compress(&json)).await.map_err(unavailable)
        };
        self.gzip.get_or_try_init(compress).await.cloned()
    }
}

/// The JSON of a map as it is sent to clients that take gzip.
pub fn compress(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes all").into()
}

/// Does work that takes time by the size of a map: at once for a small one, else on a thread for blocking
/// work.
pub(crate) async fn work_on<T: Send + 'static>(
    map: &Arc<SeatMap>,
    work: impl FnOnce(&SeatMap) -> T + Send + 'static,
) -> Result<T, BlockingError> {
    if map.statuses.len() < LARGE_EVENT_SEATS {
        return Ok(work(map));
    }
    let map = Arc::clone(map);
    web::block(move || work(&map)).await
}

fn unavailable(error: BlockingError) -> CallError {
    Fault::Unavailable(error.to_string()).into()
}
