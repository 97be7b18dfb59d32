//! A live event, as callers reach it: its actor, and what they see of it without asking.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix::Addr;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::desk::Desk;
use super::event_actor::{EventActor, Message};
use super::gate::{Gate, Pass, Refused};
use super::node::Node;
use super::request::Request;
use crate::fault::{CallError, Fault};
use crate::owner::{Answer, Owned};
use crate::view::EventView;
use crate::words::{Command, EventId, SeatMap};

/// A live event.
#[derive(Clone)]
pub(crate) struct EventHandle {
    addr: Addr<EventActor>,
    desk: Arc<Desk>,
}

impl EventHandle {
    /// Starts the actor of an event that this node owns.
    pub(crate) fn start(node: &Arc<Node>, id: EventId, owned: Owned) -> Self {
        let (commits, commits_receiver) = watch::channel(Instant::now());
        let desk = Desk::new(node.config.queue_per_event, &owned, commits_receiver);
        let actor = EventActor::new(Arc::clone(node), id, owned, Arc::clone(&desk), commits);
        Self { addr: node.spawner.start_actor(actor), desk }
    }

    /// Brings a command, which came to this node at `came`, to the actor, and its answer back. `None`: the
    /// actor is ending, and did not take it.
    pub(crate) async fn decide(
        &self,
        command: &Arc<Command>,
        came: Duration,
    ) -> Result<Option<Answer>, CallError> {
        let Some(pass) = pass_of(&self.desk.gate)? else { return Ok(None) };
        let (request, answer) = Request::new(Arc::clone(command), came, pass);
        if self.desk.inbox.push(request) {
            self.addr.do_send(Message::Wake);
        }
        match answer.await {
            Ok(answer) => Ok(Some(answer)),
            Err(_) => Err(Fault::Unknown("the event crashed while its batch was written".to_owned()).into()),
        }
    }

    /// The seats as of the last commit; `None` if the actor is ending.
    pub(crate) async fn seat_map(&self) -> Result<Option<Arc<SeatMap>>, CallError> {
        let Some(pass) = pass_of(&self.desk.readers)? else { return Ok(None) };
        let (reader, map) = oneshot::channel();
        self.addr.do_send(Message::SeatMap((reader, pass)));
        Ok(map.await.ok())
    }

    /// The event as of its last commit.
    pub(crate) fn view(&self) -> EventView {
        self.desk.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether that is as of a second ago at most: a batch can be at the store for longer.
    pub(crate) fn is_current(&self) -> bool {
        self.desk.is_current()
    }

    /// The epoch under which the actor writes.
    pub(crate) fn epoch(&self) -> u64 {
        self.desk.epoch.load(Ordering::Acquire)
    }

    /// Tells of each commit, with the time when its batch was handed to the store, until the actor is gone.
    pub(crate) fn commits(&self) -> watch::Receiver<Instant> {
        self.desk.commits.clone()
    }

    /// Whether commands are let in.
    pub(crate) fn is_open(&self) -> bool {
        !self.desk.gate.is_closed()
    }

    /// Lets the actor write what waits, and end.
    pub(crate) fn drain(&self) {
        self.addr.do_send(Message::Drain);
    }

    /// Waits until the actor is gone, and all it held with it.
    pub(crate) async fn ended(&self) {
        let mut commits = self.commits();
        while commits.changed().await.is_ok() {}
    }

    /// Whether the actor is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.desk.commits.has_changed().is_err()
    }
}

/// A pass through an actor's gate; `None` if the actor is ending.
fn pass_of(gate: &Arc<Gate>) -> Result<Option<Pass>, CallError> {
    match gate.enter() {
        Ok(pass) => Ok(Some(pass)),
        Err(Refused::Full) => Err(Fault::Overloaded.into()),
        Err(Refused::Closed) => Ok(None),
    }
}
