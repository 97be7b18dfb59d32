//! Becoming the owner of an event: the lease first, then the epoch and the state from the store.

use std::time::Duration;

use crate::actor::node::Node;
use crate::fault::{CallError, Fault};
use crate::mutation::{Mutation, mutated};
use crate::owner::{Anchor, Owned};
use crate::ports::{Bid, LeaseFault, LeaseHolder, StoreFault};
use crate::words::{EventId, Rejection};

/// The time by the store's clock is known well enough if its answer took no longer.
const QUICK_ANSWER: Duration = Duration::from_millis(100);
/// How often it is asked again after an answer that took longer.
const ANCHOR_TRIES: u32 = 2;

impl Node {
    /// Makes this node the owner of an event, if the lease allows it.
    pub(crate) async fn take_ownership(&self, id: EventId, bid: Bid) -> Result<Owned, CallError> {
        match self.lease.acquire(id, bid).await {
            Ok(LeaseHolder::Me) => {}
            Ok(LeaseHolder::Other(address)) => return Err(CallError::Elsewhere(address)),
            Ok(LeaseHolder::Nobody) => {
                return Err(Fault::Unavailable("no node takes the event".to_owned()).into());
            }
            Err(fault) => self.check_last_owner(id, bid, fault).await?,
        }
        match self.activate(id).await {
            Ok(Some(owned)) => Ok(owned),
            Ok(None) => {
                self.release_lease(id).await;
                Err(CallError::Rejected { rejection: Rejection::EventNotFound, seq: None })
            }
            Err(fault) => {
                self.release_lease(id).await;
                Err(Fault::Unavailable(fault.to_string()).into())
            }
        }
    }

    async fn activate(&self, id: EventId) -> Result<Option<Owned>, StoreFault> {
        let anchor = self.anchor().await?;
        let snapshot = self.store.activate(id, &self.config.node, self.config.ended_keys).await?;
        Ok(snapshot.map(|snapshot| Owned::restore(snapshot, anchor)))
    }

    /// What time it is by the store's clock: the quickest of some answers, since one that takes long may be
    /// from its beginning or from its end.
    async fn anchor(&self) -> Result<Anchor, StoreFault> {
        let mut best = self.anchor_once().await?;
        for _ in 0..ANCHOR_TRIES {
            if best.1 <= QUICK_ANSWER {
                break;
            }
            let next = self.anchor_once().await?;
            best = if next.1 < best.1 { next } else { best };
        }
        Ok(best.0)
    }

    /// The time by the store's clock, and how long the answer took.
    async fn anchor_once(&self) -> Result<(Anchor, Duration), StoreFault> {
        let asked = self.monotonic();
        let wall = self.store.now().await?;
        let took = self.monotonic() - asked;
        let wall = if mutated(Mutation::OwnClock) { self.clock.now() } else { wall };
        Ok((Anchor { wall, monotonic: asked + took / 2 }, took))
    }

    /// Looks at the store's clock, so that this node's time does not differ from it.
    pub(crate) async fn look_at_clock(&self) -> Result<(), StoreFault> {
        let (anchor, took) = self.anchor_once().await?;
        if took <= QUICK_ANSWER {
            self.note_store_time(anchor);
        }
        Ok(())
    }

    /// Without leases, the last owner in the store is the one to ask. Only when it was found dead (then the
    /// bid is on any event) is it replaced; the epoch makes that safe also if it lives.
    async fn check_last_owner(&self, id: EventId, bid: Bid, fault: LeaseFault) -> Result<(), CallError> {
        tracing::warn!(event_id = %id, %fault, "no lease; the store decides");
        if bid == Bid::Any {
            return Ok(());
        }
        let last_owner = self.store.event(id).await?.and_then(|row| row.owner);
        match last_owner.filter(|owner| *owner != self.config.node) {
            Some(owner) => Err(CallError::Elsewhere(owner)),
            None if bid == Bid::Never => Err(Fault::Unavailable(fault.to_string()).into()),
            None => Ok(()),
        }
    }

    /// Gives up the lease of an event; it runs out by itself where that fails.
    pub(crate) async fn release_lease(&self, id: EventId) {
        if let Err(fault) = self.lease.release(id).await {
            tracing::warn!(event_id = %id, %fault, "lease not released");
        }
    }
}
