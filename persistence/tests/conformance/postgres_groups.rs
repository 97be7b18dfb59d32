//! What only Postgres does with a group of batches.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{AppendError, Batch, Store};
use futures_util::future::join_all;
use persistence::{StoreOptions, connect};
use sqlx::{Connection, PgConnection};

use crate::groups::{Grouping, check, owners, reserve};
use crate::helpers::{Owner, owned_event};
use crate::postgres::{TestDatabase, lock_event, run};

/// A store whose one lane can be held up, so that what comes meanwhile is one group.
pub struct PostgresGrouping {
    database: TestDatabase,
    store: Arc<dyn Store>,
}

impl PostgresGrouping {
    pub async fn start() -> Self {
        let database = TestDatabase::create().await;
        // Of three connections that write, one is the lane, and two are for batches whose group failed.
        let options =
            StoreOptions { max_connections: 6, batch_timeout: Duration::from_secs(20), ..database.options() };
        let store = connect(&options).await.unwrap();
        let statement = "CREATE TABLE held_up (event_id uuid);
             CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 WHILE EXISTS (SELECT FROM held_up WHERE event_id = NEW.event_id) LOOP
                     PERFORM pg_sleep(0.005);
                 END LOOP;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER hold_up BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION hold_up()";
        run(&mut database.admin().await, statement.to_owned()).await;
        Self { database, store }
    }

    async fn hold_up(&self, owner: &Owner) {
        let statement = format!("INSERT INTO held_up VALUES ('{}')", owner.event_id.as_uuid());
        run(&mut self.database.admin().await, statement).await;
    }

    /// Appends the batches as one group, and then does something `meanwhile`.
    async fn append<T>(
        &self,
        batches: &[Arc<Batch>],
        meanwhile: impl Future<Output = T>,
    ) -> (Vec<Result<(), AppendError>>, T) {
        // More would not all be in the queue before the obstacle is gone.
        assert!(batches.len() <= 30);
        let in_the_way = owned_event(&*self.store).await;
        self.hold_up(&in_the_way).await;
        let obstacle = Arc::new(in_the_way.batch());
        let group = async {
            let mut admin = self.database.admin().await;
            wait_for_append(&mut admin, "PgSleep").await;
            let appends = join_all(batches.iter().map(|batch| self.store.append(batch)));
            let meanwhile = async {
                let free = format!("DELETE FROM held_up WHERE event_id = '{}'", obstacle.event_id.as_uuid());
                run(&mut admin, free).await;
                self.wait_for_version(&in_the_way, 1).await;
                meanwhile.await
            };
            tokio::join!(biased; appends, meanwhile)
        };
        let (obstacle, outcomes) = tokio::join!(self.store.append(&obstacle), group);
        assert_eq!(obstacle, Ok(()));
        outcomes
    }

    /// The number of transactions that wrote the first batches of these events.
    async fn transactions(&self, owners: &[Owner]) -> i64 {
        let ids: Vec<_> = owners.iter().map(|owner| owner.event_id.as_uuid()).collect();
        sqlx::query_scalar(
            "SELECT count(DISTINCT xmin::text) FROM journal WHERE seq = 1 AND event_id = ANY($1)",
        )
        .bind(ids)
        .fetch_one(&mut self.database.admin().await)
        .await
        .unwrap()
    }

    async fn wait_for_version(&self, owner: &Owner, version: u64) {
        for _ in 0..1_000 {
            if self.store.event(owner.event_id).await.unwrap().unwrap().version == version {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("a batch waits for another event");
    }
}

#[async_trait]
impl Grouping for PostgresGrouping {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn append_together(&self, batches: &[Arc<Batch>]) -> Vec<Result<(), AppendError>> {
        self.append(batches, async {}).await.0
    }
}

/// Waits until an append waits for this.
async fn wait_for_append(connection: &mut PgConnection, wait_event: &str) {
    for _ in 0..1_000 {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
             AND query LIKE 'SELECT holdfast_append%' AND wait_event = $1)",
        )
        .bind(wait_event)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        if waits {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no append waits for {wait_event}");
}

#[tokio::test]
async fn a_group_is_one_transaction() {
    let grouping = PostgresGrouping::start().await;
    let mut owners = owners(&grouping, 30).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    assert_eq!(grouping.append_together(&batches).await, vec![Ok(()); 30]);
    assert_eq!(grouping.transactions(&owners).await, 1);
}

#[tokio::test]
async fn an_event_that_is_locked_holds_up_no_other_of_its_group() {
    let grouping = PostgresGrouping::start().await;
    let mut owners = owners(&grouping, 5).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let mut admin = grouping.database.admin().await;
    let mut lock = admin.begin().await.unwrap();
    lock_event(&mut lock, owners[1].event_id.as_uuid()).await;
    let others_first = async {
        for owner in [&owners[0], &owners[2], &owners[3], &owners[4]] {
            grouping.wait_for_version(owner, 1).await;
        }
        lock.rollback().await.unwrap();
    };
    let (outcomes, ()) = grouping.append(&batches, others_first).await;
    assert_eq!(outcomes, vec![Ok(()); 5]);
    check(&grouping, &owners, &[1; 5]).await;
}

#[tokio::test]
async fn a_group_whose_session_ends_has_an_unknown_outcome() {
    let grouping = PostgresGrouping::start().await;
    let mut owners = owners(&grouping, 3).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    grouping.hold_up(&owners[1]).await;
    let terminate = async {
        let mut admin = grouping.database.admin().await;
        wait_for_append(&mut admin, "PgSleep").await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE 'SELECT holdfast_append%'",
        )
        .execute(&mut admin)
        .await
        .unwrap();
    };
    let (outcomes, ()) = grouping.append(&batches, terminate).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(AppendError::Unknown(_)))), "{outcomes:?}");
    // The lane has another connection now, and nothing of the group is in the way.
    check(&grouping, &owners, &[0; 3]).await;
    assert_eq!(grouping.store.append(&batches[0]).await, Ok(()));
}
