//! The writer of a store: a queue of batches, and a thread of its own that writes them in groups, each in one
//! transaction.
//!
//! Each transaction costs much that does not depend on how much it writes. One event gathers its commands
//! while its last batch is under way; many events gather their batches here while the database is busy. An
//! idle writer takes what there is at once, so nobody waits for others to come.

use std::sync::Arc;

use engine::{AppendError, Batch};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::options::ConnectError;

/// A group is closed when it has so many batches, or so many rows: who comes next waits for all of it.
const GROUP_BATCHES: usize = 256;
const GROUP_ROWS: usize = 4_096;

/// Writes batches.
pub(crate) struct Writer {
    /// Unbounded here: each live event has one batch under way, and bounds its own queue.
    queue: UnboundedSender<Waiting>,
    /// Taken only when the writer is dropped.
    runtime: Option<Runtime>,
}

impl Writer {
    /// Starts the thread. `work`, called within its runtime, makes what takes groups from the queue until
    /// there are none any more.
    pub(crate) fn start<F>(work: impl FnOnce(Queue) -> F) -> Result<Self, ConnectError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("holdfast-writer")
            .enable_all()
            .build()
            .map_err(|error| ConnectError::Unreachable(format!("cannot start a thread: {error}")))?;
        let (queue, waiting) = mpsc::unbounded_channel();
        let work = {
            let _entered = runtime.enter();
            work(Queue(waiting))
        };
        runtime.spawn(work);
        Ok(Self { queue, runtime: Some(runtime) })
    }

    /// Writes a batch. Once begun it is carried through, also when the caller goes away.
    pub(crate) async fn append(&self, batch: &Arc<Batch>) -> Result<(), AppendError> {
        let (waiting, outcome) = Waiting::new(Arc::clone(batch));
        if self.queue.send(waiting).is_err() {
            return Err(AppendError::Aborted("the store is closed".to_owned()));
        }
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => Err(AppendError::Unknown("the writer stopped".to_owned())),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A runtime must not be waited for within another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The batches that wait to be written, in the order in which they came.
pub(crate) struct Queue(UnboundedReceiver<Waiting>);

impl Queue {
    /// All that waits, up to the limits; nothing once the writer is gone.
    pub(crate) async fn next_group(&mut self) -> Vec<Waiting> {
        let mut group = Vec::from_iter(self.0.recv().await);
        let mut rows: usize = group.iter().map(Waiting::rows).sum();
        while group.len() < GROUP_BATCHES && rows < GROUP_ROWS {
            let Ok(next) = self.0.try_recv() else { break };
            rows += next.rows();
            group.push(next);
        }
        group
    }
}

/// A batch whose owner waits for its outcome.
pub(crate) struct Waiting {
    pub(crate) batch: Arc<Batch>,
    /// Since when.
    pub(crate) begun: Instant,
    outcome: oneshot::Sender<Result<(), AppendError>>,
}

impl Waiting {
    fn new(batch: Arc<Batch>) -> (Self, oneshot::Receiver<Result<(), AppendError>>) {
        let (outcome, receiver) = oneshot::channel();
        (Self { batch, begun: Instant::now(), outcome }, receiver)
    }

    pub(crate) fn answer(self, outcome: Result<(), AppendError>) {
        // Nobody may be there to hear it any more.
        let _ = self.outcome.send(outcome);
    }

    /// How many rows of tables it makes, changes or deletes.
    fn rows(&self) -> usize {
        let Batch { created, updated, released, claimed, .. } = &*self.batch;
        created.len() + updated.len() + released.len() + claimed.len()
    }
}
