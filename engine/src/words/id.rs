//! Identifiers. One layout (a UUID of version 8, RFC 9562) serves events, reservations and seats, so that
//! each id leads to its event without a query:
//!
//! ```text
//! | 48 bits: milliseconds or seat number | version | 12 bits: counter | variant | 62 bits: event tag |
//! ```
//!
//! The event tag is the event's creation time in milliseconds (42 bits) and 20 random bits. An event's id
//! is its tag under its own creation time and counter 0; a reservation's id is the time and counter at
//! which it was made, so ids of one event sort by time; a seat's id has the seat's number in the first
//! field, where no plausible time can stand.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::words::clock::Timestamp;

/// The number of a seat within its event, from 1.
pub type SeatNo = u32;

/// The largest number of seats that one event can have.
pub const MAX_SEATS_PER_EVENT: u32 = 200_000;

const TAG_BITS: u32 = 62;
const TAG_MASK: u128 = (1 << TAG_BITS) - 1;
const TAG_RANDOM_BITS: u32 = 20;
const COUNTER_MAX: u16 = 0x0fff;

fn compose(high: u64, counter: u16, tag: u64) -> Uuid {
    let bits = (u128::from(high) << 80)
        | (8 << 76)
        | (u128::from(counter & COUNTER_MAX) << 64)
        | (0b10 << TAG_BITS)
        | (u128::from(tag) & TAG_MASK);
    Uuid::from_u128(bits)
}

fn high(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}

fn counter(id: Uuid) -> u16 {
    (id.as_u128() >> 64) as u16 & COUNTER_MAX
}

/// Time and counter as one number.
fn position(id: Uuid) -> u64 {
    (high(id) << 12) | u64::from(counter(id))
}

/// The id at a position.
fn at_position(position: u64, tag: u64) -> Uuid {
    compose(position >> 12, position as u16 & COUNTER_MAX, tag)
}

fn tag(id: Uuid) -> u64 {
    (id.as_u128() & TAG_MASK) as u64
}

fn has_layout(id: Uuid) -> bool {
    id.get_version_num() == 8 && id.get_variant() == uuid::Variant::RFC4122
}

