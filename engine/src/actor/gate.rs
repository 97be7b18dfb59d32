//! The bound of an event's queue. actix's mailbox is none: its capacity counts per sender, and `do_send`
//! ignores it. The gate also lets an idle event leave memory without losing a command on its way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Set once no more may enter; the other bits count who is inside.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Lets at most a fixed number in at a time, until it is closed.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicUsize,
    capacity: usize,
}

/// Why somebody was not let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// Being inside. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Gate>);

impl Gate {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { state: AtomicUsize::new(0), capacity })
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Result<Pass, Refused> {
        let count_in = |state: usize| (state & CLOSED == 0 && state < self.capacity).then_some(state + 1);
        match self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, count_in) {
            Ok(_) => Ok(Pass(Arc::clone(self))),
            Err(state) if state & CLOSED != 0 => Err(Refused::Closed),
            Err(_) => Err(Refused::Full),
        }
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Closes the gate if nobody is inside; says whether nobody is, and nobody can come any more.
    pub(crate) fn close_if_empty(&self) -> bool {
        let closed = self.state.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        matches!(closed, Ok(0) | Err(CLOSED))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many are inside.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.state.load(Ordering::Acquire) & !CLOSED
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.state.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_in_what_fits_and_nobody_once_closed() {
        let gate = Gate::new(2);
        let first = gate.enter().expect("there is room");
        let second = gate.enter().expect("there is room");
        assert_eq!(gate.enter().err(), Some(Refused::Full));
        assert!(!gate.close_if_empty());
        drop(first);
        assert_eq!(gate.len(), 1);
        drop(gate.enter().expect("there is room again"));
        drop(second);
        assert!(gate.close_if_empty());
        assert_eq!(gate.enter().err(), Some(Refused::Closed));
        assert_eq!(gate.len(), 0);
    }
}
