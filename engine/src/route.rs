//! Where a command is decided: on this node, or on the one that owns its event.

use crate::engine::Engine;
use crate::fault::{CallError, Fault};
use crate::mutation::{Mutation, mutated};

/// How often a command is passed on at most: enough for an event that changes its owner while a command is on
/// its way.
pub const MAX_HOPS: u8 = 3;

/// Why another node gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    /// Nobody took the command: it certainly had no effect.
    #[error("the owner cannot be reached: {0}")]
    Unreached(String),
    /// The command was sent, and may have been carried out.
    #[error("the owner did not answer: {0}")]
    Unanswered(String),
}

/// Brings a command to the node that decides it, and its answer back.
///
/// `here` asks an engine of this node. Where that finds another owner, `there` sends the command to the node
/// of that address, with the number of hops that it has then made. A command that certainly reached nobody
/// comes back once, to take the event over if this node may; one that got no answer is never sent again.
/// `hops` says how often other nodes have passed the command on already: 0 for a client's.
pub async fn decide<T>(
    engine: &Engine,
    hops: u8,
    here: impl AsyncFn(Engine) -> Result<T, CallError>,
    there: impl AsyncFn(String, u8) -> Result<T, PeerFault>,
) -> Result<T, CallError> {
    let first = if hops > 0 { engine.taking_over() } else { engine.clone() };
    let owner = match here(first).await {
        Err(CallError::Elsewhere(owner)) if hops < MAX_HOPS => owner,
        result => return result.map_err(at_its_last_hop),
    };
    match there(owner.clone(), hops + 1).await {
        Ok(answer) => Ok(answer),
        Err(PeerFault::Unreached(cause)) => {
            tracing::warn!(owner, cause, "the owner cannot be reached");
            here(engine.taking_over()).await.map_err(at_its_last_hop)
        }
        Err(PeerFault::Unanswered(_)) if mutated(Mutation::TakesOverUnanswered) => {
            here(engine.taking_over()).await.map_err(at_its_last_hop)
        }
        Err(fault) => Err(Fault::Unknown(fault.to_string()).into()),
    }
}

fn at_its_last_hop(error: CallError) -> CallError {
    match error {
        CallError::Elsewhere(_) => Fault::Unavailable("the event changes its owner".to_owned()).into(),
        error => error,
    }
}
