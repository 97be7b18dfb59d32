//! What everybody sees of a seat.

use serde::{Deserialize, Serialize};

/// Whether a seat can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SeatStatus {
    /// Free.
    Available,
    /// Held by a pending reservation.
    Reserved,
    /// Sold.
    Confirmed,
    /// Neither, and set aside for a channel.
    NotForSale,
}
