//! What comes back for a command.

use std::sync::Arc;
use std::time::Duration;

use crate::fault::Fault;
use crate::words::{Command, EventInfo, Outcome, Rejection};

/// What comes back for a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Done {
        outcome: Outcome,
        event: Arc<EventInfo>,
    },
    /// Decided against the journal's batch `seq`.
    Rejected {
        rejection: Rejection,
        seq: u64,
    },
    Fault(Fault),
    /// Certainly without effect: the actor ended, or lost its ownership, before the command was written.
    NotTaken,
    /// Certainly without effect: the actor ended while it applied this very command.
    Crashed,
}

/// A command that waits for its answer, and knows how far it has come: if it is dropped unanswered, it tells
/// its caller so.
pub(crate) trait Ticket {
    fn command(&self) -> &Command;
    /// When it came to this node, by the node's monotonic time.
    fn came(&self) -> Duration;

    /// The rules look at it.
    fn applying(&mut self);

    /// The rules have decided; nothing is written yet.
    fn applied(&mut self);

    /// Its batch is at the store: only the store knows.
    fn appending(&mut self);
}
