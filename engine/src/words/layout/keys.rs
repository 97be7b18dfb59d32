//! The operator's own keys of seats, as far as they follow from a layout.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Layout, SeatPlace};
use crate::words::id::SeatNo;

/// How the operator's own keys of the seats come about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatKeys {
    /// A seat's key is its label.
    #[default]
    Label,
    /// A text with `{section}`, `{row}` and `{seat}` in it.
    Pattern(String),
    /// Each seat has one of its own, kept apart under this hash of all of them.
    /// What was added later has its label.
    Listed(Uuid),
}

impl SeatKeys {
    /// Of seats that have these keys, in the order of their numbers.
    pub fn listed(keys: &[String]) -> Self {
        let hasher = keys.iter().fold(Sha256::new(), |hasher, key| {
            // With its length, so that no two lists are the same bytes.
            hasher.chain_update((key.len() as u64).to_be_bytes()).chain_update(key)
        });
        let digest = hasher.finalize();
        let hash = std::array::from_fn(|index| digest[index]);
        Self::Listed(uuid::Builder::from_custom_bytes(hash).into_uuid())
    }

    pub(super) fn is_label(&self) -> bool {
        *self == Self::Label
    }
}

/// Two keys with one hash are told apart by a look at the seat.
fn key_hash(key: &str) -> u64 {
    let digest = Sha256::digest(key);
    u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
}

impl Layout {
    /// The operator's key of a seat, as far as it follows from its place. Where keys are listed, this is the
    /// key of what was added later.
    pub fn key(&self, place: &SeatPlace<'_>) -> Cow<'_, str> {
        match &self.content.keys {
            SeatKeys::Label | SeatKeys::Listed(_) => place.label().into(),
            SeatKeys::Pattern(pattern) => pattern
                .replace("{section}", place.section.unwrap_or_default())
                .replace("{row}", place.row.as_deref().unwrap_or_default())
                .replace("{seat}", place.number.as_deref().unwrap_or_default())
                .into(),
        }
    }

    /// The seat of a key that follows from its place.
    pub fn seat_of_key(&self, key: &str) -> Option<SeatNo> {
        self.names().keys.get_or_init(|| self.seats_by_key()).get(&key_hash(key)).copied().filter(
            |&seat_no| {
                let place = self.place(seat_no);
                place.is_some_and(|place| self.key(&place) == key)
            },
        )
    }

    /// Made for the first request that names a key: a look at each seat would cost more than all the rest.
    fn seats_by_key(&self) -> HashMap<u64, SeatNo> {
        let seats = (1..=self.content.seats).filter_map(|seat_no| Some((seat_no, self.place(seat_no)?)));
        let named = seats.filter(|(_, place)| place.row.is_some());
        let keys = named.map(|(seat_no, place)| (key_hash(&self.key(&place)), seat_no));
        keys.collect()
    }
}
