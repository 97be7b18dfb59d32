//! For tests: a store in memory with faults on demand, a clock that is moved by hand, and events to begin
//! with.

mod fixtures;
mod manual_clock;
mod memory_store;
mod null_store;

pub use fixtures::{details, event_info, new_event, random_batch_id};
pub use manual_clock::ManualClock;
pub use memory_store::{InjectedFault, MemoryStore};
pub use null_store::NullStore;

pub use crate::words::forget_layouts;

#[cfg(feature = "mutations")]
pub use crate::mutation::{Mutation, mutate};
