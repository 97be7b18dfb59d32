//! The settings of the database, which every command that opens it takes.

use clap::{Args, ValueEnum};

/// Which database, and with how many connections.
#[derive(Args, Clone)]
pub struct DatabaseConfig {
    /// Where events are kept: `sqlite://file.db`, or `postgres://user:password@host/database`.
    #[arg(
        id = "database_url",
        long = "database-url",
        env = "DATABASE_URL",
        default_value = "sqlite://holdfast.db",
        hide_env_values = true
    )]
    pub url: String,
    /// How many connections to the database there are at most.
    #[arg(
        id = "db_max_open_conns",
        long = "db-max-open-conns",
        env = "DB_MAX_OPEN_CONNS",
        default_value_t = 25,
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    pub max_open_conns: u32,
    /// How many connections to the database are kept open when idle.
    #[arg(
        id = "db_max_idle_conns",
        long = "db-max-idle-conns",
        env = "DB_MAX_IDLE_CONNS",
        default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(0..=1_000)
    )]
    pub max_idle_conns: u32,
    /// Whether a pooler such as PgBouncer lies between here and Postgres: `transaction` is right for its
    /// transaction mode, and does for its session mode, too.
    #[arg(id = "db_pooler", long = "db-pooler", env = "DB_POOLER", default_value = "none")]
    pub pooler: Pooler,
}

/// What lies between here and Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pooler {
    /// Nothing: a connection is a session.
    None,
    /// A pooler that gives each transaction another session.
    Transaction,
}

impl DatabaseConfig {
    /// The address as it may be shown: without a password, and without parameters, which can have one.
    pub fn shown(&self) -> String {
        let url = self.url.split('?').next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else { return "(not an address)".to_owned() };
        match rest.rsplit_once('@') {
            Some((user, place)) => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}@{place}")
            }
            None => format!("{scheme}://{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (url, shown) in [
            ("sqlite://holdfast.db", "sqlite://holdfast.db"),
            ("sqlite:holdfast.db", "(not an address)"),
            ("postgres://shop:se@cret:1@db:5432/sales?password=secret", "postgres://shop@db:5432/sales"),
            ("postgres://db/sales", "postgres://db/sales"),
        ] {
            let config = DatabaseConfig {
                url: url.to_owned(),
                max_open_conns: 1,
                max_idle_conns: 1,
                pooler: Pooler::None,
            };
            assert_eq!(config.shown(), shown);
        }
    }
}
