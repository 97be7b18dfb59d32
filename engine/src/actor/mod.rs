//! The shell around an event's owner: where commands wait for it, and what carries out what it asks for.

pub(crate) mod desk;
pub(crate) mod event_actor;
pub(crate) mod gate;
pub(crate) mod handle;
pub(crate) mod inbox;
pub(crate) mod node;
pub(crate) mod ownership;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod threads;
