//! Which idempotency keys were used. Those of live reservations are all in memory; those of ended ones are in
//! the store, and the last of them here as well.

use std::collections::{HashMap, VecDeque};

use crate::mutation::{Mutation, mutated};
use crate::words::{EndedKey, KeyHash, RequestHash, ReservationNo};

/// How long the key of a reservation that has ended is remembered, since the reservation was made.
pub(super) const RETENTION_S: u32 = 24 * 60 * 60;

/// What a key was used for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum KeyUse {
    /// A reservation that is live.
    Live(ReservationNo),
    /// One that has ended.
    Ended(ReservationNo, RequestHash),
}

/// The keys of one event.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Keys {
    live: HashMap<KeyHash, ReservationNo>,
    ended: HashMap<KeyHash, (ReservationNo, RequestHash)>,
    /// The ended ones, in the order in which they came.
    order: VecDeque<(KeyHash, ReservationNo)>,
    /// Whether the store has some that are not here.
    store_has_more: bool,
}

impl Keys {
    pub(super) fn with_ended(keys: Vec<EndedKey>, store_has_more: bool) -> Self {
        let is_forgotten = mutated(Mutation::KeysNotLoaded);
        let mut this = Self { store_has_more: store_has_more && !is_forgotten, ..Self::default() };
        keys.into_iter().filter(|_| !is_forgotten).for_each(|key| this.end(key));
        this
    }

    /// What a key was used for, as far as is known here.
    pub(super) fn get(&self, key: KeyHash) -> Option<KeyUse> {
        let live = self.live.get(&key).map(|&no| KeyUse::Live(no));
        live.or_else(|| self.ended.get(&key).map(|&(no, request)| KeyUse::Ended(no, request)))
    }

    /// Whether a key that is not here was not used.
    pub(super) fn are_all_here(&self) -> bool {
        !self.store_has_more || mutated(Mutation::KeysNotLookedUp)
    }

    /// A live reservation has this key.
    pub(super) fn enter(&mut self, key: KeyHash, no: ReservationNo) {
        self.live.insert(key, no);
    }

    /// A reservation has ended, or is found to have: its key stays known.
    pub(super) fn end(&mut self, key: EndedKey) {
        let no = ReservationNo::of(key.reservation_id);
        if self.live.get(&key.key_hash) == Some(&no) {
            self.live.remove(&key.key_hash);
        }
        if self.ended.get(&key.key_hash).is_none_or(|&(earlier, _)| earlier < no) {
            self.ended.insert(key.key_hash, (no, key.request_hash));
            self.order.push_back((key.key_hash, no));
        }
    }

    /// Leaves the keys of ended reservations beyond `most` to the store, those that came first.
    pub(super) fn leave_to_store(&mut self, most: usize) {
        while self.order.len() > most {
            let Some((key, no)) = self.order.pop_front() else { break };
            if self.ended.get(&key).is_some_and(|&(last, _)| last == no) {
                self.ended.remove(&key);
                self.store_has_more = true;
            }
        }
    }
}
