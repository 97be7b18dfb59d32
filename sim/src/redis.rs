//! Redis: leases, the register of nodes, and publications, with a clock of its own. What its scripts do is
//! done here as the crate `persistence` has them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::{
    Bid, EventId, Lease, LeaseFault, LeaseHolder, MAX_PUBLICATION_AGE, Publication, PublicationFault,
    Publications, SeatMap,
};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::network::{Failure, Place, Wire};

/// How long a node waits for Redis.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the version of a publication bars older ones.
const VERSION_TTL_MS: i64 = 60_000;

/// One Redis.
pub struct Redis {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How far its clock is ahead.
    offset_ms: i64,
    leases: BTreeMap<EventId, Expiring<String>>,
    /// The nodes, by the time of their last heartbeat.
    register: BTreeMap<String, i64>,
    maps: BTreeMap<EventId, Expiring<SeatMap>>,
    versions: BTreeMap<EventId, Expiring<u64>>,
}

/// A value until a time by Redis's clock.
struct Expiring<T>(T, i64);

impl Redis {
    /// An empty one.
    pub fn new() -> Self {
        Self { began: Instant::now(), state: Mutex::default() }
    }

    /// Forgets everything.
    pub fn flush(&self) {
        let mut state = self.state();
        *state = State { offset_ms: state.offset_ms, ..State::default() };
    }

    /// Moves its clock.
    pub fn jump(&self, millis: i64) {
        self.state().offset_ms += millis;
    }

    fn now_ms(&self) -> i64 {
        self.began.elapsed().as_millis() as i64 + self.state().offset_ms
    }

    /// Who holds a lease now; takes a free one if `take`.
    fn acquire(&self, id: EventId, node: &str, ttl_ms: i64, take: bool) -> Option<String> {
        let now = self.now_ms();
        let mut state = self.state();
        let holder = state.leases.get(&id).filter(|lease| lease.1 > now).map(|lease| lease.0.clone());
        if holder.as_deref() == Some(node) || holder.is_none() && take {
            state.leases.insert(id, Expiring(node.to_owned(), now + ttl_ms));
            return Some(node.to_owned());
        }
        holder
    }

    fn release(&self, id: EventId, node: &str) {
        let mut state = self.state();
        if state.leases.get(&id).is_some_and(|lease| lease.0 == node) {
            state.leases.remove(&id);
        }
    }

    fn heartbeat(&self, node: &str, ttl_ms: i64, can_own: bool) -> Vec<String> {
        let now = self.now_ms();
        let mut state = self.state();
        if can_own {
            state.register.insert(node.to_owned(), now);
        } else {
            state.register.remove(node);
        }
        state.register.retain(|_, seen| *seen > now - ttl_ms);
        state.register.keys().cloned().collect()
    }

    fn publish(&self, map: &SeatMap, as_of_ms: i64) -> bool {
        let now = self.now_ms();
        let mut state = self.state();
        let lifetime = MAX_PUBLICATION_AGE.as_millis() as i64 - (now - as_of_ms).max(0);
        let known =
            state.versions.get(&map.info.id).filter(|version| version.1 > now).map_or(0, |known| known.0);
        if lifetime < 1 || map.version < known {
            return false;
        }
        state.maps.insert(map.info.id, Expiring(map.clone(), now + lifetime));
        state.versions.insert(map.info.id, Expiring(map.version, now + VERSION_TTL_MS));
        true
    }

    fn latest(&self, id: EventId) -> Option<SeatMap> {
        let now = self.now_ms();
        self.state().maps.get(&id).filter(|map| map.1 > now).map(|map| map.0.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self::new()
    }
}

/// The leases of one node.
pub struct SimLease {
    wire: Wire,
    redis: Arc<Redis>,
    node: String,
    ttl: Duration,
    nodes: Mutex<Vec<String>>,
}

fn lease_fault(failure: Failure) -> LeaseFault {
    LeaseFault(format!("{failure:?}"))
}

impl SimLease {
    /// Leases of the node of this address.
    pub fn new(wire: Wire, redis: Arc<Redis>, node: &str, ttl: Duration) -> Self {
        Self { wire, redis, node: node.to_owned(), ttl, nodes: Mutex::default() }
    }

