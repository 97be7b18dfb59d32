//! What is known when the store did not do what was asked.

/// The store could not do what was asked. Nothing is known of the event; trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreFault(pub String);
