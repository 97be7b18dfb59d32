//! The life of one process: it runs, is paused, or is killed, and then nothing of it acts any more.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::task::LocalSet;

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const DEAD: u8 = 2;
const ENDED: u8 = 3;

/// The life of one process. A node that is restarted has a new one.
#[derive(Debug, Default)]
pub struct Life {
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
    /// It dies at this call to the outside: before it is made if positive, after it was carried out if
    /// negative.
    dies_at: AtomicI64,
    /// It may still die so.
    is_doomed: AtomicBool,
}

/// Where in a call to the outside a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It does not.
    Not,
    /// Before the call is made.
    Before,
    /// When the call was carried out, and before its answer.
    After,
}

impl Life {
    /// Lets nothing of it run for a while.
    pub fn pause(&self) {
        let _ = self.state.compare_exchange(RUNNING, PAUSED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        let _ = self.state.compare_exchange(PAUSED, RUNNING, Ordering::SeqCst, Ordering::SeqCst);
        self.wake();
    }

    /// Ends it, wherever it is.
    pub fn kill(&self) {
        self.state.store(DEAD, Ordering::SeqCst);
        self.wake();
    }

    /// Whether it came to its end by itself: none of its tasks is left.
    pub fn has_ended(&self) -> bool {
        self.state.load(Ordering::SeqCst) == ENDED
    }

    /// Whether it was killed.
    pub fn is_dead(&self) -> bool {
        self.state.load(Ordering::SeqCst) == DEAD
    }

    /// Lets it die at one of its next calls to the outside.
    pub fn die_at_call(&self, calls: usize, is_after: bool) {
        let calls = calls as i64 + 1;
        self.is_doomed.store(true, Ordering::SeqCst);
        self.dies_at.store(if is_after { -calls } else { calls }, Ordering::SeqCst);
    }

    /// Lets it live.
    pub fn disarm(&self) {
        self.dies_at.store(0, Ordering::SeqCst);
        self.is_doomed.store(false, Ordering::SeqCst);
    }

    /// Ends it, unless it was let live meanwhile.
    pub fn die(&self) {
        if self.is_doomed.load(Ordering::SeqCst) {
            self.kill();
        }
    }

    /// Counts a call to the outside.
    pub fn count_call(&self) -> Death {
        let left = self.dies_at.load(Ordering::SeqCst);
        if left == 0 {
            return Death::Not;
        }
        self.dies_at.store(left - left.signum(), Ordering::SeqCst);
        match left {
            1 => Death::Before,
            -1 => Death::After,
            _ => Death::Not,
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

/// All tasks of a process. Ends when it is killed, and drops them.
pub struct Process {
    /// Its life.
    pub life: std::sync::Arc<Life>,
    /// Its tasks.
    pub tasks: LocalSet,
}

impl Future for Process {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        *self.life.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        match self.life.state.load(Ordering::SeqCst) {
            RUNNING => {
                let tasks = Pin::new(&mut self.tasks).poll(context);
                // It may have died of what it did.
                if self.life.is_dead() {
                    return Poll::Ready(());
                }
                if tasks.is_ready() {
                    self.life.state.store(ENDED, Ordering::SeqCst);
                }
                tasks
            }
            PAUSED => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}
