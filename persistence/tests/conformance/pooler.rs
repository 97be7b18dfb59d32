//! Postgres behind PgBouncer, which gives each transaction another session.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use engine::Store;
use persistence::{ConnectError, StoreOptions, connect, migrate};
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::helpers::{Database, activate, owned_event};
use crate::postgres::TestDatabase;

/// A database of one test, reached through a PgBouncer of its own.
pub struct PooledDatabase {
    url: String,
    direct: TestDatabase,
    bouncer: Child,
    _folder: TempDir,
}

impl PooledDatabase {
    pub async fn create(mode: &str) -> Self {
        Self::create_with(mode, "").await
    }

    async fn create_with(mode: &str, more: &str) -> Self {
        let direct = TestDatabase::create().await;
        migrate(&direct.options()).await.unwrap();
        let server = PgConnectOptions::from_str(&direct.options().url).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgbouncer.ini");
        // Fewer sessions than clients, so that each is handed round.
        let settings = format!(
            "[databases]\n* = host={} port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\npool_mode = {mode}\nunix_socket_dir =\n\
             default_pool_size = {}\nserver_tls_sslmode = disable\n{more}\n",
            server.get_host(),
            server.get_port(),
            server.get_username(),
            if mode == "session" { 40 } else { 3 },
        );
        std::fs::write(&file, settings).unwrap();
        let bouncer = start(folder.path(), &file);
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "pgbouncer does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let database = server.get_database().unwrap();
        let url = format!("postgres://{}@127.0.0.1:{port}/{database}", server.get_username());
        Self { url, direct, bouncer, _folder: folder }
    }

    fn options(&self, pooled: bool) -> StoreOptions {
        StoreOptions { url: self.url.clone(), pooled, migrate: false, ..self.direct.options() }
    }
}

/// It does not run as root, and a fresh machine may lack it.
fn start(folder: &Path, settings: &Path) -> Child {
    let program = "/usr/sbin/pgbouncer";
    if !Path::new(program).exists() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/install-packages");
        assert!(
            Command::new(script).arg("pgbouncer").status().unwrap().success(),
            "please install pgbouncer"
        );
    }
    let readable = Command::new("chmod").args(["-R", "a+rX"]).arg(folder).status().unwrap();
    assert!(readable.success());
    let mut command = Command::new(program);
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if is_root {
        command.args(["-u", "nobody"]);
    }
    command.arg(settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

impl Drop for PooledDatabase {
    fn drop(&mut self) {
        let _ = self.bouncer.kill();
        let _ = self.bouncer.wait();
    }
}

#[async_trait]
impl Database for PooledDatabase {
    async fn connect(&self) -> Arc<dyn Store> {
        connect(&self.options(true)).await.unwrap()
    }
}

#[tokio::test]
async fn many_stores_share_few_sessions() {
    let database = PooledDatabase::create("transaction").await;
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let store = database.connect().await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let mut owner = owned_event(&*store).await;
                for _ in 0..3 {
                    store.append(&Arc::new(owner.batch())).await.unwrap();
                    owner.version += 1;
                }
                let event = store.event(owner.event_id).await.unwrap().unwrap();
                assert_eq!((event.version, event.epoch), (owner.version, owner.epoch));
                assert!(store.tables(owner.event_id).await.unwrap().is_some());
                assert_eq!(activate(&*store, owner.event_id).await.epoch, owner.epoch + 1);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn the_same_setting_does_for_sessions() {
    let database = PooledDatabase::create("session").await;
    let store = database.connect().await;
    let owner = owned_event(&*store).await;
    store.append(&Arc::new(owner.batch())).await.unwrap();
    assert_eq!(store.event(owner.event_id).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_pooler_that_nobody_told_of_is_named_with_its_setting() {
    // One that refuses what a session is set up with …
    let database = PooledDatabase::create("transaction").await;
    let error = connect(&database.options(false)).await.err().unwrap().to_string();
    assert!(error.contains("DB_POOLER=transaction"), "{error}");
    // … and one that ignores it, where prepared statements meet sooner or later.
    let ignores = "ignore_startup_parameters = options,extra_float_digits\nmax_client_conn = 100";
    let database = PooledDatabase::create_with("transaction", ignores).await;
    let error = loop {
        match connect(&database.options(false)).await {
            Err(error) => break error.to_string(),
            Ok(store) => {
                if let Err(fault) = store.events(None, 1).await {
                    break fault.to_string();
                }
            }
        }
    };
    assert!(error.contains("prepared statement") && error.contains("DB_POOLER=transaction"), "{error}");
}

#[tokio::test]
async fn a_migration_goes_past_the_pooler() {
    let database = PooledDatabase::create("transaction").await;
    let error = migrate(&database.options(true)).await.err();
    assert!(matches!(error, Some(ConnectError::PooledMigration)), "{error:?}");
}
