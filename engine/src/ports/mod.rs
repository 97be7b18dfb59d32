//! What the engine needs from outside, as traits alone.

mod lease;
mod publication;
mod random;
mod store;

pub use lease::{Bid, Lease, LeaseFault, LeaseHolder, LocalLease};
pub use publication::{MAX_PUBLICATION_AGE, Publication, PublicationFault, Publications};
pub use random::{Random, SystemRandom};
pub use store::{AppendError, EventTables, ReservationFilter, Store, StoreFault, UsedEventKey};
