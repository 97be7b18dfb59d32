//! How an engine runs.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{Publications, Random, SystemRandom};

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The address under which other nodes reach this one; recorded as the owner's.
    pub node: String,
    /// How many commands of one event may wait; further ones are answered [`Fault::Overloaded`].
    pub queue_per_event: usize,
    /// How many commands a batch takes at most.
    pub batch_commands: usize,
    /// How often each event looks for holds that have run out, where one soon will; else every ten ticks, or
    /// each second.
    pub tick: Duration,
    /// How long an event stays in memory without a command.
    pub idle_after: Duration,
    /// How many idempotency keys of ended reservations an event keeps in memory; those beyond are looked up
    /// in the store when one is used that is not in memory.
    pub ended_keys: u32,
    /// How often the store is searched for due holds of events that no node has in memory.
    pub sweep_every: Duration,
    /// How often leases are prolonged: a fraction of their lifetime.
    pub renew_leases_every: Duration,
    /// Where events and the tasks beside them run.
    pub threads: Threads,
    /// Where random bits come from.
    pub random: Arc<dyn Random>,
    /// Where owners publish their events for other nodes; `None` where there are none, and nothing is copied.
    pub publications: Option<Arc<dyn Publications>>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            node: "local".to_owned(),
            queue_per_event: 10_000,
            batch_commands: 1_024,
            tick: Duration::from_millis(100),
            idle_after: Duration::from_secs(300),
            ended_keys: 20_000,
            sweep_every: Duration::from_secs(5),
            renew_leases_every: Duration::from_secs(1),
            threads: Threads::Own(1),
            random: Arc::new(SystemRandom),
            publications: None,
        }
    }
}

/// Where an engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// Events on this many threads of their own, activations on another one, the rest on the runtime that the
    /// engine is started in.
    Own(usize),
    /// Everything on the [`LocalSet`](tokio::task::LocalSet) that the engine is called from: one that is not
    /// polled is a node that is paused, one that is dropped is a node that is killed.
    Here,
}
