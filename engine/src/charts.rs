//! Charts and the operator's own keys of seats. They are kept as they come and never change, so no actor decides
//! about them.

use std::sync::Arc;

use moka::future::Cache;
use uuid::Uuid;

use crate::engine::Engine;
use crate::fault::{CallError, Fault};
use crate::words::{Chart, ChartId, Layout, SeatKeys, SeatNo};

/// How many bytes of keys are kept in memory.
const CACHED_BYTES: u64 = 64 * 1024 * 1024;

/// The keys of a layout's seats.
#[derive(Debug)]
pub struct SeatKeyList {
    keys: Vec<Box<str>>,
    /// The numbers of the seats, in the order of their keys.
    by_key: Vec<SeatNo>,
}

impl SeatKeyList {
    fn of(keys: Vec<String>) -> Self {
        let keys: Vec<Box<str>> = keys.into_iter().map(Into::into).collect();
        let mut by_key: Vec<SeatNo> = (1..=keys.len() as SeatNo).collect();
        by_key.sort_unstable_by(|a, b| keys[*a as usize - 1].cmp(&keys[*b as usize - 1]));
        Self { keys, by_key }
    }

    pub(crate) fn cache() -> Cache<Uuid, Arc<Self>> {
        let bytes = |_: &Uuid, list: &Arc<Self>| {
            let bytes: usize = list.keys.iter().map(|key| key.len() + 20).sum();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Cache::builder().max_capacity(CACHED_BYTES).weigher(bytes).build()
    }

    /// The key of a seat.
    pub fn key(&self, seat_no: SeatNo) -> Option<&str> {
        self.keys.get(seat_no.checked_sub(1)? as usize).map(|key| &**key)
    }

    /// The seat that has this key.
    pub fn seat(&self, key: &str) -> Option<SeatNo> {
        let index =
            self.by_key.binary_search_by(|seat_no| (*self.keys[*seat_no as usize - 1]).cmp(key)).ok()?;
        Some(self.by_key[index])
    }
}

impl Engine {
    /// Keeps a chart, and says how it is kept: as it was, if it was kept before.
    pub async fn put_chart(&self, chart: Chart) -> Result<Chart, CallError> {
        self.node.store.put_chart(&chart).await?;
        self.chart(chart.id).await?.ok_or_else(|| Fault::Unknown("the chart is gone".to_owned()).into())
    }

    /// One chart.
    pub async fn chart(&self, id: ChartId) -> Result<Option<Chart>, CallError> {
        Ok(self.node.store.chart(id).await?)
    }

    /// Charts without their maps, newest first, behind that of the id `after`.
    pub async fn charts(&self, after: Option<ChartId>, limit: u32) -> Result<Vec<Chart>, CallError> {
        Ok(self.node.store.charts(after, limit).await?)
    }

    /// Keeps the keys of a layout's seats, before the first event or chart that has them.
    pub async fn put_seat_keys(&self, keys: &[String]) -> Result<(), CallError> {
        match SeatKeys::listed(keys) {
            SeatKeys::Listed(id) => Ok(self.node.store.put_seat_keys(id, keys).await?),
            SeatKeys::Label | SeatKeys::Pattern(_) => Ok(()),
        }
    }

    /// The keys of a layout's seats, where each has one of its own.
    pub async fn seat_keys(&self, layout: &Layout) -> Result<Option<Arc<SeatKeyList>>, CallError> {
        let SeatKeys::Listed(id) = layout.keys() else { return Ok(None) };
        if let Some(keys) = self.seat_keys.get(id).await {
            return Ok(Some(keys));
        }
        let keys = self.node.store.seat_keys(*id).await?;
        let keys = keys.ok_or_else(|| Fault::Unavailable("the keys of the seats are gone".to_owned()))?;
        let keys = Arc::new(SeatKeyList::of(keys));
        self.seat_keys.insert(*id, Arc::clone(&keys)).await;
        Ok(Some(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_to_their_seats() {
        let list = SeatKeyList::of(["b", "a", "", "c"].map(str::to_owned).into());
        assert_eq!(["a", "b", "c", "d"].map(|key| list.seat(key)), [Some(2), Some(1), Some(4), None]);
        assert_eq!([0, 1, 4, 5].map(|seat_no| list.key(seat_no)), [None, Some("b"), Some("c"), None]);
    }
}
