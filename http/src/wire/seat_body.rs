//! Seats on the wire.

use std::ops::Range;

use engine::{Layout, SeatId, SeatMap, SeatStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// About how long one seat's JSON is, to allocate once.
pub const SEAT_BYTES: usize = 152;

/// Whether a seat can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SeatStatus)]
pub enum SeatStatusName {
    /// Free.
    Available,
    /// Held by a pending reservation.
    Reserved,
    /// Sold.
    Confirmed,
}

/// A seat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct SeatBody<'a> {
    #[schema(value_type = uuid::Uuid)]
    id: SeatId,
    /// Its label.
    #[schema(example = "Arena-A-1")]
    seat_number: &'a str,
    /// `null` where the section has no name.
    section: Option<&'a str>,
    /// A to Z, then AA.
    row: &'a str,
    /// Within its row, from 1.
    #[schema(minimum = 1)]
    number: u32,
    #[schema(value_type = SeatStatusName)]
    status: SeatStatus,
    /// In minor units of the event's currency.
    price: i64,
}

/// Every seat as JSON.
pub fn render_all(map: &SeatMap) -> Vec<u8> {
    SeatFilter::default().write(map)
}

/// Which seats are wanted; all, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SeatFilter {
    /// Only those in this status.
    pub status: Option<SeatStatus>,
    /// Only those of the section of this name.
    pub section: Option<String>,
}

impl SeatFilter {
    /// Whether the event has the section.
    pub fn fits(&self, layout: &Layout) -> bool {
        self.section.is_none() || self.range(layout).is_some()
    }

    /// The numbers of the section's seats, or of all.
    fn range(&self, layout: &Layout) -> Option<Range<u32>> {
        if self.section.is_none() {
            return Some(0..layout.seats());
        }
        let mut end = 0;
        layout.sections().iter().find_map(|section| {
            let begin = end;
            end += section.seats;
            (section.name == self.section).then_some(begin..end)
        })
    }

    /// The seats that are wanted, as JSON.
    pub fn write(&self, map: &SeatMap) -> Vec<u8> {
        let range = self.range(&map.info.layout).unwrap_or_default();
        let statuses = map.statuses.get(range.start as usize..range.end as usize).unwrap_or_default();
        let wanted = (range.start + 1..)
            .zip(statuses.iter().copied())
            .filter(|(_, status)| self.status.is_none_or(|wanted| wanted == *status));
        let mut json = Vec::with_capacity(wanted.clone().count() * SEAT_BYTES + 2);
        json.push(b'[');
        for (seat_no, status) in wanted {
            let Some(place) = map.info.layout.place(seat_no) else { continue };
            if json.len() > 1 {
                json.push(b',');
            }
            let seat = SeatBody {
                id: map.info.id.seat(seat_no),
                seat_number: &place.label(),
                section: place.section,
                row: &place.row,
                number: place.number,
                status,
                price: place.price_minor,
            };
            serde_json::to_writer(&mut json, &seat).expect("a seat has string keys, and memory takes all");
        }
        json.push(b']');
        json
    }
}
