//! What the engine needs from outside, as traits alone.

pub(crate) mod lease;
pub(crate) mod publication;
pub(crate) mod random;
pub(crate) mod store;
