//! The faults that the store in memory is there for.

use std::sync::Arc;

use async_trait::async_trait;
use engine::testing::{InjectedFault, MemoryStore};
use engine::{AppendError, Batch, Store};

use crate::helpers::{BatchSteps, Database, KEYS, Owner, activate, owned_event, user};

#[derive(Default)]
pub struct InMemory(Arc<MemoryStore>);

#[async_trait]
impl Database for InMemory {
    async fn connect(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

async fn store_with_batch() -> (Arc<MemoryStore>, Owner, Arc<Batch>) {
    let store = Arc::new(MemoryStore::new());
    let mut owner = owned_event(&*store).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let batch = Arc::new(owner.batch().reserve(&reservation));
    (store, owner, batch)
}

#[tokio::test]
async fn an_injected_fault_strikes_once() {
    let unknown = AppendError::Unknown("injected".to_owned());
    let aborted = AppendError::Aborted("injected".to_owned());
    for (fault, expected, written, again) in [
        (InjectedFault::Aborted, aborted, false, Ok(())),
        (InjectedFault::UnknownNotWritten, unknown.clone(), false, Ok(())),
        (InjectedFault::UnknownWritten, unknown, true, Err(AppendError::Fenced)),
        (InjectedFault::Fenced, AppendError::Fenced, false, Err(AppendError::Fenced)),
    ] {
        let (store, owner, batch) = store_with_batch().await;
        store.inject(fault);
        assert_eq!(store.append(&batch).await, Err(expected), "{fault:?}");
        let found = store.batch_at(owner.event_id, 1).await.unwrap();
        assert_eq!(found, written.then_some(batch.batch_id), "{fault:?}");
        assert_eq!(store.append(&batch).await, again, "{fault:?}");
    }
}

#[tokio::test]
async fn an_injected_panic_leaves_the_store_whole() {
    let (store, owner, batch) = store_with_batch().await;
    store.inject(InjectedFault::Panic);
    let panicked = tokio::spawn({
        let (store, batch) = (Arc::clone(&store), Arc::clone(&batch));
        async move { store.append(&batch).await }
    });
    assert!(panicked.await.is_err_and(|error| error.is_panic()));
    assert_eq!(store.batch_at(owner.event_id, 1).await, Ok(None));
    assert_eq!(store.append(&batch).await, Ok(()));
}

#[tokio::test]
async fn a_store_that_is_down_answers_nothing() {
    let (store, owner, batch) = store_with_batch().await;
    store.set_down(true);
    assert!(matches!(store.append(&batch).await, Err(AppendError::Aborted(_))));
    assert!(store.now().await.is_err());
    assert!(store.event(owner.event_id).await.is_err());
    assert!(store.activate(owner.event_id, "node-b", KEYS).await.is_err());
    store.set_down(false);
    assert_eq!(store.append(&batch).await, Ok(()));
}

#[tokio::test]
async fn a_held_append_has_begun_and_written_nothing() {
    let (store, owner, batch) = store_with_batch().await;
    store.hold_appends();
    let append = tokio::spawn({
        let (store, batch) = (Arc::clone(&store), Arc::clone(&batch));
        async move { store.append(&batch).await }
    });
    store.appends_begun(1).await;
    assert_eq!(store.batch_at(owner.event_id, 1).await, Ok(None));
    store.release_appends();
    assert_eq!(append.await.unwrap(), Ok(()));
    assert_eq!(activate(&*store, owner.event_id).await.version, 1);
}
