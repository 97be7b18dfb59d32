//! A command on its way through an actor, and what comes back. Whatever happens to the actor, its caller
//! hears how far the command had come.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::command::{Command, Outcome, Rejection};
use crate::engine::Fault;
use crate::event_info::EventInfo;
use crate::gate::Pass;

/// What comes back for a command.
#[derive(Debug)]
pub(crate) enum Answer {
    Done {
        outcome: Outcome,
        event: Arc<EventInfo>,
    },
    /// Decided against the journal's batch `seq`.
    Rejected {
        rejection: Rejection,
        seq: u64,
    },
    Fault(Fault),
    /// Certainly without effect: the actor ended, or lost its ownership, before the command was written.
    NotTaken,
    /// Certainly without effect: the actor ended while it applied this very command.
    Crashed,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Waiting, or applied with its batch not sent to the store yet.
    Waiting,
    Applying,
    /// Its batch is at the store: only the store knows.
    Appending,
}

/// A command that waits for its answer. Dropping it unanswered tells the caller how far it came; at the
/// stage `Appending` by silence.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) command: Arc<Command>,
    reply: Option<oneshot::Sender<Answer>>,
    stage: Stage,
    pass: Option<Pass>,
}

impl Request {
    pub(crate) fn new(command: Arc<Command>, pass: Pass) -> (Self, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        (Self { command, reply: Some(reply), stage: Stage::Waiting, pass: Some(pass) }, answer)
    }

    pub(crate) fn applying(&mut self) {
        self.stage = Stage::Applying;
    }

    pub(crate) fn applied(&mut self) {
        self.stage = Stage::Waiting;
    }

    pub(crate) fn appending(&mut self) {
        self.stage = Stage::Appending;
    }

    pub(crate) fn answer(mut self, answer: Answer) {
        self.send(answer);
    }

    fn send(&mut self, answer: Answer) {
        // Before the answer: whoever has it may ask again, and must find room.
        self.pass = None;
        if let Some(reply) = self.reply.take() {
            // The caller may have gone; its command stands all the same.
            let _ = reply.send(answer);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        match self.stage {
            Stage::Waiting => self.send(Answer::NotTaken),
            Stage::Applying => self.send(Answer::Crashed),
            Stage::Appending => {}
        }
    }
}
