//! What nodes tell each other over Redis: leases, and publications.

pub(crate) mod lease;
mod publication_bytes;
pub(crate) mod publications;
