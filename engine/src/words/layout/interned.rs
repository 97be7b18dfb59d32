//! Each layout once in memory: events of the same layout share it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::{Layout, LayoutId};

/// So many runs of layouts that nobody uses are kept, for lists of events are read again and again.
const UNUSED_RUNS_KEPT: usize = 500_000;
/// From so many layouts on, those that are gone are looked for each time their number has doubled.
const MIN_SWEEP: usize = 1_024;

static INTERNED: LazyLock<Mutex<Interned>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Interned {
    layouts: HashMap<LayoutId, Weak<Layout>>,
    sweep_at: usize,
    /// The last ones that were asked for.
    recent: VecDeque<Arc<Layout>>,
    recent_runs: usize,
}

impl Layout {
    /// The layout, shared by all who have the same one.
    pub fn shared(self) -> Arc<Self> {
        let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = interned.known(self.id) {
            return known;
        }
        let layout = Arc::new(self);
        interned.layouts.insert(layout.id, Arc::downgrade(&layout));
        interned.keep(&layout);
        interned.sweep();
        layout
    }

    /// The layout of this id, if it is in memory.
    pub fn known(id: LayoutId) -> Option<Arc<Self>> {
        INTERNED.lock().unwrap_or_else(PoisonError::into_inner).known(id)
    }
}

/// Forgets every layout that nobody uses: for tests of stores, which would else not read them.
#[cfg(any(test, feature = "testing"))]
pub fn forget_layouts() {
    let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
    interned.recent.clear();
    interned.recent_runs = 0;
    interned.layouts.clear();
}

impl Interned {
    fn known(&self, id: LayoutId) -> Option<Arc<Layout>> {
        self.layouts.get(&id)?.upgrade()
    }

    fn keep(&mut self, layout: &Arc<Layout>) {
        self.recent_runs += layout.runs();
        self.recent.push_back(Arc::clone(layout));
        while self.recent_runs > UNUSED_RUNS_KEPT {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.recent_runs -= oldest.runs();
        }
    }

    fn sweep(&mut self) {
        if self.layouts.len() >= self.sweep_at.max(MIN_SWEEP) {
            self.layouts.retain(|_, layout| layout.strong_count() > 0);
            self.sweep_at = self.layouts.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_layouts_are_one() {
        let [first, second] = [0, 1].map(|_| Layout::of_seats(4_321).shared());
        assert!(Arc::ptr_eq(&first, &second));
        assert!(Layout::known(first.id()).is_some_and(|known| Arc::ptr_eq(&known, &first)));
        assert_ne!(first.id(), Layout::of_seats(4_322).id());
    }
}
