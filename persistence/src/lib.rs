//! Where Holdfast keeps its events: Postgres and SQLite.

mod redis_lease;

pub use redis_lease::RedisLease;
