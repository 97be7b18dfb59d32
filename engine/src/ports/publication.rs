//! The port to what owners publish of their events, so that other nodes show them without asking the owner,
//! and seldom the store. It decides nothing: what is not there, or not in time, is read from the store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::words::{EventId, SeatMap};

/// How long after its `as_of` a publication can be read. A read that rests on one must be at most a second
/// old: the rest of the second is for reading it, for keeping it and for preparing an answer from it.
pub const MAX_PUBLICATION_AGE: Duration = Duration::from_millis(600);

/// What is published could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("publications: {0}")]
pub struct PublicationFault(pub String);

/// An event as its owner knows it.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The event, its details too: all of one version, so that a reader mixes nothing.
    pub map: Arc<SeatMap>,
    /// When a batch that is in the map was handed to the store. It was committed under the owner's epoch, so
    /// the map was the newest after this time, also if the owner was paused since, and has lost the event.
    pub as_of: Instant,
}

/// What the owners of events publish for all nodes.
#[async_trait]
pub trait Publications: fmt::Debug + Send + Sync + 'static {
    /// Lets all nodes read a publication until [`MAX_PUBLICATION_AGE`] after its `as_of`, however late it
    /// gets there. `false`: that has gone by, or a later version was published.
    async fn publish(&self, publication: &Publication) -> Result<bool, PublicationFault>;

    /// What was published last of an event; `None` if that is too old now.
    async fn latest(&self, id: EventId) -> Result<Option<SeatMap>, PublicationFault>;
}
