//! Becoming the owner of an event: the lease first, then the epoch and the state from the store.

use crate::actor::node::Node;
use crate::fault::{CallError, Fault};
use crate::owner::{KEY_RETENTION_S, Owned};
use crate::ports::{Bid, LeaseFault, LeaseHolder};
use crate::words::{EventId, Rejection};

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
        let keys_since = self.clock.now().minus_s(KEY_RETENTION_S);
        let snapshot = self
            .store
            .activate(id, &self.config.node, keys_since)
            .await
            .map_err(|fault| Fault::Unavailable(fault.to_string()));
        match snapshot {
            Ok(Some(snapshot)) => Ok(Owned::restore(snapshot)),
            Ok(None) => {
                self.release_lease(id).await;
                Err(CallError::Rejected { rejection: Rejection::EventNotFound, seq: None })
            }
            Err(fault) => {
                self.release_lease(id).await;
                Err(fault.into())
            }
        }
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
