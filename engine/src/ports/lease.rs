//! The port to leases: which node should be an event's owner now. A lease makes ownership quick and stable;
//! it is never what makes it safe (the epoch in the store does that).

use async_trait::async_trait;

use crate::words::EventId;

/// Leases could not be reached. Nothing is known of who holds them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lease: {0}")]
pub struct LeaseFault(pub String);

/// Who holds a lease, or should ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseHolder {
    /// This node.
    Me,
    /// The node of this address holds it, or is the one that should.
    Other(String),
    /// Nobody, and no other node is there to take it.
    Nobody,
}

/// Which free leases a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bid {
    /// Those of events that it is preferred for among the live nodes.
    Preferred,
    /// Any: another node found this one to be the right one, or found no other.
    Any,
    /// None: it is stopping.
    Never,
}

/// Leases on events, of one node.
#[async_trait]
pub trait Lease: Send + Sync + 'static {
    /// Takes the lease of an event if it is free and within the bid, and says who holds it or should.
    async fn acquire(&self, id: EventId, bid: Bid) -> Result<LeaseHolder, LeaseFault>;

    /// Prolongs the leases of `ids`, takes those of them that got lost (by a flush, say) and are free, and
    /// returns those that another node holds.
    async fn renew(&self, ids: &[EventId]) -> Result<Vec<EventId>, LeaseFault>;

    /// Tells the other nodes whether this one can own events, and learns the same of them.
    async fn heartbeat(&self, can_own: bool) -> Result<(), LeaseFault>;

    /// Gives up a lease, if this node holds it.
    async fn release(&self, id: EventId) -> Result<(), LeaseFault>;

    /// Whether the leases can be reached.
    async fn ping(&self) -> Result<(), LeaseFault>;
}

/// The leases of a node that is alone: it holds every one.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalLease;

#[async_trait]
impl Lease for LocalLease {
    async fn acquire(&self, _: EventId, bid: Bid) -> Result<LeaseHolder, LeaseFault> {
        Ok(if bid == Bid::Never { LeaseHolder::Nobody } else { LeaseHolder::Me })
    }

    async fn renew(&self, _: &[EventId]) -> Result<Vec<EventId>, LeaseFault> {
        Ok(Vec::new())
    }

    async fn heartbeat(&self, _: bool) -> Result<(), LeaseFault> {
        Ok(())
    }

    async fn release(&self, _: EventId) -> Result<(), LeaseFault> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), LeaseFault> {
        Ok(())
    }
}
