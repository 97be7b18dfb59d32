//! Leases on Redis, and the register of live nodes beside them.
//!
//! A lease is `SET holdfast:lease:<event> <signed node> PX <ttl>`, taken only where no other node has it;
//! it is prolonged and released by scripts that compare the holder first. The register is a sorted set of
//! signed node addresses, scored by Redis's own clock, so that the nodes' clocks may differ. Beside it
//! stands which process has each address, so that no two have the same.
//!
//! What is not signed by a node counts as not there: whoever can write to Redis must not bring nodes to send
//! clients' commands elsewhere.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{FromRedisValue, Script, ScriptInvocation};
use deadpool_redis::{Config, Connection, Pool, Runtime};
use engine::{Bid, EventId, Lease, LeaseFault, LeaseHolder};
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long Redis may take to answer, before the node goes on without it.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

const REGISTER_KEY: &str = "holdfast:nodes";

/// KEYS: the lease. ARGV: the node, the lifetime in ms, whether to take a free lease, a holder that counts as
/// none. Returns the holder.
const ACQUIRE: &str = r"
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif (not holder or holder == ARGV[4]) and ARGV[3] == '1' then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    holder = ARGV[1]
end
return holder";

/// KEYS: the lease. ARGV: the node.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
return 0";

/// KEYS: the register, whose the node's address is. ARGV: the node, the lifetime in ms, whether the node can
/// own, the process. Returns the live nodes; nothing if the address is another process's.
const HEARTBEAT: &str = r"
local process = redis.call('GET', KEYS[2])
if process and process ~= ARGV[4] then
    return false
end
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] == '1' then
    redis.call('ZADD', KEYS[1], now, ARGV[1])
else
    redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)";

/// The leases of one node.
pub struct RedisLease {
    pool: Pool,
    node: String,
    /// Tells this process from another one of the same address.
    process: String,
    signer: Hmac<Sha256>,
    ttl: Duration,
    nodes: RwLock<Vec<String>>,
    acquire: Script,
    release: Script,
    heartbeat: Script,
}

impl RedisLease {
    /// Prepares leases for the node of this address (`http://host:port`, by which the others reach it), with
    /// a lifetime of `ttl`. The nodes of a cluster sign with one `secret`. Connects when first needed: a node
    /// starts without Redis, too.
    pub fn new(
        url: &str,
        pool_size: usize,
        node: &str,
        secret: &str,
        ttl: Duration,
    ) -> Result<Self, LeaseFault> {
        let mut config = Config::from_url(url);
        config.pool = Some(deadpool_redis::PoolConfig::new(pool_size));
        let pool = config.create_pool(Some(Runtime::Tokio1));
        Ok(Self {
            pool: pool.map_err(|error| LeaseFault(error.to_string()))?,
            node: node.to_owned(),
            process: Uuid::new_v4().to_string(),
            signer: Hmac::new_from_slice(secret.as_bytes()).map_err(fault)?,
            ttl,
            nodes: RwLock::default(),
            acquire: Script::new(ACQUIRE),
            release: Script::new(RELEASE),
            heartbeat: Script::new(HEARTBEAT),
        })
    }

    /// Waits until no other process has this node's address: one that was killed has it for the time of a
    /// lease. `false`: it is another one's, which lives. Without Redis nobody can tell.
    pub async fn claim_address(&self) -> bool {
        let give_up = Instant::now() + self.ttl + ANSWER_TIMEOUT;
        loop {
            match self.beat(true).await {
                Ok(false) if Instant::now() < give_up => sleep(self.ttl / 10).await,
                Ok(is_mine) => return is_mine,
                Err(_) => return true,
            }
        }
    }

    /// `false`: the address is another process's.
    async fn beat(&self, can_own: bool) -> Result<bool, LeaseFault> {
        let mut script = self.heartbeat.prepare_invoke();
        script.key(REGISTER_KEY).key(format!("holdfast:node:{}", self.node));
        script
            .arg(self.signed("node", &self.node))
            .arg(self.ttl_ms())
            .arg(u8::from(can_own))
            .arg(&self.process);
        let Some(nodes) = self.run::<Option<Vec<String>>>(&script).await? else { return Ok(false) };
        let nodes = nodes.iter().filter_map(|value| self.verified("node", value)).collect();
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = nodes;
        Ok(true)
    }

    /// A node's address as it stands in Redis: `address|signature`.
    fn signed(&self, place: &str, node: &str) -> String {
        format!("{node}|{}", hex::encode(self.mac(place, node).finalize().into_bytes()))
    }

    /// The address that a node signed for this place; `None` if none did.
    fn verified(&self, place: &str, value: &str) -> Option<String> {
        let (node, signature) = value.rsplit_once('|')?;
        let signature = hex::decode(signature).ok()?;
        let is_signed = self.mac(place, node).verify_slice(&signature).is_ok();
        if !is_signed {
            tracing::warn!(place, "what stands in Redis is signed by no node, and counts as not there");
        }
        is_signed.then(|| node.to_owned())
    }

