//! Why a call gave no result.

use crate::ports::StoreFault;
use crate::words::Rejection;

/// Something broke. Retrying is right; a command may have been carried out where the text says "unknown",
/// and is then found again by its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The event's queue is full. Nothing was done.
    #[error("too many commands wait for this event")]
    Overloaded,
    /// The store or the leases do not answer, or the event is just changing its owner. Nothing was done.
    #[error("unavailable, nothing was done: {0}")]
    Unavailable(String),
    /// It could not be found out what was done.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The rules refuse the command.
    #[error("{rejection}")]
    Rejected {
        /// Why.
        rejection: Rejection,
        /// The batch of the journal that it was decided against; `None` if no event was asked.
        seq: Option<u64>,
    },
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The node of this address owns the event: ask it.
    #[error("owned by {0}")]
    Elsewhere(String),
}

impl From<StoreFault> for CallError {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(Fault::Unavailable(fault.to_string()))
    }
}

impl From<Rejection> for CallError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected { rejection, seq: None }
    }
}
