//! A node as the world sees it: its life, its clock, and what can be sent to it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use checker::history::{Answer, Ask};
use engine::{EventId, NewEvent};
use tokio::sync::{mpsc, oneshot};

use crate::clock::NodeClock;
use crate::life::Life;

/// What a node is asked, by a client or by another node.
#[derive(Clone)]
pub struct Request {
    /// The question.
    pub ask: Arc<Ask>,
    /// How often it was passed on.
    pub hops: u8,
}

/// An answer, and the node that gave it.
pub type Reply = (Answer, String);

/// What comes to a node.
pub enum Mail {
    /// A question.
    Ask(Request, oneshot::Sender<Reply>),
    /// Make an event, and name it if it certainly was made.
    Create(NewEvent, oneshot::Sender<Option<EventId>>),
    /// Stop gracefully, and say how many events are live then.
    Stop(oneshot::Sender<usize>),
}

/// A node, over all its lives.
pub struct Node {
    /// The life that it leads now.
    pub life: Arc<Life>,
    /// Where its mail goes.
    pub mail: mpsc::UnboundedSender<Mail>,
    /// Its clock.
    pub clock: Arc<NodeClock>,
    /// How many of its next batches are aborted.
    pub aborts: Arc<AtomicUsize>,
    /// How its next append panics: one of [`Panics`](crate::store::Panics).
    pub panics: Arc<AtomicUsize>,
    /// How often it has begun.
    pub lives: usize,
    /// How many questions wait for its answer.
    pub waiting: Arc<AtomicUsize>,
}

impl Node {
    /// Lets its server go, and the engine with it.
    pub fn dismiss(&mut self) {
        self.mail = mpsc::unbounded_channel().0;
    }
}

/// The address of a node.
pub fn address(node: usize) -> String {
    format!("n{node}")
}
