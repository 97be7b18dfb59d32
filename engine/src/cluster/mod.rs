//! One node among others: what keeps its ownerships known and honest, and what nodes show each other.

pub(crate) mod lease_keeper;
pub(crate) mod outage;
pub(crate) mod published;
pub(crate) mod publisher;
pub(crate) mod sweep;
