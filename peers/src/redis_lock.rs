//! A lock on Redis, one for each event: `SET key token NX PX ttl`, released by a script that compares the
//! token.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{Client, RedisError, Script, cmd};
use engine::EventId;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// How long a lock outlives a holder that died: much longer than a transaction takes.
const TTL_MS: u64 = 5_000;

/// KEYS: the lock. ARGV: the token of who believes to hold it.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0";

/// The locks of one worker, over one connection: commands of many requests share it without waiting for each
/// other.
pub(crate) struct RedisLock {
    client: Client,
    connection: OnceCell<MultiplexedConnection>,
    release: Script,
}

/// A lock that is held.
pub(crate) struct Held {
    key: String,
    token: String,
}

impl RedisLock {
    /// Connects when first needed.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, connection: OnceCell::new(), release: Script::new(RELEASE) }
    }

    /// Waits until the lock of an event is free, and takes it. How long that may take is the caller's to
    /// bound.
    pub(crate) async fn acquire(&self, event_id: EventId) -> Result<Held, RedisError> {
        let held = Held { key: format!("peers:lock:{event_id}"), token: Uuid::new_v4().to_string() };
        let mut connection = self.connection().await?;
        let mut pauses = pauses();
        loop {
            let answer: Option<String> = cmd("SET")
                .arg(&held.key)
                .arg(&held.token)
                .arg("NX")
                .arg("PX")
                .arg(TTL_MS)
                .query_async(&mut connection)
                .await?;
            if answer.is_some() {
                return Ok(held);
            }
            tokio::time::sleep(pauses.next().unwrap_or(MAX_PAUSE)).await;
        }
    }

    pub(crate) async fn release(&self, held: Held) -> Result<(), RedisError> {
        let mut connection = self.connection().await?;
        self.release.key(held.key).arg(held.token).invoke_async(&mut connection).await
    }

    async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        self.connection.get_or_try_init(|| self.client.get_multiplexed_async_connection()).await.cloned()
    }
}

const MAX_PAUSE: Duration = Duration::from_millis(32);

/// Short at first, since a transaction takes a millisecond or two; with jitter, so that those who wait do not
/// come all at once; and never long, since a lock that is free and not taken is time lost.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(MAX_PAUSE)
        .without_max_times()
        .with_jitter()
        .build()
}
