//! Who is compared, and how each is started.

use serde::Serialize;

/// A way to sell seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contestant {
    Optimistic,
    RedisLock,
    SkipLocked,
    HoldfastPostgres,
    HoldfastSqlite,
    Nowhere,
}

/// What it writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Postgres,
    Sqlite,
    Nowhere,
}

impl Contestant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Optimistic => "transaction per request, optimistic lock",
            Self::RedisLock => "the same behind a Redis lock per event",
            Self::SkipLocked => "`FOR UPDATE SKIP LOCKED`",
            Self::HoldfastPostgres => "Holdfast on Postgres",
            Self::HoldfastSqlite => "Holdfast on SQLite",
            Self::Nowhere => "Holdfast, writing nowhere",
        }
    }

    /// The program and its arguments.
    pub(crate) fn command(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Optimistic => ("peer", &["serve", "--peer", "optimistic"]),
            Self::RedisLock => ("peer", &["serve", "--peer", "redis-lock"]),
            Self::SkipLocked => ("peer", &["serve", "--peer", "skip-locked"]),
            Self::Nowhere => ("peer", &["serve", "--peer", "nowhere"]),
            Self::HoldfastPostgres | Self::HoldfastSqlite => ("holdfast", &["serve"]),
        }
    }

    pub(crate) fn storage(self) -> Storage {
        match self {
            Self::Optimistic | Self::RedisLock | Self::SkipLocked | Self::HoldfastPostgres => {
                Storage::Postgres
            }
            Self::HoldfastSqlite => Storage::Sqlite,
            Self::Nowhere => Storage::Nowhere,
        }
    }

    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::Optimistic | Self::RedisLock | Self::SkipLocked)
    }

    /// The sizes of the pool of database connections that are tried. More are slower: the transactions then
    /// take the processors from each other. Behind the Redis lock there is one transaction at a time, and
    /// Holdfast keeps its default: it writes with one connection for each event.
    pub(crate) fn pool_sizes(self) -> &'static [u32] {
        match self {
            Self::Optimistic | Self::SkipLocked => &[8, 16, 32],
            Self::RedisLock => &[16],
            Self::HoldfastPostgres | Self::HoldfastSqlite | Self::Nowhere => &[25],
        }
    }

    /// A rate to begin with, from which it follows how many seats the first run needs.
    pub(crate) fn first_guess_per_s(self) -> f64 {
        if self.is_peer() { 5_000.0 } else { 30_000.0 }
    }
}
