//! Where commands wait for an event's actor. A message each would wake the actor's thread each time, also
//! while a batch is at the store and nothing can be done yet; on a hot event that interrupts the thread that
//! parses requests thousands of times a second. So commands wait here, and only an actor that has nothing to
//! do is woken.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::actor::request::Request;

/// The commands that wait. What bounds them is the gate that each has passed.
pub(crate) struct Inbox {
    state: Mutex<State>,
}

struct State {
    waiting: VecDeque<Request>,
    /// The actor found nothing here, or never looked: it must be woken for the next command.
    is_idle: bool,
    is_closed: bool,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { waiting: VecDeque::new(), is_idle: true, is_closed: false }) }
    }

    /// Lets a command wait, and says whether the actor must be woken for it. Once closed it is dropped, which
    /// tells its caller that it was not taken.
    #[must_use]
    pub(crate) fn push(&self, request: Request) -> bool {
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            drop(request);
            return false;
        }
        state.waiting.push_back(request);
        std::mem::take(&mut state.is_idle)
    }

    /// Takes all that waits. If that is nothing, the next command wakes the actor.
    pub(crate) fn take_all(&self) -> VecDeque<Request> {
        let mut state = self.state();
        state.is_idle = state.waiting.is_empty();
        std::mem::take(&mut state.waiting)
    }

    /// Takes nothing more, and drops what waits.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        // Dropping them answers their callers: not under the lock.
        drop(state);
        drop(waiting);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use std::time::Duration;

    use super::*;
    use crate::actor::gate::Gate;
    use crate::owner::Answer;
    use crate::words::Command;

    #[test]
    fn only_an_idle_actor_is_woken_and_only_once() {
        let (gate, inbox) = (Gate::new(10), Inbox::new());
        assert!(inbox.push(request(&gate).0), "it was not here yet");
        assert!(!inbox.push(request(&gate).0), "it is awake");
        assert_eq!(inbox.take_all().len(), 2);
        assert!(!inbox.push(request(&gate).0), "it is at work");
        assert_eq!(inbox.take_all().len(), 1);
        assert_eq!(inbox.take_all().len(), 0);
        assert!(inbox.push(request(&gate).0), "it found nothing again");
    }

    #[test]
    fn closing_tells_who_waits_and_who_comes_later() {
        let (gate, inbox) = (Gate::new(10), Inbox::new());
        let (early, early_answer) = request(&gate);
        let (late, late_answer) = request(&gate);
        let _ = inbox.push(early);
        inbox.close();
        let _ = inbox.push(late);
        for answer in [early_answer, late_answer] {
            assert!(matches!(answer.blocking_recv(), Ok(Answer::NotTaken)));
        }
        assert_eq!(gate.len(), 0, "no place is kept");
    }

    fn request(gate: &Arc<Gate>) -> (Request, tokio::sync::oneshot::Receiver<Answer>) {
        Request::new(Arc::new(Command::Delete), Duration::ZERO, gate.enter().expect("there is room"))
    }
}