    /// The node that an event is given to; each node comes to the same one.
    fn preferred(&self, id: EventId, may_be_me: bool) -> Option<String> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = |node: &&String| Dice::new(id.as_uuid().as_u128() as u64, node, 0).bits();
        nodes.iter().filter(|node| may_be_me || **node != self.node).max_by_key(weight).cloned()
    }

    async fn run<T: Send + 'static>(
        &self,
        script: impl Fn(&Redis, &str, i64) -> T + Send + Sync + 'static,
    ) -> Result<T, LeaseFault> {
        let (redis, node, ttl_ms) = (Arc::clone(&self.redis), self.node.clone(), self.ttl.as_millis() as i64);
        let run = move || script(&redis, &node, ttl_ms);
        self.wire.call(Place::Redis, PATIENCE, run).await.map_err(lease_fault)
    }
}

#[async_trait]
impl Lease for SimLease {
    async fn acquire(&self, id: EventId, bid: Bid) -> Result<LeaseHolder, LeaseFault> {
        let preferred = self.preferred(id, bid != Bid::Never);
        let take = match bid {
            Bid::Any => true,
            Bid::Never => false,
            Bid::Preferred => preferred.as_ref().is_none_or(|node| *node == self.node),
        };
        let holder = self.run(move |redis, node, ttl_ms| redis.acquire(id, node, ttl_ms, take)).await?;
        Ok(match holder.filter(|holder| bid != Bid::Never || *holder != self.node).or(preferred) {
            Some(holder) if holder == self.node => LeaseHolder::Me,
            Some(holder) => LeaseHolder::Other(holder),
            None => LeaseHolder::Nobody,
        })
    }

    async fn renew(&self, ids: &[EventId]) -> Result<Vec<EventId>, LeaseFault> {
        let mut lost = Vec::new();
        for &id in ids {
            let holder = self.run(move |redis, node, ttl_ms| redis.acquire(id, node, ttl_ms, true)).await?;
            if holder.as_ref() != Some(&self.node) {
                lost.push(id);
            }
        }
        Ok(lost)
    }

    async fn heartbeat(&self, can_own: bool) -> Result<(), LeaseFault> {
        let nodes = self.run(move |redis, node, ttl_ms| redis.heartbeat(node, ttl_ms, can_own)).await?;
        *self.nodes.lock().unwrap_or_else(PoisonError::into_inner) = nodes;
        Ok(())
    }

    async fn release(&self, id: EventId) -> Result<(), LeaseFault> {
        self.run(move |redis, node, _| redis.release(id, node)).await
    }

    async fn ping(&self) -> Result<(), LeaseFault> {
        self.run(|_, _, _| ()).await
    }
}

/// The publications, as one node reaches them.
pub struct SimPublications {
    /// The node's way to Redis.
    pub wire: Wire,
    /// Redis.
    pub redis: Arc<Redis>,
}

impl std::fmt::Debug for SimPublications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "publications of {:?}", self.wire)
    }
}

fn publication_fault(failure: Failure) -> PublicationFault {
    PublicationFault(format!("{failure:?}"))
}

#[async_trait]
impl Publications for SimPublications {
    async fn publish(&self, publication: &Publication) -> Result<bool, PublicationFault> {
        let redis = Arc::clone(&self.redis);
        let now_ms = self.wire.call(Place::Redis, PATIENCE, move || redis.now_ms()).await;
        let age_ms = publication.as_of.elapsed().as_millis() as i64 + 1;
        let as_of_ms = now_ms.map_err(publication_fault)? - age_ms;
        let (redis, map) = (Arc::clone(&self.redis), Arc::clone(&publication.map));
        let publish = move || redis.publish(&map, as_of_ms);
        self.wire.call(Place::Redis, PATIENCE, publish).await.map_err(publication_fault)
    }

    async fn latest(&self, id: EventId) -> Result<Option<SeatMap>, PublicationFault> {
        let redis = Arc::clone(&self.redis);
        self.wire.call(Place::Redis, PATIENCE, move || redis.latest(id)).await.map_err(publication_fault)
    }
}
