//! Ways to show the seats of an event: one by one, or by their statuses alone.

use engine::{SeatKeyList, SeatMap, SeatStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::seat_body::SeatFilter;

/// What is shown of the seats.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MapView {
    /// Each of these.
    Seats(SeatFilter),
    /// The statuses of all, in ranges.
    Statuses,
}

impl MapView {
    /// As JSON.
    pub fn write(&self, map: &SeatMap, keys: Option<&SeatKeyList>) -> Vec<u8> {
        match self {
            Self::Seats(filter) => filter.write(map, keys),
            Self::Statuses => {
                let body = StatusesBody::from(map);
                serde_json::to_vec(&body).expect("it has string keys, and memory takes all")
            }
        }
    }
}

/// The statuses of an event's seats, as ranges of their numbers in its layout. What is in none is available.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statuses)]
pub struct StatusesBody {
    /// The number of the journal's last batch in it.
    version: u64,
    total_seats: u32,
    /// The first and the last number of neighbours that are held.
    reserved: Vec<[u32; 2]>,
    /// The same of those that are sold.
    confirmed: Vec<[u32; 2]>,
    /// The same of those that are set aside.
    not_for_sale: Vec<[u32; 2]>,
}

impl From<&SeatMap> for StatusesBody {
    fn from(map: &SeatMap) -> Self {
        let ranges = |wanted: SeatStatus| {
            let mut ranges: Vec<[u32; 2]> = Vec::new();
            for (seat_no, _) in (1..).zip(&map.statuses).filter(|(_, status)| **status == wanted) {
                match ranges.last_mut() {
                    Some([_, last]) if *last + 1 == seat_no => *last = seat_no,
                    _ => ranges.push([seat_no, seat_no]),
                }
            }
            ranges
        };
        Self {
            version: map.version,
            total_seats: map.statuses.len() as u32,
            reserved: ranges(SeatStatus::Reserved),
            confirmed: ranges(SeatStatus::Confirmed),
            not_for_sale: ranges(SeatStatus::NotForSale),
        }
    }
}