/// A text that is no id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of {kind}")]
pub struct InvalidId {
    kind: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "Uuid", into = "Uuid")]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a UUID.
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl TryFrom<Uuid> for $name {
            type Error = InvalidId;

            fn try_from(id: Uuid) -> Result<Self, InvalidId> {
                let valid: fn(Uuid) -> bool = $valid;
                if valid(id) { Ok(Self(id)) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map_err(|_| InvalidId { kind: $kind })?.try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id_type!(
    /// The id of an event.
    EventId, "an event", |id| has_layout(id) && counter(id) == 0 && high(id) == tag(id) >> TAG_RANDOM_BITS
);
id_type!(
    /// The id of a reservation. Sorts by the time at which the reservation was made.
    ReservationId, "a reservation", |id| has_layout(id) && high(id) > u64::from(MAX_SEATS_PER_EVENT)
);
id_type!(
    /// The id of a seat: its event and its number.
    SeatId, "a seat", |id| {
        has_layout(id) && counter(id) == 0 && (1..=u64::from(MAX_SEATS_PER_EVENT)).contains(&high(id))
    }
);
id_type!(
    /// The id of a user: any UUID, given by the system that keeps the users.
    UserId, "a user", |_| true
);
id_type!(
    /// The id of a batch, by which a commit of unknown outcome is looked up.
    BatchId, "a batch", |_| true
);

impl EventId {
    /// Mints an event's id from its creation time and 20 random bits.
    pub fn mint(created_at: Timestamp, random: u32) -> Self {
        let millis = created_at.as_millis();
        let tag = (millis << TAG_RANDOM_BITS) | u64::from(random) & ((1 << TAG_RANDOM_BITS) - 1);
        Self(compose(millis, 0, tag))
    }

    /// The id of this event's seat number `seat_no`.
    pub fn seat(self, seat_no: SeatNo) -> SeatId {
        SeatId(compose(u64::from(seat_no), 0, tag(self.0)))
    }

    /// The smallest id that a reservation of this event made at or after `time` can have.
    pub fn first_reservation_at(self, time: Timestamp) -> ReservationId {
        ReservationId(compose(time.as_millis(), 0, tag(self.0)))
    }

    pub(crate) fn reservation(self, no: ReservationNo) -> ReservationId {
        ReservationId(at_position(no.0.get(), tag(self.0)))
    }

    fn from_tag(tag: u64) -> Self {
        Self(compose(tag >> TAG_RANDOM_BITS, 0, tag))
    }
}

impl ReservationId {
    /// The reservation's event.
    pub fn event_id(self) -> EventId {
        EventId::from_tag(tag(self.0))
    }

    /// The id after `last` for a reservation made at `now`: never equal to an earlier one of the event,
    /// also when the clock stands still or went back.
    pub fn next(event_id: EventId, last: Option<ReservationId>, now: Timestamp) -> Self {
        // Counter 0 is left to the event's own id.
        let fresh = (now.as_millis() << 12) | 1;
        let after_last = last.map_or(0, |last| position(last.0) + 1);
        Self(at_position(fresh.max(after_last), tag(event_id.0)))
    }
}

/// A reservation's id without its event's tag, so half the size; only with its event it is unique. Sorts like
/// the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReservationNo(NonZeroU64);

impl ReservationNo {
    pub(crate) fn of(id: ReservationId) -> Self {
        // No id has the time 0: seats' ids are there. So the minimum is never taken.
        Self(NonZeroU64::new(position(id.0)).unwrap_or(NonZeroU64::MIN))
    }
}

impl SeatId {
    /// The seat's event.
    pub fn event_id(self) -> EventId {
        EventId::from_tag(tag(self.0))
    }

    /// The seat's number within its event.
    pub fn seat_no(self) -> SeatNo {
        high(self.0) as SeatNo
    }
}

impl UserId {
    /// Takes any UUID as a user's id.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }
}

impl BatchId {
    /// An id made of random bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
    }

    /// Takes a batch's id as a store kept it.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_id() -> EventId {
        EventId::mint(Timestamp::from_micros(1_800_000_000_000_000), 0xabcde)
    }

    #[test]
    fn every_id_leads_to_its_event() {
        let event_id = event_id();
        let now = Timestamp::from_micros(1_800_000_123_456_789);
        assert_eq!(event_id.seat(7).event_id(), event_id);
        assert_eq!(event_id.seat(7).seat_no(), 7);
        let reservation_id = ReservationId::next(event_id, None, now);
        assert_eq!(reservation_id.event_id(), event_id);
        assert_eq!(event_id.reservation(ReservationNo::of(reservation_id)), reservation_id);
        assert_eq!(event_id.to_string().parse(), Ok(event_id));
    }

    #[test]
    fn kinds_do_not_mix() {
        let event_id = event_id();
        let reservation_id =
            ReservationId::next(event_id, None, Timestamp::from_micros(1_800_000_000_000_000));
        assert!(event_id.to_string().parse::<SeatId>().is_err());
        assert!(event_id.seat(1).to_string().parse::<EventId>().is_err());
        assert!(event_id.seat(200_000).to_string().parse::<ReservationId>().is_err());
        assert!(reservation_id.to_string().parse::<EventId>().is_err());
        assert!(Uuid::new_v4().to_string().parse::<SeatId>().is_err());
    }

    #[test]
    fn reservation_ids_grow_when_the_clock_does_not() {
        let event_id = event_id();
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let mut last = ReservationId::next(event_id, None, now);
        for step in 0..10_000 {
            let now = if step > 5_000 { Timestamp::from_micros(1_799_999_000_000_000) } else { now };
            let next = ReservationId::next(event_id, Some(last), now);
            assert!(next > last);
            assert_eq!(next.event_id(), event_id);
            last = next;
        }
    }
}
