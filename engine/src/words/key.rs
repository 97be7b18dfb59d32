//! Idempotency keys as they are kept: as hashes, so that each costs the same whatever its length.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::id::{ReservationId, SeatNo, UserId};
use super::wish::Wish;

/// A user and an idempotency key. Equal hashes count as equal keys. The hash is cryptographic, so nobody can
/// make two that collide, let alone one that meets another user's; and it has no secret, so that every node
/// and every release comes to the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 16]);

impl KeyHash {
    /// The hash of a user's key.
    pub fn of(user_id: UserId, key: &str) -> Self {
        // The id has a fixed length, so no two pairs are the same bytes.
        let digest = Sha256::new().chain_update(user_id.as_uuid()).chain_update(key).finalize();
        Self(std::array::from_fn(|index| digest[index]))
    }
}

/// What a reserve asked for. The same seats in another order are the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestHash(pub u64);

impl RequestHash {
    /// The hash of a wish.
    pub fn of(wish: &Wish) -> Self {
        if wish.is_plain() {
            return Self::of_seats(&wish.seats);
        }
        let mut wish = wish.clone();
        // A list of seats is in no order, if all are bought alike.
        if wish.ticket_types.is_empty() {
            wish.seats.sort_unstable();
        }
        let json = serde_json::to_vec(&wish).expect("a wish has string keys, and memory takes all");
        Self::first_of(&Sha256::digest(json))
    }

    /// The hash of seats that were asked for, and of nothing else.
    pub fn of_seats(seats: &[SeatNo]) -> Self {
        let mut sorted = seats.to_vec();
        sorted.sort_unstable();
        let hasher =
            sorted.iter().fold(Sha256::new(), |hasher, seat_no| hasher.chain_update(seat_no.to_be_bytes()));
        Self::first_of(&hasher.finalize())
    }

    fn first_of(digest: &[u8]) -> Self {
        Self(u64::from_be_bytes(std::array::from_fn(|index| digest[index])))
    }
}

/// The key of a reservation that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedKey {
    /// Whose key it is, and which.
    pub key_hash: KeyHash,
    /// The reservation that it made.
    pub reservation_id: ReservationId,
    /// What it asked for.
    pub request_hash: RequestHash,
}
