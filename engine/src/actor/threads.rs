//! Where actors and the tasks beside them run.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix::{Actor, Addr, Arbiter, ArbiterHandle, Context};
use tokio::runtime::Handle;
use tokio::task::spawn_local;

use crate::config::Threads;

/// Starts tasks where [`Threads`] says.
pub(crate) enum Spawner {
    Own {
        events: Vec<ArbiterHandle>,
        next: AtomicUsize,
        /// On a caller's thread, the requests of other events would wait until a big event is read.
        activations: ArbiterHandle,
        home: Handle,
    },
    Here,
}

impl Spawner {
    pub(crate) fn start(threads: Threads) -> Self {
        match threads {
            Threads::Own(count) => Self::Own {
                events: (0..count.max(1)).map(|_| Arbiter::new().handle()).collect(),
                next: AtomicUsize::new(0),
                activations: Arbiter::new().handle(),
                home: Handle::current(),
            },
            Threads::Here => Self::Here,
        }
    }

    pub(crate) fn start_actor<A: Actor<Context = Context<A>> + Send>(&self, actor: A) -> Addr<A> {
        match self {
            Self::Own { events, next, .. } => {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                A::start_in_arbiter(&events[turn % events.len()], |_| actor)
            }
            Self::Here => actor.start(),
        }
    }

    pub(crate) fn activation(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Own { activations, .. } => {
                activations.spawn(task);
            }
            Self::Here => {
                spawn_local(task);
            }
        }
    }

    /// A task that no caller waits for, or one whose connections must not be driven by a busy worker's
    /// runtime.
    pub(crate) fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Own { home, .. } => {
                home.spawn(task);
            }
            Self::Here => {
                spawn_local(task);
            }
        }
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        if let Self::Own { events, activations, .. } = self {
            for arbiter in events.iter().chain([&*activations]) {
                arbiter.stop();
            }
        }
    }
}
