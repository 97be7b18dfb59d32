//! What only SQLite does with a group of batches.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{AppendError, Batch, Store};
use futures_util::future::join_all;
use persistence::{StoreOptions, connect};
use sqlx::{Connection, SqliteConnection};
use tokio::time::{Instant, sleep};

use crate::groups::{Grouping, check, owners, reserve};
use crate::helpers::{KEYS, activate, owned_event};
use crate::sqlite::TestFile;

/// A store that another connection can lock out, so that what comes meanwhile is one group.
pub struct SqliteGrouping {
    file: TestFile,
    store: Arc<dyn Store>,
}

impl SqliteGrouping {
    pub async fn start() -> Self {
        Self::with_batch_timeout(Duration::from_secs(20)).await
    }

    async fn with_batch_timeout(batch_timeout: Duration) -> Self {
        let file = TestFile::create();
        let options = StoreOptions { batch_timeout, ..StoreOptions::new(file.url()) };
        Self { store: connect(&options).await.unwrap(), file }
    }

    async fn other_process(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.file.url()).await.unwrap()
    }

    /// The number of transactions since the file was made: the frames of the write-ahead log that end one
    /// (<https://www.sqlite.org/fileformat2.html#walformat>).
    fn transactions(&self) -> usize {
        const HEADER: usize = 32;
        const FRAME_HEADER: usize = 24;
        let path = self.file.url().replace("sqlite://", "") + "-wal";
        let log = std::fs::read(path).unwrap();
        let page_size = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
        let frames = log[HEADER..].chunks_exact(FRAME_HEADER + page_size);
        // The pages of the database after the transaction, and of each frame that does not end one 0.
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }
}

#[async_trait]
impl Grouping for SqliteGrouping {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn append_together(&self, batches: &[Arc<Batch>]) -> Vec<Result<(), AppendError>> {
        let obstacle = Arc::new(owned_event(self.store()).await.batch());
        let mut other = self.other_process().await;
        let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let group = async {
            // Enough for the writer to take the obstacle, and too little for it to give up.
            sleep(Duration::from_millis(100)).await;
            let unlock = async {
                sleep(Duration::from_millis(20)).await;
                lock.rollback().await.unwrap();
            };
            tokio::join!(join_all(batches.iter().map(|batch| self.store.append(batch))), unlock).0
        };
        let (obstacle, outcomes) = tokio::join!(self.store.append(&obstacle), group);
        assert_eq!(obstacle, Ok(()));
        outcomes
    }
}

#[tokio::test]
async fn a_group_is_one_transaction() {
    let grouping = SqliteGrouping::start().await;
    let mut owners = owners(&grouping, 30).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let before = grouping.transactions();
    assert_eq!(grouping.append_together(&batches).await, vec![Ok(()); 30]);
    // Besides: an event is made, it is activated, and it has the batch that is in the way.
    let transactions = grouping.transactions() - before;
    assert!(transactions <= 4, "{transactions}");
}

#[tokio::test]
async fn one_batch_to_blame_costs_few_transactions() {
    let grouping = SqliteGrouping::start().await;
    let mut owners = owners(&grouping, 100).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    activate(grouping.store(), owners[40].event_id).await;
    let before = grouping.transactions();
    let outcomes = grouping.append_together(&batches).await;
    let mut expected = vec![Ok(()); 100];
    expected[40] = Err(AppendError::Fenced);
    assert_eq!(outcomes, expected);
    let transactions = grouping.transactions() - before;
    assert!(transactions < 20, "{transactions}");
}

#[tokio::test]
async fn what_another_process_locks_out_is_aborted_in_time() {
    let grouping = SqliteGrouping::with_batch_timeout(Duration::from_secs(3)).await;
    let mut owners = owners(&grouping, 40).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let mut other = grouping.other_process().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let begun = Instant::now();
    let appends = batches.iter().enumerate().map(async |(index, batch)| {
        // Not all at once, so that they are more than one group.
        sleep(Duration::from_millis(10 * index as u64)).await;
        grouping.store.append(batch).await
    });
    // These need the connection of the writer as well.
    let activations =
        join_all(owners[..3].iter().map(|owner| grouping.store.activate(owner.event_id, "node-b", KEYS)));
    let (outcomes, activations) = tokio::join!(join_all(appends), activations);
    let aborted = |outcome: &Result<(), AppendError>| matches!(outcome, Err(AppendError::Aborted(_)));
    assert!(outcomes.iter().all(aborted), "after {:?}: {outcomes:?}", begun.elapsed());
    assert!(activations.iter().all(Result::is_err), "{activations:?}");

    lock.rollback().await.unwrap();
    let again = join_all(batches.iter().map(|batch| grouping.store.append(batch))).await;
    assert_eq!(again, vec![Ok(()); 40]);
    check(&grouping, &owners, &[1; 40]).await;
}
