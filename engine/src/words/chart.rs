//! A chart: a layout without prices that events can be made of.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::words::allocation::Allocation;
use crate::words::clock::Timestamp;
use crate::words::layout::Layout;

/// The id of a chart: the same for the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartId(pub Uuid);

/// A layout without prices, kept under an id. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its id.
    pub id: ChartId,
    /// What people call it.
    pub name: String,
    /// When it was first kept.
    pub created_at: Timestamp,
    /// The seats.
    pub layout: Arc<Layout>,
    /// What an event that is made of it sets aside, unless it says otherwise.
    pub allocations: Vec<Allocation>,
    /// Where the seats are, as JSON: kept, and never read.
    pub map: Option<Arc<str>>,
}

impl Chart {
    /// A chart with the id of its content.
    pub fn new(
        name: String,
        created_at: Timestamp,
        layout: Arc<Layout>,
        allocations: Vec<Allocation>,
        map: Option<String>,
    ) -> Self {
        let allocated = serde_json::to_vec(&allocations).expect("it has string keys, and memory takes all");
        let parts = [name.as_bytes(), &allocated, map.as_deref().unwrap_or_default().as_bytes()];
        let digest = parts
            .iter()
            // With its length, so that no two charts are the same bytes.
            .fold(Sha256::new(), |hash, part| {
                hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
            })
            .chain_update(layout.id().0)
            .finalize();
        let hash = std::array::from_fn(|index| digest[index]);
        let id = ChartId(uuid::Builder::from_custom_bytes(hash).into_uuid());
        Self { id, name, created_at, layout, allocations, map: map.map(Into::into) }
    }
}
