//! How a store is opened, and what can be wrong with that.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::pooler::explained;

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// `postgres://…`, `postgresql://…` or `sqlite://…`.
    pub url: String,
    /// The most connections that are open at a time. Half of them, at most, write.
    pub max_connections: u32,
    /// The connections that are kept open when there is nothing to do.
    pub min_connections: u32,
    /// The time without an answer after which the outcome of a batch is unknown.
    pub batch_timeout: Duration,
    /// Whether `connect` migrates a Postgres database first. A SQLite database is always migrated.
    pub migrate: bool,
    /// Whether the database and its schema must be there: then nothing is made and nothing is migrated.
    pub must_exist: bool,
    /// Whether a pooler lies between here and Postgres that gives each transaction another session.
    pub pooled: bool,
    /// For chaos runs: whether Postgres lets stale owners write.
    #[cfg(feature = "chaos")]
    pub unfenced: bool,
}

impl StoreOptions {
    /// The defaults for a database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 25,
            min_connections: 5,
            batch_timeout: Duration::from_secs(3),
            migrate: false,
            must_exist: false,
            pooled: false,
            #[cfg(feature = "chaos")]
            unfenced: false,
        }
    }

    pub(crate) fn backend(&self) -> Result<Backend, ConnectError> {
        match self.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => Ok(Backend::Postgres),
            Some("sqlite") => Ok(Backend::Sqlite),
            _ => Err(ConnectError::Url("must begin with postgres://, postgresql:// or sqlite://".to_owned())),
        }
    }
}

/// The URL can have a password in it, so it is left out.
impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("max_connections", &self.max_connections)
            .field("min_connections", &self.min_connections)
            .field("batch_timeout", &self.batch_timeout)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationReport {
    /// How many migrations were applied.
    pub applied: usize,
    /// Whether the database had none before.
    pub newly_created: bool,
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of a store.
    #[error("{0}")]
    Url(String),
    /// The database does not answer, or refuses the connection.
    #[error("cannot open the database: {0}")]
    Unreachable(String),
    /// The database would lose what it acknowledged.
    #[error(
        "the database has {setting}={value}: it would lose acknowledged reservations in a crash; set it to on"
    )]
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// The schema is newer than this program.
    #[error(
        "the database has schema version {0}, which this version of holdfast does not know: use a newer one"
    )]
    SchemaTooNew(i64),
    /// The schema is older than this program.
    #[error("the database lacks schema version {0}: run `holdfast migrate` first")]
    SchemaTooOld(i64),
    /// A pooler is in the way of a migration.
    #[error(
        "a migration needs a session of its own, which a pooler does not give: run `holdfast migrate` with the \
         DATABASE_URL of Postgres itself and without DB_POOLER"
    )]
    PooledMigration,
    /// A migration failed.
    #[error("cannot migrate the database: {0}")]
    Migration(String),
}

/// A database could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It could not be opened.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// There is such a file already, and it may be the only copy.
    #[error("{0} is there already: name a new file")]
    Exists(PathBuf),
    /// The copy could not be written.
    #[error("cannot write {0}")]
    Write(String),
    /// The database brings its own tool.
    #[error(
        "Postgres is copied by its own tool, also while nodes run: \
         pg_dump --format=custom --file={0} \"$DATABASE_URL\"; docs/operations.md says how to restore it"
    )]
    ByPgDump(PathBuf),
}

impl From<sqlx::Error> for ConnectError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreachable(explained(&error))
    }
}

impl From<MigrateError> for ConnectError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::SchemaTooNew(version),
            error => Self::Migration(error.to_string()),
        }
    }
}

/// Which store a URL names.
pub(crate) enum Backend {
    Postgres,
    Sqlite,
}

/// Applies what is missing, and says what that was.
pub(crate) async fn run_migrations<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
) -> Result<MigrationReport, ConnectError> {
    let before = applied_versions(migrator, connection).await?;
    // Not `run`: its future is not `Send` when it is given a connection.
    migrator.run_direct(None, connection, false).await?;
    let applied = migrator.iter().filter(|migration| !before.contains(&migration.version)).count();
    Ok(MigrationReport { applied, newly_created: before.is_empty() })
}

async fn applied_versions<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
) -> Result<HashSet<i64>, ConnectError> {
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let applied = connection.list_applied_migrations(&migrator.table_name).await?;
    Ok(applied.into_iter().map(|migration| migration.version).collect())
}
