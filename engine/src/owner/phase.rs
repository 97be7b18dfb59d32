//! What an owner is about.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{Answer, Ticket};
use super::effect::Effect;
use crate::fault::Fault;
use crate::mutation::{Mutation, mutated};
use crate::words::{Batch, BatchId};

/// What is decided, and waits to be told.
pub(super) type Pending<T> = Vec<(T, Answer)>;

/// What is under way: one thing at a time.
pub(super) enum Phase<T> {
    /// Nothing. The memory is what the store has.
    Idle,
    /// A batch is at the store.
    Appending { batch: Arc<Batch>, pending: Pending<T> },
    /// The store is asked whether this is still the owner, before answers that changed nothing.
    Checking { pending: Pending<T> },
    /// The state is taken from the store again; `tries` are left, the next after `delay`.
    Reloading { in_doubt: Option<InDoubt<T>>, tries: u32, delay: Duration },
    /// Nothing more will be.
    Ended,
}

impl<T> Phase<T> {
    /// What was under way and is done now.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Idle)
    }
}

/// A batch of which only the journal knows whether it was written.
pub(super) struct InDoubt<T> {
    pub(super) batch: Arc<Batch>,
    pub(super) pending: Pending<T>,
    /// Why it is in doubt.
    pub(super) cause: String,
}

impl<T: Ticket> InDoubt<T> {
    /// Tells what became of the batch, once the journal's batch at its place is known.
    pub(super) fn resolve<R>(self, batch_at: Option<BatchId>) -> Effect<T, R> {
        let is_lucky = mutated(Mutation::InDoubtByPlace) && batch_at.is_some();
        if batch_at == Some(self.batch.batch_id) || is_lucky {
            Effect::Answer(self.pending)
        } else {
            super::failed(self.pending, &Fault::Unavailable(self.cause))
        }
    }
}
