//! What Postgres alone promises.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{AppendError, Store};
use persistence::{ConnectError, StoreOptions, connect, migrate};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

use crate::helpers::{BatchSteps, Database, activate, owned_event, user};

/// A database of one test on the server of `TEST_DATABASE_URL`.
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    pub async fn create() -> Self {
        let server = std::env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no Postgres server: run the tests with `make test`");
        let name = format!("test_{}", Uuid::new_v4().simple());
        let options = PgConnectOptions::from_str(&server).expect("TEST_DATABASE_URL");
        let mut connection = options.connect().await.expect("TEST_DATABASE_URL");
        run(&mut connection, format!("CREATE DATABASE {name}")).await;
        let url = options.database(&name).to_url_lossy().to_string();
        Self { name, url }
    }

    pub fn options(&self) -> StoreOptions {
        StoreOptions { migrate: true, max_connections: 4, min_connections: 0, ..StoreOptions::new(&self.url) }
    }

    pub async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

#[async_trait]
impl Database for TestDatabase {
    async fn connect(&self) -> Arc<dyn Store> {
        connect(&self.options()).await.unwrap()
    }
}

/// For statements that no parameter can be bound to.
pub async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_migration_says_whether_the_database_is_new() {
    let database = TestDatabase::create().await;
    let options = StoreOptions { migrate: false, ..database.options() };
    let error = connect(&options).await.err();
    assert!(matches!(error, Some(ConnectError::SchemaTooOld(1))), "{error:?}");
    let first = migrate(&options).await.unwrap();
    assert!(first.newly_created && first.applied > 0, "{first:?}");
    let second = migrate(&options).await.unwrap();
    assert!(!second.newly_created && second.applied == 0, "{second:?}");
    connect(&options).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = TestDatabase::create().await;
    database.connect().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', true, '', 0)",
    )
    .execute(&mut database.admin().await)
    .await
    .unwrap();
    for migrate in [true, false] {
        let error = connect(&StoreOptions { migrate, ..database.options() }).await.err();
        assert!(matches!(error, Some(ConnectError::SchemaTooNew(9999))), "{error:?}");
    }
}

#[tokio::test]
async fn a_schema_made_by_another_text_is_refused() {
    let database = TestDatabase::create().await;
    database.connect().await;
    let statement = "UPDATE _sqlx_migrations SET checksum = 'other' WHERE version = 1";
    run(&mut database.admin().await, statement.to_owned()).await;
    for migrate in [true, false] {
        let error = connect(&StoreOptions { migrate, ..database.options() }).await.err();
        assert!(matches!(error, Some(ConnectError::Migration(_))), "{error:?}");
    }
}

#[tokio::test]
async fn commits_that_are_not_on_disk_are_refused() {
    let database = TestDatabase::create().await;
    let statement = format!("ALTER DATABASE {} SET synchronous_commit = off", database.name);
    run(&mut database.admin().await, statement).await;
    let error = connect(&database.options()).await.err().map(|error| error.to_string());
    assert!(error.as_ref().is_some_and(|error| error.contains("synchronous_commit=off")), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let error = connect(&StoreOptions::new("postgres://127.0.0.1:1/none")).await.err();
    assert!(matches!(error, Some(ConnectError::Unreachable(_))), "{error:?}");
}

#[tokio::test]
async fn a_batch_whose_session_ends_has_an_unknown_outcome() {
    let database = TestDatabase::create().await;
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let batch = Arc::new(owner.batch().reserve(&reservation));

    let mut admin = database.admin().await;
    let mut lock = admin.begin().await.unwrap();
    lock_event(&mut lock, owner.event_id.as_uuid()).await;
    let append = tokio::spawn({
        let (store, batch) = (Arc::clone(&store), Arc::clone(&batch));
        async move { store.append(&batch).await }
    });
    terminate_waiting_append(&mut database.admin().await).await;
    let outcome = append.await.unwrap();
    assert!(matches!(outcome, Err(AppendError::Unknown(_))), "{outcome:?}");
    lock.rollback().await.unwrap();

    // What happened is found out by a look at the journal; the broken connection is not used again.
    let mut owner = activate(&*store, owner.event_id).await;
    assert_eq!(store.batch_at(owner.event_id, 1).await, Ok(None));
    owner.reserve(&*store, user(1), &[1]).await;
}

#[tokio::test]
async fn a_batch_without_an_answer_has_an_unknown_outcome() {
    let database = TestDatabase::create().await;
    let options = StoreOptions { batch_timeout: Duration::from_millis(400), ..database.options() };
    let store = connect(&options).await.unwrap();
    let mut owner = owned_event(&*store).await;
    // Slow within the commit, where the server's own limit of a statement does not reach.
    let statement = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$;
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON journal
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";
    run(&mut database.admin().await, statement.to_owned()).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let batch = Arc::new(owner.batch().reserve(&reservation));
    let outcome = store.append(&batch).await;
    assert!(matches!(outcome, Err(AppendError::Unknown(_))), "{outcome:?}");

    // It was committed after all. Activation waits for it, so the look at the journal finds it.
    let owner = activate(&*store, owner.event_id).await;
    assert_eq!(store.batch_at(owner.event_id, 1).await, Ok(Some(batch.batch_id)));
    assert_eq!(owner.version, 1);
}

#[tokio::test]
async fn a_batch_waits_for_no_lock_for_long() {
    let database = TestDatabase::create().await;
    let options = StoreOptions { batch_timeout: Duration::from_millis(600), ..database.options() };
    let store = connect(&options).await.unwrap();
    let mut owner = owned_event(&*store).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let batch = Arc::new(owner.batch().reserve(&reservation));

    let mut admin = database.admin().await;
    let mut lock = admin.begin().await.unwrap();
    lock_event(&mut lock, owner.event_id.as_uuid()).await;
    let outcome = store.append(&batch).await;
    assert!(matches!(outcome, Err(AppendError::Aborted(_))), "{outcome:?}");
    lock.rollback().await.unwrap();
    assert_eq!(store.append(&batch).await, Ok(()));
}

#[tokio::test]
async fn reads_survive_the_end_of_their_connections() {
    let database = TestDatabase::create().await;
    let store = database.connect().await;
    let owner = owned_event(&*store).await;
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()")
        .bind(&database.name)
        .execute(&mut database.admin().await)
        .await
        .unwrap();
    assert!(store.event(owner.event_id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_commit_that_fails_is_not_taken_for_done() {
    let database = TestDatabase::create().await;
    let store = database.connect().await;
    let mut owner = owned_event(&*store).await;
    // Fails after the function has answered, within the commit.
    let statement = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE EXCEPTION 'refused in the commit'; END $$;
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON journal
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()";
    run(&mut database.admin().await, statement.to_owned()).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let outcome = store.append(&Arc::new(owner.batch().reserve(&reservation))).await;
    assert!(matches!(outcome, Err(AppendError::Aborted(_))), "{outcome:?}");
    assert_eq!(store.reservation(reservation.id).await, Ok(None));
}

pub async fn lock_event(connection: &mut PgConnection, id: Uuid) {
    sqlx::query("SELECT 1 FROM events WHERE event_id = $1 FOR UPDATE")
        .bind(id)
        .execute(connection)
        .await
        .unwrap();
}

/// Ends the session of the append that waits for a lock, as soon as there is one.
async fn terminate_waiting_append(connection: &mut PgConnection) {
    for _ in 0..100 {
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%holdfast_append%'",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        if !ended.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no append waits for a lock");
}
