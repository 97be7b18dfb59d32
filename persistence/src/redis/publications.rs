//! What owners publish, on Redis: for each event its last publication, gone once it is too old, and its
//! version, which stays for longer.
//!
//! How old a publication is counts from its `as_of` on, by Redis's own clock, at the moment when Redis takes
//! it: one that a slow network or a paused node held up lives shorter, or is refused.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Script, cmd};
use deadpool_redis::{Config, Pool, PoolConfig, Runtime};
use engine::{EventId, MAX_PUBLICATION_AGE, Publication, PublicationFault, Publications, SeatMap};

use super::publication_bytes::{Unreadable, decode, encode};

/// How long Redis may take to answer, however long the caller would wait.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// How long the version of a publication bars older ones.
const VERSION_TTL: Duration = Duration::from_secs(60);

/// KEYS: the publication, its version. ARGV: its `as_of` in ms of Redis's time, the version, the bytes, the
/// greatest age in ms, the version's lifetime in ms. Returns whether it was taken.
const PUBLISH: &str = r"
local time = redis.call('TIME')
local age = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local lifetime = ARGV[4] - math.max(age, 0)
if lifetime < 1 or tonumber(ARGV[2]) < tonumber(redis.call('GET', KEYS[2]) or '0') then
    return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', lifetime)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[5])
return 1";

/// Publications on one Redis.
#[derive(Debug)]
pub struct RedisPublications {
    pool: Pool,
    publish: Script,
}

impl RedisPublications {
    /// Connects when first needed: a node starts without Redis, too.
    pub fn new(url: &str, pool_size: usize) -> Result<Self, PublicationFault> {
        let mut config = Config::from_url(url);
        config.pool = Some(PoolConfig::new(pool_size));
        let pool = config.create_pool(Some(Runtime::Tokio1)).map_err(fault)?;
        Ok(Self { pool, publish: Script::new(PUBLISH) })
    }
}

#[async_trait]
impl Publications for RedisPublications {
    async fn publish(&self, publication: &Publication) -> Result<bool, PublicationFault> {
        let map = &publication.map;
        let bytes = encode(map);
        in_time(async {
            let mut connection = self.pool.get().await.map_err(fault)?;
            let (now_s, micros): (u64, u64) =
                cmd("TIME").query_async(&mut connection).await.map_err(fault)?;
            // Too early by as long as that answer took, if anything: the age is never taken for less than it
            // is.
            let age_ms = publication.as_of.elapsed().as_millis() as u64 + 1;
            let as_of_ms = (now_s * 1_000 + micros / 1_000).saturating_sub(age_ms);
            let mut script = self.publish.prepare_invoke();
            script.key(map_key(map.info.id)).key(version_key(map.info.id));
            script.arg(as_of_ms).arg(map.version).arg(bytes);
            script.arg(MAX_PUBLICATION_AGE.as_millis() as u64).arg(VERSION_TTL.as_millis() as u64);
            script.invoke_async(&mut connection).await.map_err(fault)
        })
        .await
    }

    async fn latest(&self, id: EventId) -> Result<Option<SeatMap>, PublicationFault> {
        let bytes: Option<Vec<u8>> = in_time(async {
            let mut connection = self.pool.get().await.map_err(fault)?;
            cmd("GET").arg(map_key(id)).query_async(&mut connection).await.map_err(fault)
        })
        .await?;
        let Some(bytes) = bytes else { return Ok(None) };
        match decode(id, &bytes) {
            Ok(map) => Ok(Some(map)),
            Err(Unreadable::UnknownLayout) => Ok(None),
            // Perhaps another release's. The store has it, too.
            Err(error) => {
                tracing::warn!(event_id = %id, %error, "publication not understood");
                Ok(None)
            }
        }
    }
}

// The braces keep both keys of an event on one node of a Redis cluster.
fn map_key(id: EventId) -> String {
    format!("holdfast:published:{{{id}}}")
}

fn version_key(id: EventId) -> String {
    format!("holdfast:published-version:{{{id}}}")
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, PublicationFault>>,
) -> Result<T, PublicationFault> {
    let late = |_| PublicationFault("no answer in time".to_owned());
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(late)?
}

fn fault(error: impl std::fmt::Display) -> PublicationFault {
    PublicationFault(error.to_string())
}
