//! What a session is set up with, and what is done where there are none.
//!
//! A pooler in transaction mode (PgBouncer) hands each transaction to whatever session is free, so nothing
//! may be left in one. The driver prepares a statement and runs it as two messages with an end after each:
//! between them, outside a transaction, the session could change. So there, every use of a connection is one
//! transaction, its limits are set within it, and what others prepared in the session is taken away first.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Error, PgConnection, PgPool, Postgres};

/// How long a transaction may go without a statement: its client has gone silent.
const MAX_SILENCE_MS: u32 = 5_000;

/// How long the statements of some connections may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) statement: Duration,
    /// … and how long they wait for a row that another transaction has locked.
    pub(super) lock: Option<Duration>,
}

impl Limits {
    pub(super) fn of(statement: Duration) -> Self {
        Self { statement, lock: None }
    }

    fn settings(self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("statement_timeout", self.statement.as_millis().max(1).to_string()),
            ("idle_in_transaction_session_timeout", MAX_SILENCE_MS.to_string()),
        ];
        settings.extend(self.lock.map(|lock| ("lock_timeout", lock.as_millis().max(1).to_string())));
        settings
    }
}

/// How connections to one database are made.
#[derive(Clone)]
pub(super) struct Sessions {
    url: PgConnectOptions,
    is_pooled: bool,
}

impl Sessions {
    pub(super) fn new(url: PgConnectOptions, is_pooled: bool) -> Self {
        // A pooler refuses settings at the start that it does not know.
        let pooled = |url: PgConnectOptions| url.statement_cache_capacity(0).extra_float_digits(None);
        Self { url: if is_pooled { pooled(url) } else { url }, is_pooled }
    }

    /// A connection for checks at the start, in a transaction where there has to be one.
    pub(super) async fn open(&self, limits: Limits) -> Result<PgConnection, Error> {
        let mut connection = self.url.connect().await?;
        self.around(limits).begin(&mut connection).await?;
        Ok(connection)
    }

    /// A pool; its connections come when they are needed.
    pub(super) fn pool(&self, options: PgPoolOptions, limits: Limits) -> PgPool {
        if !self.is_pooled {
            let settings = limits.settings();
            return options.connect_lazy_with(self.url.clone().options(settings));
        }
        let (after_connect, before_acquire) = (self.around(limits), self.around(limits));
        options
            // An idle one would wait in its transaction.
            .min_connections(0)
            .after_connect(move |connection, _| {
                let around = after_connect.clone();
                Box::pin(async move { around.begin(connection).await })
            })
            .before_acquire(move |connection, _| {
                let around = before_acquire.clone();
                Box::pin(async move { around.begin(connection).await.map(|()| true) })
            })
            // Only what was read is left to end: whoever writes has committed before it answers.
            .after_release(|connection, _| {
                Box::pin(async move { sqlx::raw_sql("COMMIT").execute(connection).await.map(|_| true) })
            })
            .connect_lazy_with(self.url.clone())
    }

    /// What stands around a group of batches on a connection that is kept.
    pub(super) fn around(&self, limits: Limits) -> Around {
        let begin = self.is_pooled.then(|| {
            let settings: String = limits
                .settings()
                .iter()
                .map(|(name, value)| format!("SET LOCAL {name} = {value};"))
                .collect();
            format!("BEGIN; {settings} DEALLOCATE ALL").into()
        });
        Around { begin }
    }
}

/// The beginning and the end of a transaction, where a pooler makes one necessary; else nothing.
#[derive(Clone)]
pub(super) struct Around {
    begin: Option<Arc<str>>,
}

impl Around {
    async fn begin(&self, connection: &mut PgConnection) -> Result<(), Error> {
        if let Some(begin) = &self.begin {
            sqlx::raw_sql(AssertSqlSafe(begin.to_string())).execute(connection).await?;
        }
        Ok(())
    }

    /// Runs what says whether it is to be kept.
    pub(super) async fn run(
        &self,
        connection: &mut PoolConnection<Postgres>,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        self.begin(connection).await?;
        let is_kept = work(connection).await?;
        if self.begin.is_some() {
            let end = if is_kept { "COMMIT" } else { "ROLLBACK" };
            sqlx::raw_sql(end).execute(&mut **connection).await?;
        }
        Ok(is_kept)
    }
}
