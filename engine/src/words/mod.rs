//! What everything speaks of: plain values, without a clock, randomness or I/O (but for
//! [`clock::SystemClock`]).

pub(crate) mod change;
pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod event_info;
pub(crate) mod id;
pub(crate) mod invalid;
pub(crate) mod layout;
pub(crate) mod reservation;
pub(crate) mod snapshot;
