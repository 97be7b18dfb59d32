//! What SQLite alone promises.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{AppendError, Store};
use persistence::{ConnectError, StoreOptions, connect, migrate};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::helpers::{BatchSteps, Database, activate, owned_event, user};

/// A file of one test.
pub struct TestFile {
    folder: TempDir,
}

impl TestFile {
    pub fn create() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}/holdfast.db", self.folder.path().display())
    }
}

#[async_trait]
impl Database for TestFile {
    async fn connect(&self) -> Arc<dyn Store> {
        connect(&StoreOptions::new(self.url())).await.unwrap()
    }
}

#[tokio::test]
async fn a_migration_says_whether_the_database_is_new() {
    let file = TestFile::create();
    let options = StoreOptions::new(file.url());
    let first = migrate(&options).await.unwrap();
    assert!(first.newly_created && first.applied > 0, "{first:?}");
    let second = migrate(&options).await.unwrap();
    assert!(!second.newly_created && second.applied == 0, "{second:?}");
}

#[tokio::test]
async fn the_file_is_in_wal_mode() {
    let file = TestFile::create();
    file.connect().await;
    let mut connection = SqliteConnection::connect(&file.url()).await.unwrap();
    let journal_mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(journal_mode, "wal");
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    for (url, expected) in [
        ("sqlite::memory:", "in memory"),
        ("sqlite://x.db?mode=memory", "in memory"),
        ("sqlite:///no/such/folder/holdfast.db", "there is no folder /no/such/folder"),
        ("mysql://localhost/holdfast", "must begin with"),
        ("holdfast.db", "must begin with"),
        ("", "must begin with"),
    ] {
        let error = connect(&StoreOptions::new(url)).await.err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(expected)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let file = TestFile::create();
    file.connect().await;
    let mut connection = SqliteConnection::connect(&file.url()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', true, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let error = connect(&StoreOptions::new(file.url())).await.err();
    assert!(matches!(error, Some(ConnectError::SchemaTooNew(9999))), "{error:?}");
}

#[tokio::test]
async fn a_batch_waits_for_no_lock_for_long() {
    let file = TestFile::create();
    let store = file.connect().await;
    let mut owner = owned_event(&*store).await;
    let reservation = owner.reservation(user(1), &[1], None);
    let batch = Arc::new(owner.batch().reserve(&reservation));

    let mut other = SqliteConnection::connect(&file.url()).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert!(matches!(store.append(&batch).await, Err(AppendError::Aborted(_))));
    lock.rollback().await.unwrap();
    assert_eq!(store.append(&batch).await, Ok(()));
}

/// A file system of 2 MiB, so that it can be filled without harm. Needs the right to mount.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Self {
        let folder = TempDir::new().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.is_ok_and(|status| status.success()), "cannot mount a small tmpfs");
        Self { folder }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[tokio::test]
#[ignore = "mounts a file system: needs root"]
async fn a_full_disk_aborts_batches_and_nothing_else() {
    let disk = SmallDisk::mount();
    let path = disk.folder.path();
    let options = StoreOptions::new(format!("sqlite://{}/holdfast.db", path.display()));
    let store = connect(&options).await.unwrap();
    let mut owner = owned_event(&*store).await;
    let kept = owner.reserve(&*store, user(1), &[1]).await;
    let filler = path.join("filler");
    // Ends with the disk full.
    let _ = std::fs::write(&filler, vec![0; 4 << 20]);

    assert!(store.check_write().await.is_err(), "it cannot write");
    let key = "k".repeat(200_000);
    let refused = owner.reservation(user(2), &[2], Some(&key));
    let batch = Arc::new(owner.batch().reserve(&refused));
    for _ in 0..3 {
        let outcome = store.append(&batch).await;
        assert!(matches!(outcome, Err(AppendError::Aborted(_))), "{outcome:?}");
    }
    assert_eq!(store.reservation(kept.id).await, Ok(Some(kept)));
    assert_eq!(store.reservation(refused.id).await, Ok(None));
    assert_eq!(store.event(owner.event_id).await.unwrap().unwrap().version, owner.version);

    std::fs::remove_file(filler).unwrap();
    assert_eq!(store.check_write().await, Ok(()));
    assert_eq!(store.append(&batch).await, Ok(()));
    assert_eq!(store.reservation(refused.id).await, Ok(Some(refused)));
    assert_eq!(activate(&*store, owner.event_id).await.version, owner.version + 1);
}

#[tokio::test]
async fn a_database_that_is_read_but_not_written_cannot_write() {
    let file = TestFile::create();
    let store = file.connect().await;
    assert_eq!(store.check_write().await, Ok(()));
    let mut other = SqliteConnection::connect(&file.url()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    assert!(store.now().await.is_ok());
    assert!(store.check_write().await.is_err());
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(store.check_write().await, Ok(()));
}
