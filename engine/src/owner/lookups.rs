//! Commands whose idempotency key is not in memory: they stand aside until the store has said whether it
//! was used. One look is under way at a time, beside whatever else is.

use std::collections::VecDeque;

/// The commands that stand aside.
pub(super) struct Lookups<T> {
    /// Those that wait for the next look.
    aside: Vec<T>,
    /// Those whose keys are looked up.
    under_way: Option<Vec<T>>,
    /// Those whose keys have been: decided before all others.
    ready: VecDeque<T>,
    /// Whether keys were left to the store since the last look. Nothing is left to it while one is under way,
    /// which may miss it; so each look waits for its turn, and memory stays bounded.
    is_tidy: bool,
    /// Whether the memory was replaced while a look was under way: what it found is of before.
    is_stale: bool,
}

impl<T> Default for Lookups<T> {
    fn default() -> Self {
        Self { aside: Vec::new(), under_way: None, ready: VecDeque::new(), is_tidy: true, is_stale: false }
    }
}

impl<T> Lookups<T> {
    /// A command must wait for a look.
    pub(super) fn put_aside(&mut self, ticket: T) {
        self.aside.push(ticket);
    }

    /// The next command whose key has been looked up.
    pub(super) fn next_ready(&mut self) -> Option<T> {
        self.ready.pop_front()
    }

    /// A command whose key has been looked up could not be decided yet.
    pub(super) fn put_back(&mut self, ticket: T) {
        self.ready.push_front(ticket);
    }

    /// Whether keys may be left to the store: no look can miss them, and none is still to be heeded.
    pub(super) fn is_at_rest(&self) -> bool {
        self.under_way.is_none() && self.ready.is_empty()
    }

    /// Keys were left to the store.
    pub(super) fn note_tidied(&mut self) {
        self.is_tidy = true;
    }

    /// The commands for whose keys a look begins, if one may.
    pub(super) fn begin(&mut self) -> Option<&[T]> {
        if !self.is_tidy || !self.is_at_rest() || self.aside.is_empty() {
            return None;
        }
        self.is_tidy = false;
        Some(self.under_way.insert(std::mem::take(&mut self.aside)))
    }

    /// The look is over, and found what it is about: those are ready now. Says whether what it found counts.
    pub(super) fn found(&mut self) -> bool {
        let looked_up = self.under_way.take().unwrap_or_default();
        if std::mem::take(&mut self.is_stale) {
            self.aside.splice(..0, looked_up);
            return false;
        }
        self.ready.extend(looked_up);
        true
    }

    /// The look failed: these have no answer.
    pub(super) fn failed(&mut self) -> Vec<T> {
        self.is_stale = false;
        self.under_way.take().unwrap_or_default()
    }

    /// The memory is replaced: what was looked up before counts no more.
    pub(super) fn forget_found(&mut self) {
        self.is_stale = self.under_way.is_some();
        self.aside.extend(self.ready.drain(..));
    }
}
