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
    /// Neither, and not on open sale.
    NotForSale,
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
    /// As the house calls it; `null` for a counted place.
    row: Option<&'a str>,
    /// As the house calls it; `null` for a counted place.
    number: Option<&'a str>,
    #[schema(value_type = SeatStatusName)]
    status: SeatStatus,
    /// In minor units of the event's currency, as the event's first ticket type.
    price: Option<i64>,
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
        self.section.as_ref().is_none_or(|section| !layout.sections_named(section).is_empty())
    }

    /// The numbers of the section's seats, or of all.
    fn ranges(&self, layout: &Layout) -> Vec<Range<u32>> {
        let Some(section) = &self.section else { return vec![1..layout.seats() + 1] };
        let sections = layout.sections_named(section).iter();
        sections.flat_map(|&section| layout.ranges_of_section(section)).collect()
    }

    /// The seats that are wanted, as JSON.
    pub fn write(&self, map: &SeatMap) -> Vec<u8> {
        let layout = &map.info.seating.layout;
        let numbers = self.ranges(layout).into_iter().flatten();
        let statuses = numbers.filter_map(|no| Some((no, *map.statuses.get(no as usize - 1)?)));
        let wanted = statuses.filter(|(_, status)| self.status.is_none_or(|wanted| wanted == *status));
        let mut json = Vec::with_capacity(wanted.clone().count() * SEAT_BYTES + 2);
        json.push(b'[');
        for (seat_no, status) in wanted {
            let Some(place) = layout.place(seat_no) else { continue };
            if json.len() > 1 {
                json.push(b',');
            }
            let seat = SeatBody {
                id: map.info.id.seat(seat_no),
                seat_number: &place.label(),
                section: place.section,
                row: place.row.as_deref(),
                number: place.number.as_deref(),
                status,
                price: map.info.seating.prices.price_minor(place.category, 0),
            };
            serde_json::to_writer(&mut json, &seat).expect("a seat has string keys, and memory takes all");
        }
        json.push(b']');
        json
    }
}
