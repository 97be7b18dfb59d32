//! The ways in which seats are mostly sold, behind the HTTP code of Holdfast, so that what is compared is the
//! deciding and the writing alone: authentication, request ids, metrics, logs, parsing and rendering are the
//! same code.
//!
//! The peers do what a reservation needs, and less than Holdfast: no journal, no expiry, no confirming, no
//! order of decisions (`seq` is 0). Whatever was in doubt was decided in their favour.

mod hold;
mod peer;
mod redis_lock;
mod reservations;
pub mod server;
pub mod tables;

pub use peer::{Peer, PeerKind, Settings, SetupError};
