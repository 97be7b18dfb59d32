//! Batches of many events that Postgres writes in one transaction: each has an outcome of its own.

use std::sync::Arc;
use std::time::Duration;

use engine::{
    AppendError, Batch, BatchId, Change, EventDetails, ReservationStatus, SeatCounts, Store, verify,
};
use futures_util::future::join_all;
use persistence::{StoreOptions, connect};
use sqlx::{Connection, PgConnection};

use crate::helpers::{BatchSteps, NOW, Owner, activate, ended, new_event_at, owned_event, user};
use crate::postgres::{TestDatabase, lock_event, run};

/// A store whose one lane can be held up, so that what comes meanwhile is one group.
struct Grouping {
    database: TestDatabase,
    store: Arc<dyn Store>,
}

impl Grouping {
    async fn start() -> Self {
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

    async fn owners(&self, count: usize) -> Vec<Owner> {
        let mut owners = Vec::new();
        for _ in 0..count {
            owners.push(owned_event(&*self.store).await);
        }
        owners
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

    /// What is in the store agrees with the journal, and of these events there are so many batches.
    async fn check(&self, owners: &[Owner], versions: &[u64]) {
        let report = verify(&*self.store).await.unwrap();
        assert!(report.violations.is_empty(), "{:?}", report.violations);
        let mut found = Vec::new();
        for owner in owners {
            found.push(self.store.event(owner.event_id).await.unwrap().unwrap().version);
        }
        assert_eq!(found, versions);
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

/// The first batch of an owner: it reserves a seat.
fn reserve(owner: &mut Owner) -> Arc<Batch> {
    let reservation = owner.reservation(user(1), &[1, 2], Some("key"));
    Arc::new(owner.batch().reserve(&reservation).counts(2, 0))
}

#[tokio::test]
async fn batches_of_many_events_are_one_transaction() {
    let grouping = Grouping::start().await;
    let mut owners = grouping.owners(30).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let (outcomes, ()) = grouping.append(&batches, async {}).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(grouping.transactions(&owners).await, 1);
    grouping.check(&owners, &[1; 30]).await;
    for (owner, batch) in owners.iter().zip(&batches) {
        let tables = grouping.store.tables(owner.event_id).await.unwrap().unwrap();
        assert_eq!(tables.reservations, [(*batch.created[0]).clone()]);
        assert_eq!(tables.claims, batch.claimed);
        assert_eq!(tables.event.counts, SeatCounts { reserved: 2, confirmed: 0 });
        let journal = grouping.store.journal(owner.event_id, 0, 10).await.unwrap();
        assert_eq!(journal, [batch.journal_row()]);
    }
}

#[tokio::test]
async fn every_kind_of_change_finds_its_event() {
    let grouping = Grouping::start().await;
    let store = &*grouping.store;
    let mut owners = grouping.owners(6).await;
    let mut first = Vec::new();
    for owner in &mut owners[..4] {
        first.push(owner.reserve(store, user(1), &[1, 2]).await);
    }
    let sold = ended(&first[0], ReservationStatus::Confirmed, 2);
    let cancelled = ended(&first[1], ReservationStatus::Cancelled, 2);
    let moved = ended(&first[2], ReservationStatus::Cancelled, 2);
    let next = owners[2].reservation(user(2), &[2, 1], None);
    let details = EventDetails { name: "Night of Strings".to_owned(), ..new_event_at(NOW).details };
    let batches = [
        owners[0].batch().change(Change::Confirmed { id: sold.id }, &sold).counts(0, 2),
        owners[1].batch().change(Change::Cancelled { id: cancelled.id }, &cancelled),
        owners[2].batch().change(Change::Cancelled { id: moved.id }, &moved).reserve(&next).counts(2, 0),
        Batch { changes: vec![Change::Deleted], deleted: true, ..owners[3].batch().counts(2, 0) },
        Batch {
            changes: vec![Change::Amended { details: details.clone() }],
            details: Some(details.clone()),
            ..owners[4].batch()
        },
        (*reserve(&mut owners[5])).clone(),
    ]
    .map(Arc::new);
    let (outcomes, ()) = grouping.append(&batches, async {}).await;
    assert_eq!(outcomes, vec![Ok(()); 6]);

    let mut tables = Vec::new();
    for owner in &owners {
        tables.push(store.tables(owner.event_id).await.unwrap().unwrap());
    }
    assert_eq!(tables[0].reservations, [sold]);
    assert_eq!(tables[1].reservations, [cancelled]);
    assert_eq!(tables[1].claims, []);
    assert_eq!(tables[2].reservations, [moved, next.clone()]);
    assert_eq!(tables[2].claims, [(1, next.id), (2, next.id)]);
    assert_eq!(
        tables.iter().map(|t| t.event.deleted).collect::<Vec<_>>(),
        [false, false, false, true, false, false]
    );
    assert_eq!(tables[4].event.info.details, details);
    assert_eq!(tables[5].claims.len(), 2);
}

#[tokio::test]
async fn a_fenced_batch_harms_no_other_of_its_group() {
    let grouping = Grouping::start().await;
    let mut owners = grouping.owners(5).await;
    let batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    activate(&*grouping.store, owners[2].event_id).await;
    let (outcomes, ()) = grouping.append(&batches, async {}).await;
    assert_eq!(outcomes, [Ok(()), Ok(()), Err(AppendError::Fenced), Ok(()), Ok(())]);
    grouping.check(&owners, &[1, 1, 0, 1, 1]).await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_harms_no_other_of_its_group() {
    let grouping = Grouping::start().await;
    let mut owners = grouping.owners(5).await;
    let mut batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    let other = owners[3].reservation(user(2), &[2], None);
    batches[3] = Arc::new((*batches[3]).clone().reserve(&other));
    let (outcomes, ()) = grouping.append(&batches, async {}).await;
    let aborted = |outcome: &Result<(), AppendError>| matches!(outcome, Err(AppendError::Aborted(_)));
    assert_eq!(outcomes.iter().map(aborted).collect::<Vec<_>>(), [false, false, false, true, false]);
    grouping.check(&owners, &[1, 1, 1, 0, 1]).await;
}

#[tokio::test]
async fn two_batches_of_one_event_in_a_group_have_one_winner() {
    let grouping = Grouping::start().await;
    let mut owners = grouping.owners(2).await;
    let mut batches: Vec<_> = owners.iter_mut().map(reserve).collect();
    batches.push(Arc::new(Batch { batch_id: BatchId::random(), ..(*batches[0]).clone() }));
    let (outcomes, ()) = grouping.append(&batches, async {}).await;
    assert_eq!(outcomes[1], Ok(()));
    assert!([&outcomes[0], &outcomes[2]].contains(&&Ok(())), "{outcomes:?}");
    assert!([&outcomes[0], &outcomes[2]].contains(&&Err(AppendError::Fenced)), "{outcomes:?}");
    grouping.check(&owners, &[1, 1]).await;
}

#[tokio::test]
async fn an_event_that_is_locked_holds_up_no_other_of_its_group() {
    let grouping = Grouping::start().await;
    let mut owners = grouping.owners(5).await;
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
    grouping.check(&owners, &[1; 5]).await;
}

#[tokio::test]
async fn a_group_whose_session_ends_has_an_unknown_outcome() {
    let grouping = Grouping::start().await;
    let mut owners = grouping.owners(3).await;
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
    grouping.check(&owners, &[0; 3]).await;
    assert_eq!(grouping.store.append(&batches[0]).await, Ok(()));
}
