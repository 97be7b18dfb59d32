//! Seats on the wire.

use std::ops::Range;

use engine::{Layout, SeatId, SeatKeyList, SeatKeys, SeatMap, SeatStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// About how long one seat's JSON is, to allocate once.
pub const SEAT_BYTES: usize = 192;

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

/// What a seat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatKind {
    /// In a row.
    Seat,
    /// At a table, which is its row.
    Table,
    /// One of the counted places of a section, without a number.
    Place,
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
    /// In minor units of the event's currency, as the event's first ticket type; `null` if it is not sold as
    /// that.
    price: Option<i64>,
    /// The key of its category, whose prices stand with the event.
    category: &'a str,
    kind: SeatKind,
    /// The operator's key of it, where it is not its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    key: Option<&'a str>,
    /// What is special about it; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    attributes: Vec<&'a str>,
    /// `true` where an aisle lies between it and the seat before it; else absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    aisle_before: bool,
    /// `true` where it sells only together with its block; else absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    sold_together: bool,
}

/// Every seat as JSON.
pub fn render_all(map: &SeatMap) -> Vec<u8> {
    SeatFilter::default().write(map, None)
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
        let Some(section) = &self.section else { return std::iter::once(1..layout.seats() + 1).collect() };
        let sections = layout.sections_named(section).iter();
        sections.flat_map(|&section| layout.ranges_of_section(section)).collect()
    }

    /// The seats that are wanted, as JSON.
    pub fn write(&self, map: &SeatMap, keys: Option<&SeatKeyList>) -> Vec<u8> {
        let layout = &map.info.seating.layout;
        let numbers = self.ranges(layout).into_iter().flatten();
        let statuses = numbers.filter_map(|no| Some((no, *map.statuses.get(no as usize - 1)?)));
        let wanted = statuses.filter(|(_, status)| self.status.is_none_or(|wanted| wanted == *status));
        let mut json = Vec::with_capacity(wanted.clone().count() * SEAT_BYTES + 2);
        json.push(b'[');
        for (seat_no, status) in wanted {
            let Some(place) = layout.place(seat_no) else { continue };
            let key = match (keys, layout.keys()) {
                (Some(keys), _) => Some(keys.key(seat_no).map_or_else(|| layout.key(&place), Into::into)),
                (None, SeatKeys::Pattern(_)) => Some(layout.key(&place)),
                (None, _) => None,
            };
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
                category: &layout.categories()[usize::from(place.category)],
                kind: match (place.row.is_some(), place.is_table) {
                    (false, _) => SeatKind::Place,
                    (true, true) => SeatKind::Table,
                    (true, false) => SeatKind::Seat,
                },
                key: key.as_deref(),
                attributes: layout.attribute_names(place.attributes).collect(),
                aisle_before: place.aisle_before,
                sold_together: place.together,
            };
            serde_json::to_writer(&mut json, &seat).expect("a seat has string keys, and memory takes all");
        }
        json.push(b']');
        json
    }
}
