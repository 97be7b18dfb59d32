//! The port to what is kept of venues besides their events. Nothing in it ever changes, and writing what is
//! there does nothing.

use async_trait::async_trait;
use uuid::Uuid;

use super::store_fault::StoreFault;
use crate::words::{Chart, ChartId};

/// Charts and keys of seats. Every method may be repeated after a fault.
#[async_trait]
pub trait Charts: Send + Sync {
    /// Keeps the keys of a layout's seats, by the id that [`SeatKeys::listed`](crate::SeatKeys::listed) gives
    /// them.
    async fn put_seat_keys(&self, _id: Uuid, _keys: &[String]) -> Result<(), StoreFault> {
        Err(not_kept())
    }

    /// The keys of a layout's seats, in the order of their numbers.
    async fn seat_keys(&self, _id: Uuid) -> Result<Option<Vec<String>>, StoreFault> {
        Err(not_kept())
    }

    /// Keeps a chart with its layout. Of two with the same id, the first stays.
    async fn put_chart(&self, _chart: &Chart) -> Result<(), StoreFault> {
        Err(not_kept())
    }

    /// One chart.
    async fn chart(&self, _id: ChartId) -> Result<Option<Chart>, StoreFault> {
        Err(not_kept())
    }

    /// Charts without their maps, newest first, behind that of the id `after`.
    async fn charts(&self, _after: Option<ChartId>, _limit: u32) -> Result<Vec<Chart>, StoreFault> {
        Err(not_kept())
    }
}

fn not_kept() -> StoreFault {
    StoreFault("this store keeps no charts".to_owned())
}
