//! Seats that not everybody can buy.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::words::clock::Timestamp;
use crate::words::id::SeatNo;

/// The channel of seats that nobody can buy.
pub const KILL: &str = "kill";
/// How many allocations an event can have.
pub const MAX_ALLOCATIONS: usize = 1_000;
/// How many channels an event can have, [`KILL`] besides.
pub const MAX_CHANNELS: usize = 250;

/// Seats that are set aside for a channel. Of allocations that overlap, the later one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// Who may buy them; [`KILL`]: nobody.
    pub channel: String,
    /// The first and the last of neighbouring numbers, in order, none twice.
    pub seats: Vec<(SeatNo, SeatNo)>,
    /// When they go on open sale by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_at: Option<Timestamp>,
    /// Whether they did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// Whatever the operator wants to remember.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Allocation {
    /// The numbers of the seats, as ranges.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<SeatNo>> {
        self.seats.iter().map(|&(first, last)| first..=last)
    }

    /// How many seats it names.
    pub fn quantity(&self) -> u32 {
        self.seats.iter().map(|(first, last)| last - first + 1).sum()
    }
}
