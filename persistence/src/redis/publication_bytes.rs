//! A published seat map as bytes: the format's number, the length of a JSON text, the text (the event, with
//! the id of its layout in place of the layout, and its version), then two roaring bitmaps of seat numbers:
//! the reserved ones and the confirmed ones. The counts are theirs.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use engine::{
    Allocation, Currency, EventDetails, EventId, EventInfo, Layout, LayoutId, MAX_SEATS_PER_EVENT, Prices,
    SeatCounts, SeatMap, SeatStatus, Seating, Timestamp,
};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

/// Nodes of another format take no notice, and read the store.
const FORMAT: u8 = 2;

/// Why bytes are no seat map of an event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// They are none.
    #[error("{0}")]
    Corrupt(String),
    /// The event's layout must be read from the store first.
    #[error("its layout is not in memory")]
    UnknownLayout,
}

/// An event as it is published, and its version.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    id: EventId,
    version: u64,
    details: Cow<'a, EventDetails>,
    currency: Currency,
    layout: LayoutId,
    prices: Arc<Prices>,
    allocations: Cow<'a, [Allocation]>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Header<'_> {
    fn into_info(self) -> Result<EventInfo, Unreadable> {
        let layout = Layout::known(self.layout).ok_or(Unreadable::UnknownLayout)?;
        Ok(EventInfo {
            id: self.id,
            details: self.details.into_owned(),
            currency: self.currency,
            seating: Seating { layout, prices: self.prices },
            allocations: self.allocations.into_owned(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

pub(crate) fn encode(map: &SeatMap) -> Vec<u8> {
    let info = &*map.info;
    let header = Header {
        id: info.id,
        version: map.version,
        details: Cow::Borrowed(&info.details),
        currency: info.currency,
        layout: info.seating.layout.id(),
        prices: Arc::clone(&info.seating.prices),
        allocations: Cow::Borrowed(&info.allocations),
        created_at: info.created_at,
        updated_at: info.updated_at,
    };
    let header = serde_json::to_vec(&header).expect("an event has string keys");
    let (reserved, confirmed) = (seats_in(map, SeatStatus::Reserved), seats_in(map, SeatStatus::Confirmed));
    let length = 5 + header.len() + reserved.serialized_size() + confirmed.serialized_size();
    let mut bytes = Vec::with_capacity(length);
    bytes.push(FORMAT);
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    for seats in [reserved, confirmed] {
        seats.serialize_into(&mut bytes).expect("memory takes all");
    }
    bytes
}

/// Checks all that other code relies on: whatever lies in Redis, a map is whole or none.
pub(crate) fn decode(id: EventId, mut bytes: &[u8]) -> Result<SeatMap, Unreadable> {
    let [format] = take(&mut bytes)?;
    if format != FORMAT {
        return Err(Unreadable::Corrupt(format!("format {format}")));
    }
    let header = u32::from_le_bytes(take(&mut bytes)?) as usize;
    let (header, mut bitmaps) = bytes.split_at_checked(header).ok_or_else(|| unreadable("it is cut off"))?;
    let header: Header<'_> = serde_json::from_slice(header).map_err(unreadable)?;
    let version = header.version;
    let info = header.into_info()?;
    let reserved = RoaringBitmap::deserialize_from(&mut bitmaps).map_err(unreadable)?;
    let confirmed = RoaringBitmap::deserialize_from(&mut bitmaps).map_err(unreadable)?;
    let seats = info.seating.seats();
    let claimed = &reserved | &confirmed;
    if info.id != id
        || seats > MAX_SEATS_PER_EVENT
        || claimed.min().is_some_and(|first| first == 0)
        || claimed.max().is_some_and(|last| last > seats)
        || !reserved.is_disjoint(&confirmed)
        || !bitmaps.is_empty()
    {
        return Err(unreadable("its parts do not fit together"));
    }
    let mut statuses = info.free_statuses();
    for (seats, status) in [(&reserved, SeatStatus::Reserved), (&confirmed, SeatStatus::Confirmed)] {
        seats.iter().for_each(|seat_no| statuses[seat_no as usize - 1] = status);
    }
    let not_for_sale = statuses.iter().filter(|status| **status == SeatStatus::NotForSale).count();
    let counts = SeatCounts {
        reserved: reserved.len() as u32,
        confirmed: confirmed.len() as u32,
        not_for_sale: not_for_sale as u32,
    };
    Ok(SeatMap { info: Arc::new(info), version, counts, statuses })
}

fn seats_in(map: &SeatMap, wanted: SeatStatus) -> RoaringBitmap {
    let seats = (1..).zip(&map.statuses).filter(|(_, status)| **status == wanted);
    RoaringBitmap::from_sorted_iter(seats.map(|(seat_no, _)| seat_no)).expect("seats are in order")
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let mut taken = [0; N];
    bytes.read_exact(&mut taken).map_err(unreadable)?;
    Ok(taken)
}

fn unreadable(error: impl ToString) -> Unreadable {
    Unreadable::Corrupt(error.to_string())
}

#[cfg(test)]
mod tests {
    use engine::testing::event_info;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn map(seats: u32, status: impl Fn(u32) -> SeatStatus) -> SeatMap {
        let mut info = event_info(NOW, 1, Seating::of_seats(seats, 500));
        info.details.name = "Chœurs “à capella”".to_owned();
        let statuses: Vec<_> = (1..=seats).map(status).collect();
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count() as u32;
        let counts = SeatCounts {
            reserved: count(SeatStatus::Reserved),
            confirmed: count(SeatStatus::Confirmed),
            not_for_sale: count(SeatStatus::NotForSale),
        };
        SeatMap { info: Arc::new(info), version: 17, counts, statuses }
    }

    fn mixed(seat_no: u32) -> SeatStatus {
        match seat_no % 3 {
            0 => SeatStatus::Available,
            1 => SeatStatus::Reserved,
            _ => SeatStatus::Confirmed,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for seats in [1, 100, MAX_SEATS_PER_EVENT] {
            for map in [map(seats, mixed), map(seats, |_| SeatStatus::Available)] {
                assert!(decode(map.info.id, &encode(&map)).as_ref() == Ok(&map), "{seats} seats");
            }
        }
    }

    #[test]
    fn what_is_not_whole_is_not_read() {
        let map = map(100, mixed);
        let id = map.info.id;
        let bytes = encode(&map);
        for length in 0..bytes.len() {
            assert!(decode(id, &bytes[..length]).is_err(), "the first {length} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        let newer = [&[FORMAT + 1], &bytes[1..]].concat();
        for (what, bytes) in [("longer", longer), ("newer", newer), ("text", b"hello".to_vec())] {
            assert!(decode(id, &bytes).is_err(), "{what}");
        }
        assert!(decode(EventId::mint(NOW, 2), &bytes).is_err(), "another event's");
        let mut beyond = map;
        Arc::make_mut(&mut beyond.info).seating = Seating::of_seats(99, 500);
        assert!(decode(id, &encode(&beyond)).is_err(), "seat 100 of 99");
    }
}
