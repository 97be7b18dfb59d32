//! A command on its way through an actor, and what comes back. Whatever happens to the actor, its caller
//! hears how far the command had come.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::actor::gate::Pass;
use crate::fault::Fault;
use crate::mutation::{Mutation, mutated};
use crate::owner::{Answer, Ticket};
use crate::words::Command;

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
    command: Arc<Command>,
    came: Duration,
    reply: Option<oneshot::Sender<Answer>>,
    stage: Stage,
    pass: Option<Pass>,
}

impl Request {
    /// `came`: when the command came to this node, by the node's monotonic time.
    pub(crate) fn new(
        command: Arc<Command>,
        came: Duration,
        pass: Pass,
    ) -> (Self, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        (Self { command, came, reply: Some(reply), stage: Stage::Waiting, pass: Some(pass) }, answer)
    }

    pub(crate) fn answer(mut self, answer: Answer) {
        self.send(answer);
    }

    fn send(&mut self, answer: Answer) {
        // Before the answer: a caller that has it may ask again, and must find room.
        self.pass = None;
        if let Some(reply) = self.reply.take() {
            // The caller may have gone; its command stands all the same.
            let _ = reply.send(answer);
        }
    }
}

impl Ticket for Request {
    fn command(&self) -> &Command {
        &self.command
    }

    fn came(&self) -> Duration {
        self.came
    }

    fn applying(&mut self) {
        self.stage = Stage::Applying;
    }

    fn applied(&mut self) {
        self.stage = Stage::Waiting;
    }

    fn appending(&mut self) {
        self.stage = Stage::Appending;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        match self.stage {
            Stage::Waiting => self.send(Answer::NotTaken),
            Stage::Applying => self.send(Answer::Crashed),
            Stage::Appending if mutated(Mutation::CrashIsNotDone) => {
                self.send(Answer::Fault(Fault::Unavailable("crashed".to_owned())));
            }
            Stage::Appending => {}
        }
    }
}
