//! The simulator: whole nodes, many in one thread, with a store, a Redis, links, clocks and clients that are
//! simulated, all from one seed. The engine is the real one. Time goes by only when nobody has anything to
//! do, and then at once, so a run of a minute takes milliseconds; and the same seed tells the same story, on
//! every machine.
//!
//! A run has clients that reserve, confirm, give up and repeat at any node, while nodes are killed, paused,
//! cut off and restarted, messages lost, doubled and late, and clocks jump. Each commit is held against a
//! model; at the end everything that was said is held against the journal (the crate `checker`), and once all
//! faults are healed everybody must be served and every hold must end.

pub mod client;
pub mod clock;
pub mod dice;
pub mod faults;
pub mod life;
pub mod mail;
pub mod network;
pub mod node;
pub mod plan;
#[cfg(feature = "mutations")]
pub mod proof;
pub mod redis;
pub mod run;
pub mod search;
pub mod store;
pub mod story;
pub mod truth;
pub mod world;
