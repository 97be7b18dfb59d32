//! Allocations on the wire.

use charts::range_text::{Labelled, print};
use engine::{Allocation, EventInfo, Layout, SeatMap, SeatNo, SeatStatus};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::time::Time;
use crate::wire::venue_body::AllocationSpec;

/// What is to be set aside.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAllocations)]
pub struct NewAllocationsBody {
    /// Of allocations that overlap, the later one counts.
    #[garde(length(max = 1_000))]
    #[schema(max_items = 1_000)]
    pub allocations: Vec<AllocationSpec>,
}

/// What is set aside of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Allocations)]
pub struct AllocationsBody {
    /// The number of the journal's last batch in it, for `If-Match`.
    version: u64,
    allocations: Vec<AllocationBody>,
}

/// Seats that are set aside for a channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Allocation)]
pub struct AllocationBody {
    /// Who may buy them; `kill`: nobody.
    channel: String,
    parts: Vec<AllocatedPart>,
    release_at: Option<Time>,
    /// Whether they went on open sale at `release_at`.
    released: bool,
    note: String,
    /// How many seats.
    allocated: u32,
    held: u32,
    sold: u32,
    /// How many the channel can still buy.
    left: u32,
    /// The labels of those that somebody has already, and keeps; 100 at most.
    kept: Vec<String>,
}

/// Seats of one row, or places of one section.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllocatedPart {
    section: Option<String>,
    /// The row or table; `null` for counted places.
    row: Option<String>,
    /// The labels of the seats as a text of ranges, where they can stand in one; `null` for counted places.
    seats: Option<String>,
    quantity: u32,
}

/// So many labels of kept seats are named.
const MOST_KEPT: usize = 100;

impl From<&SeatMap> for AllocationsBody {
    fn from(map: &SeatMap) -> Self {
        let allocations = map.info.allocations.iter().map(|allocation| AllocationBody::new(allocation, map));
        Self { version: map.version, allocations: allocations.collect() }
    }
}

impl AllocationBody {
    fn new(allocation: &Allocation, map: &SeatMap) -> Self {
        let layout = &map.info.seating.layout;
        let status = |seat_no: &SeatNo| map.statuses.get(*seat_no as usize - 1).copied();
        let seats: Vec<SeatNo> = allocation.ranges().flatten().collect();
        let count = |wanted| seats.iter().filter(|no| status(no) == Some(wanted)).count() as u32;
        let (held, sold) = (count(SeatStatus::Reserved), count(SeatStatus::Confirmed));
        let is_kept = |no: &&SeatNo| matches!(status(no), Some(SeatStatus::Reserved | SeatStatus::Confirmed));
        let kept = seats.iter().filter(is_kept).take(MOST_KEPT);
        Self {
            channel: allocation.channel.clone(),
            parts: parts(layout, &seats),
            release_at: allocation.release_at.map(Time),
            released: allocation.released,
            note: allocation.note.clone(),
            allocated: seats.len() as u32,
            held,
            sold,
            left: seats.len() as u32 - held - sold,
            kept: kept.map(|&no| label(&map.info, no)).collect(),
        }
    }
}

fn label(info: &EventInfo, seat_no: SeatNo) -> String {
    info.seating.layout.place(seat_no).map(|place| place.label()).unwrap_or_default()
}

/// Row by row.
fn parts(layout: &Layout, seats: &[SeatNo]) -> Vec<AllocatedPart> {
    let rows = seats.chunk_by(|before, after| layout.row_of(*before) == layout.row_of(*after));
    let part = |seats: &[SeatNo]| {
        let place = layout.place(*seats.first()?)?;
        let number = |seat_no: &SeatNo| layout.place(*seat_no).and_then(|place| place.number);
        let labels: Vec<_> =
            seats.iter().filter_map(number).map(|label| Labelled { label, aisle_before: false }).collect();
        Some(AllocatedPart {
            section: place.section.map(str::to_owned),
            row: place.row,
            seats: print(&labels),
            quantity: seats.len() as u32,
        })
    };
    rows.filter_map(part).collect()
}
