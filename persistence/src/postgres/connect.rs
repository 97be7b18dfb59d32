//! Opening a Postgres database: the pools, the settings that must be right, the schema.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::PostgresStore;
use super::lanes;
use super::sessions::{Limits, Sessions};
use super::timeouts::{ACTIVATION_TIMEOUT, READ_TIMEOUT};
use crate::options::{ConnectError, MigrationReport, StoreOptions, run_migrations};

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/postgres");

/// How many connections are kept for owners.
const OWNER_CONNECTIONS: u32 = 3;
/// How many events become live at a time.
const ACTIVATION_CONNECTIONS: u32 = 3;
/// How long a read waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

impl PostgresStore {
    pub(crate) async fn connect(options: &StoreOptions) -> Result<Self, ConnectError> {
        let sessions = Sessions::new(parse(options)?, options.pooled);
        let mut connection = open(&sessions).await?;
        refuse_if_not_durable(&mut connection).await?;
        if options.migrate && !options.must_exist && !options.pooled {
            run_migrations(&MIGRATOR, &mut connection).await?;
        } else {
            refuse_other_schema(&mut connection).await?;
        }
        #[cfg(feature = "chaos")]
        if options.unfenced {
            super::unfenced::remove_fence(&mut connection).await?;
        }
        connection.close().await?;

        let writers = (options.max_connections / 2).max(1);
        let idle_writers = (options.min_connections / 2).min(writers);
        // Few connections in all: then each part gets fewer.
        let share = |most: u32| (options.max_connections / 6).clamp(1, most);
        let (owners, activations) = (share(OWNER_CONNECTIONS), share(ACTIVATION_CONNECTIONS));
        let owning = PgPoolOptions::new().max_connections(owners).acquire_timeout(ACQUIRE_TIMEOUT);
        let owner_pool = sessions.pool(owning, Limits::of(options.batch_timeout));
        let activating =
            PgPoolOptions::new().max_connections(activations).acquire_timeout(ACTIVATION_TIMEOUT);
        let activation_pool = sessions.pool(activating, Limits::of(ACTIVATION_TIMEOUT));
        let readers = options.max_connections.saturating_sub(writers + owners + activations).max(1);
        let reading = PgPoolOptions::new()
            .max_connections(readers)
            .min_connections(options.min_connections.saturating_sub(idle_writers).min(readers))
            .acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = sessions.pool(reading, Limits::of(READ_TIMEOUT));
        // One that cannot be had is an error now, not at the first read.
        drop(pool.acquire().await?);
        let writer = lanes::start(&sessions, writers, idle_writers, options.batch_timeout)?;
        Ok(Self { writer, owner_pool, activation_pool, owner_timeout: options.batch_timeout, pool })
    }
}

/// Applies the migrations that are missing.
pub(crate) async fn migrate(options: &StoreOptions) -> Result<MigrationReport, ConnectError> {
    if options.pooled {
        return Err(ConnectError::PooledMigration);
    }
    let mut connection = open(&Sessions::new(parse(options)?, false)).await?;
    let report = run_migrations(&MIGRATOR, &mut connection).await?;
    connection.close().await?;
    Ok(report)
}

fn parse(options: &StoreOptions) -> Result<PgConnectOptions, ConnectError> {
    let url =
        PgConnectOptions::from_str(&options.url).map_err(|error| ConnectError::Url(error.to_string()))?;
    // The time of a statement is measured where it counts: of a whole batch.
    Ok(url.application_name("holdfast").disable_statement_logging())
}

async fn open(sessions: &Sessions) -> Result<PgConnection, ConnectError> {
    match tokio::time::timeout(Duration::from_secs(10), sessions.open(Limits::of(READ_TIMEOUT))).await {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(ConnectError::Unreachable("no answer within 10 s".to_owned())),
    }
}

/// A commit that is acknowledged before it is on disk is none.
async fn refuse_if_not_durable(connection: &mut PgConnection) -> Result<(), ConnectError> {
    let (synchronous_commit, fsync): (String, String) =
        sqlx::query_as("SELECT current_setting('synchronous_commit'), current_setting('fsync')")
            .fetch_one(connection)
            .await?;
    for (setting, value) in [("synchronous_commit", synchronous_commit), ("fsync", fsync)] {
        if value == "off" {
            return Err(ConnectError::NotDurable { setting, value });
        }
    }
    Ok(())
}

async fn refuse_other_schema(connection: &mut PgConnection) -> Result<(), ConnectError> {
    let applied: HashMap<i64, Vec<u8>> =
        match sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
            .fetch_all(connection)
            .await
        {
            // There is no such table: nothing was ever migrated.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => HashMap::new(),
            applied => applied?.into_iter().collect(),
        };
    if let Some(version) = applied.keys().find(|version| !MIGRATOR.version_exists(**version)) {
        return Err(ConnectError::SchemaTooNew(*version));
    }
    for migration in MIGRATOR.iter() {
        match applied.get(&migration.version) {
            None => return Err(ConnectError::SchemaTooOld(migration.version)),
            Some(checksum) if *checksum != *migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
            Some(_) => (),
        }
    }
    Ok(())
}
