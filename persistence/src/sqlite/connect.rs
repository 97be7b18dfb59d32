//! Opening a SQLite database: the file, the settings that make a commit durable, the schema.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::{SqliteStore, groups};
use crate::options::{ConnectError, MigrationReport, StoreOptions, run_migrations};
use crate::writer::Writer;

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How much of the database each connection keeps in memory: SQLite counts KiB by negative numbers.
const CACHE_KIB: &str = "-65536";
/// After how many pages the log is written back to the database: rarely, but not so much that a commit waits
/// long.
const CHECKPOINT_PAGES: &str = "4096";
/// How long to wait for another process that has the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

impl SqliteStore {
    pub(crate) async fn connect(options: &StoreOptions) -> Result<Self, ConnectError> {
        let file = parse(options)?;
        if options.must_exist {
            open_existing(options).await?.close().await?;
        } else {
            migrate(options).await?;
        }
        let writers = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(options.batch_timeout / 2)
            .connect_with(file.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .test_before_acquire(false)
            .connect_with(file.pragma("query_only", "on"))
            .await?;
        let writer = Writer::start(|queue| groups::work(writers.clone(), options.batch_timeout, queue))?;
        Ok(Self { writer, writers, readers, batch_timeout: options.batch_timeout })
    }
}

/// Makes the file if there is none, and applies the migrations that are missing.
pub(crate) async fn migrate(options: &StoreOptions) -> Result<MigrationReport, ConnectError> {
    let mut connection = open(&parse(options)?).await?;
    let report = run_migrations(&MIGRATOR, &mut connection).await?;
    connection.close().await?;
    Ok(report)
}

/// A connection to a database as it is.
pub(super) async fn open_existing(options: &StoreOptions) -> Result<SqliteConnection, ConnectError> {
    let mut connection = open(&parse(options)?.create_if_missing(false)).await?;
    refuse_old_schema(&mut connection).await?;
    Ok(connection)
}

async fn refuse_old_schema(connection: &mut SqliteConnection) -> Result<(), ConnectError> {
    let applied: Result<Vec<i64>, _> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(connection).await;
    // Without the table nothing was ever migrated.
    let applied = applied.unwrap_or_default();
    match MIGRATOR.iter().find(|migration| !applied.contains(&migration.version)) {
        Some(migration) => Err(ConnectError::SchemaTooOld(migration.version)),
        None => Ok(()),
    }
}

fn parse(options: &StoreOptions) -> Result<SqliteConnectOptions, ConnectError> {
    if options.url.contains(":memory:") || options.url.contains("mode=memory") {
        let message = "a database in memory would lose every reservation at the end; name a file, as in sqlite://holdfast.db";
        return Err(ConnectError::Url(message.to_owned()));
    }
    let file =
        SqliteConnectOptions::from_str(&options.url).map_err(|error| ConnectError::Url(error.to_string()))?;
    if file.get_filename().as_os_str().is_empty() {
        return Err(ConnectError::Url("names no file; write it as in sqlite://holdfast.db".to_owned()));
    }
    Ok(file
        .create_if_missing(!options.must_exist)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode a commit is on disk only with FULL.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        // A sale's pages stay in memory, and come back to the file in larger lots.
        .pragma("cache_size", CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .disable_statement_logging())
}

async fn open(file: &SqliteConnectOptions) -> Result<SqliteConnection, ConnectError> {
    let path = file.get_filename();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(ConnectError::Unreachable(format!("there is no folder {}", folder.display())));
    }
    file.connect().await.map_err(|error| ConnectError::Unreachable(format!("{}: {error}", path.display())))
}
