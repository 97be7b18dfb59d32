//! Where Holdfast keeps its events: Postgres and SQLite.
//!
//! [`connect`] chooses by the scheme of the URL. Both keep the same tables and answer the same; one suite
//! of tests holds them together (`tests/conformance`).

mod columns;
mod options;
mod pooler;
mod postgres;
mod redis;
mod retry;
mod sql;
mod sqlite;
mod writer;

use std::path::Path;
use std::sync::Arc;

use engine::Store;

use crate::options::Backend;
pub use crate::options::{BackupError, ConnectError, MigrationReport, StoreOptions};
pub use crate::redis::lease::RedisLease;
pub use crate::redis::publications::RedisPublications;

/// Opens the store at `options.url`. A SQLite database is made and migrated where needed, a Postgres one is
/// migrated only if `options.migrate` says so.
pub async fn connect(options: &StoreOptions) -> Result<Arc<dyn Store>, ConnectError> {
    Ok(match options.backend()? {
        Backend::Postgres => Arc::new(postgres::PostgresStore::connect(options).await?),
        Backend::Sqlite => Arc::new(sqlite::SqliteStore::connect(options).await?),
    })
}

/// Writes a whole copy of the database at `options.url` to a new file, also while a server uses it.
pub async fn backup(options: &StoreOptions, file: &Path) -> Result<(), BackupError> {
    match options.backend()? {
        Backend::Postgres => Err(BackupError::ByPgDump(file.to_owned())),
        Backend::Sqlite => sqlite::backup(options, file).await,
    }
}

/// Brings the schema of the database at `options.url` up to date, and says whether it was new.
pub async fn migrate(options: &StoreOptions) -> Result<MigrationReport, ConnectError> {
    match options.backend()? {
        Backend::Postgres => postgres::migrate(options).await,
        Backend::Sqlite => sqlite::migrate(options).await,
    }
}
