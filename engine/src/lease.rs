//! The port to leases: which node should be an event's owner now. A lease makes ownership quick and stable;
//! it is never what makes it safe (the epoch in the store does that).

use async_trait::async_trait;

use crate::id::EventId;

/// Leases could not be reached. Nothing is known of who holds them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lease: {0}")]
pub struct LeaseFault(pub String);

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseHolder {
    /// This node.
    Me,
    /// The node of this address.
    Other(String),
}

/// Leases on events, of one node.
#[async_trait]
pub trait Lease: Send + Sync + 'static {
    /// Takes the lease of an event if it is free, and says who holds it.
    async fn acquire(&self, id: EventId) -> Result<LeaseHolder, LeaseFault>;

    /// Prolongs the leases that this node holds, and returns those of `ids` that it has lost.
    async fn renew(&self, ids: &[EventId]) -> Result<Vec<EventId>, LeaseFault>;

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
    async fn acquire(&self, _: EventId) -> Result<LeaseHolder, LeaseFault> {
        Ok(LeaseHolder::Me)
    }

    async fn renew(&self, _: &[EventId]) -> Result<Vec<EventId>, LeaseFault> {
        Ok(Vec::new())
    }

    async fn release(&self, _: EventId) -> Result<(), LeaseFault> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), LeaseFault> {
        Ok(())
    }
}
