//! The operator's own keys of seats, as they are kept in memory.

use std::sync::Arc;

use moka::future::Cache;
use uuid::Uuid;

use crate::words::SeatNo;

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
    pub(crate) fn of(keys: Vec<String>) -> Self {
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
