//! What an owner is told, and what it asks for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Owned;
use super::answer::Answer;
use crate::fault::{CallError, Fault};
use crate::ports::AppendError;
use crate::view::EventView;
use crate::words::{Batch, BatchId, EndedKey, KeyHash, SeatMap};

/// When an input comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since the node began; never goes back.
    pub(crate) monotonic: Duration,
    /// The id of the batch that may come of it.
    pub(crate) batch_id: BatchId,
}

/// What an owner is told.
pub(crate) enum Input<T, R> {
    /// Commands, in order.
    Commands(VecDeque<T>),
    /// Somebody asks for the status of every seat.
    ReadMap(R),
    /// Time has gone by.
    Tick,
    /// Write what waits, and end.
    Drain,
    /// Nobody is on the way to this event any more, and nobody can be: the answer to [`Effect::EndIfUnused`].
    Unused,
    /// What became of the batch at the store.
    Appended(Result<(), AppendError>),
    /// The epoch that the store has of the event, if it has the event.
    Epoch(Result<Option<u64>, Fault>),
    /// Those of the keys asked for that belong to reservations that have ended.
    EndedKeys(Result<Vec<EndedKey>, Fault>),
    /// What the store has of the event now.
    Reloaded(Box<Result<Reloaded, CallError>>),
}

/// What the store has of an event.
pub(crate) struct Reloaded {
    /// The event under a new epoch; `None`: it was deleted.
    pub(crate) owned: Option<Owned>,
    /// The batch at the place of the one in doubt, if one is.
    pub(crate) batch_at: Option<BatchId>,
}

/// What an owner asks for, in this order.
pub(crate) type Effects<T, R> = Vec<Effect<T, R>>;

/// What an owner asks for.
pub(crate) enum Effect<T, R> {
    /// Give the batch to the store.
    Append(Arc<Batch>),
    /// Ask the store for the event's epoch.
    LookForEpoch,
    /// Look these keys up among those of reservations that have ended.
    LookForKeys(Vec<KeyHash>),
    /// Become the owner anew after a while, and look which batch the journal has at a number.
    Reload { after: Duration, doubtful_seq: Option<u64> },
    /// Show the event like this from now on: it is committed.
    Show(EventView),
    /// Say from now on that this is the epoch.
    ShowEpoch(u64),
    /// Show the readers the seats.
    ShowMap(Vec<R>, Arc<SeatMap>),
    /// Tell the callers.
    Answer(Vec<(T, Answer)>),
    /// Let no command in any more.
    Close,
    /// Let no command in any more if none is on its way, and say so.
    EndIfUnused,
    /// Give up the lease, and be gone.
    End,
}
