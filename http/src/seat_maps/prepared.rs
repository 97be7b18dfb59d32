//! A seat map with its bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use tokio::sync::OnceCell;

use crate::connection::memory::Memory;
use crate::encoding::compress;
use crate::seat_maps::builder::{Builder, NotBuilt};

/// A map that is out of date is still shown until ten times as long has gone by as it took to prepare, so
/// that about a tenth of one core goes into the maps of one event. That is never longer than this.
const MAX_AGE: Duration = Duration::from_millis(100);

/// A compressed map is smaller by this factor, at least.
const GZIP_FACTOR: usize = 4;

/// Seats of an event, ready to be sent. Whoever sends them shares the bytes.
pub struct PreparedMap {
    /// Of the event, when it was so.
    pub version: u64,
    /// As JSON.
    pub json: Bytes,
    gzip: OnceCell<Bytes>,
    seats: usize,
    begun_at: Instant,
    took: Duration,
}

impl PreparedMap {
    pub(super) fn new(version: u64, seats: usize, json: Bytes, begun_at: Instant) -> Self {
        Self { version, json, gzip: OnceCell::new(), seats, begun_at, took: begun_at.elapsed() }
    }

    pub(super) fn serves(&self, version: u64) -> bool {
        // Neither a slow preparation nor a pause in it makes a map older than twice the greatest age.
        let shown_for = self.took.min(MAX_AGE) + (self.took * 10).min(MAX_AGE);
        self.version >= version || self.begun_at.elapsed() < shown_for
    }

    pub(super) async fn gzip(&self, builder: &Builder, memory: &Arc<Memory>) -> Result<Bytes, NotBuilt> {
        let build = || async {
            let taken = memory.take(self.json.len() / GZIP_FACTOR).ok_or(NotBuilt::NoRoom)?;
            let json = self.json.clone();
            let gzip = builder.build(self.seats, move || compress(&json)).await?;
            Ok(taken.with(gzip))
        };
        self.gzip.get_or_try_init(build).await.cloned()
    }
}
