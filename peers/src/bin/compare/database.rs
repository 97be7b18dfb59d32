//! A database of its own for each server that is started, on one Postgres.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::Failure;

/// The Postgres server.
pub(crate) struct Postgres {
    options: PgConnectOptions,
    connection: PgConnection,
    made: u32,
}

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Self, Failure> {
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let connection = options.connect().await?;
        Ok(Self { options, connection, made: 0 })
    }

    /// What is acknowledged must be on disk, or nothing is compared.
    pub(crate) async fn refuse_if_not_durable(&mut self) -> Result<(), Failure> {
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = self.setting(setting).await?;
            if value != "on" {
                return Err(format!("Postgres has {setting}={value}: set it to on").into());
            }
        }
        Ok(())
    }

    pub(crate) async fn setting(&mut self, name: &str) -> Result<String, Failure> {
        let query = sqlx::query_scalar("SELECT current_setting($1)");
        Ok(query.bind(name).fetch_one(&mut self.connection).await?)
    }

    /// A new, empty database.
    pub(crate) async fn create(&mut self) -> Result<Database, Failure> {
        self.made += 1;
        let name = format!("compare_{}_{}", std::process::id(), self.made);
        self.run(format!("CREATE DATABASE {name}")).await?;
        let options = self.options.clone().database(&name);
        Ok(Database { name, options })
    }

    /// Removes one. Postgres makes a checkpoint then, so each server begins after one.
    pub(crate) async fn drop(&mut self, database: Database) -> Result<(), Failure> {
        self.run(format!("DROP DATABASE {} WITH (FORCE)", database.name)).await
    }

    /// For statements that no parameter can be bound to.
    async fn run(&mut self, statement: String) -> Result<(), Failure> {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// One database.
pub(crate) struct Database {
    name: String,
    options: PgConnectOptions,
}

impl Database {
    pub(crate) fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, Failure> {
        Ok(self.options.connect().await?)
    }
}