    fn mac(&self, place: &str, node: &str) -> Hmac<Sha256> {
        self.signer.clone().chain_update(format!("holdfast {place}\n{node}"))
    }

    /// The live node that rendezvous hashing gives an event to; each node comes to the same one.
    fn preferred(&self, id: EventId, may_be_me: bool) -> Option<String> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let candidates = nodes.iter().filter(|node| may_be_me || **node != self.node);
        candidates.max_by_key(|node| rendezvous_weight(node, id)).cloned()
    }

    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, LeaseFault> {
        let answer = async {
            let mut connection: Connection = self.pool.get().await.map_err(fault)?;
            script.invoke_async(&mut connection).await.map_err(fault)
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| fault("no answer in time"))?
    }

    async fn acquire_or_see(&self, id: EventId, take: bool) -> Result<Option<String>, LeaseFault> {
        let Some(holder) = self.acquire_from(id, take, "").await? else { return Ok(None) };
        if let Some(node) = self.verified(&lease_key(id), &holder) {
            return Ok(Some(node));
        }
        let holder = self.acquire_from(id, take, &holder).await?;
        Ok(holder.and_then(|holder| self.verified(&lease_key(id), &holder)))
    }

    /// `nobody`: a holder that counts as none.
    async fn acquire_from(
        &self,
        id: EventId,
        take: bool,
        nobody: &str,
    ) -> Result<Option<String>, LeaseFault> {
        let key = lease_key(id);
        let me = self.signed(&key, &self.node);
        let mut script = self.acquire.prepare_invoke();
        script.key(key).arg(me).arg(self.ttl_ms()).arg(u8::from(take)).arg(nobody);
        self.run(&script).await
    }

    fn ttl_ms(&self) -> u64 {
        self.ttl.as_millis() as u64
    }
}

fn lease_key(id: EventId) -> String {
    format!("holdfast:lease:{id}")
}

fn rendezvous_weight(node: &str, id: EventId) -> u64 {
    // All nodes must come to the same, also those of another release: the algorithm may never change.
    let digest = Sha256::new().chain_update(id.as_uuid()).chain_update(node).finalize();
    u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
}

fn fault(error: impl std::fmt::Display) -> LeaseFault {
    LeaseFault(format!("Redis (REDIS_URL): {error}"))
}

#[async_trait]
impl Lease for RedisLease {
    async fn acquire(&self, id: EventId, bid: Bid) -> Result<LeaseHolder, LeaseFault> {
        let preferred = self.preferred(id, bid != Bid::Never);
        let take = match bid {
            Bid::Any => true,
            Bid::Never => false,
            Bid::Preferred => preferred.as_ref().is_none_or(|node| *node == self.node),
        };
        let holder = self.acquire_or_see(id, take).await?;
        Ok(match holder.filter(|holder| bid != Bid::Never || *holder != self.node).or(preferred) {
            Some(holder) if holder == self.node => LeaseHolder::Me,
            Some(holder) => LeaseHolder::Other(holder),
            None => LeaseHolder::Nobody,
        })
    }

    async fn renew(&self, ids: &[EventId]) -> Result<Vec<EventId>, LeaseFault> {
        let (mut lost, mut failure) = (Vec::new(), None);
        for some in ids.chunks(self.pool.status().max_size.max(1)) {
            let holders = join_all(some.iter().map(|&id| self.acquire_or_see(id, true))).await;
            for (&id, holder) in some.iter().zip(holders) {
                match holder {
                    Ok(holder) if holder.as_ref() == Some(&self.node) => {}
                    Ok(_) => lost.push(id),
                    // The others may be reached all the same.
                    Err(fault) => failure = Some(fault),
                }
            }
        }
        failure.filter(|_| lost.is_empty()).map_or(Ok(lost), Err)
    }

    async fn heartbeat(&self, can_own: bool) -> Result<(), LeaseFault> {
        if self.beat(can_own).await? {
            return Ok(());
        }
        Err(LeaseFault(format!("another process has the address {} (NODE_URL), too", self.node)))
    }

    async fn release(&self, id: EventId) -> Result<(), LeaseFault> {
        let mut script = self.release.prepare_invoke();
        script.key(lease_key(id)).arg(self.signed(&lease_key(id), &self.node));
        self.run::<u8>(&script).await.map(|_| ())
    }

    async fn ping(&self) -> Result<(), LeaseFault> {
        let answer = async {
            let mut connection = self.pool.get().await.map_err(fault)?;
            let pong: String =
                deadpool_redis::redis::cmd("PING").query_async(&mut connection).await.map_err(fault)?;
            if pong == "PONG" { Ok(()) } else { Err(LeaseFault(format!("Redis answers {pong}"))) }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| fault("no answer in time"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Timestamp;

    #[test]
    fn the_weights_of_an_event_are_the_same_in_every_release() {
        let id = EventId::mint(Timestamp::from_micros(1_800_000_000_000_000), 1);
        let weights = ["http://a:8080", "http://b:8080"].map(|node| rendezvous_weight(node, id));
        assert_eq!(weights, [11_438_062_122_674_985_912, 11_213_748_883_784_297_703]);
    }
}
