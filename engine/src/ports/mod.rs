//! What the engine needs from outside, as traits alone.

mod charts;
mod lease;
mod publication;
mod random;
mod store;
mod store_fault;

pub use charts::Charts;
pub use lease::{Bid, Lease, LeaseFault, LeaseHolder, LocalLease};
pub use publication::{MAX_PUBLICATION_AGE, Publication, PublicationFault, Publications};
pub use random::{Random, SystemRandom};
pub use store::{AppendError, EventTables, ReservationFilter, Store, UsedEventKey};
pub use store_fault::StoreFault;
