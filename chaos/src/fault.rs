//! The faults. Each breaks something, waits until it has worked, and leaves the rest to `Cluster::heal`.

use std::time::Duration;

use clap::ValueEnum;
use engine::EventId;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::cluster::{BATCH_TIMEOUT, Cluster, LEASE_TTL, Node, SetupError};
use crate::proxy::{Link, Proxy, Then, Trap, Way};
use checker::history::Log;

/// Stands in each batch on its way to Postgres, and in nothing else.
const BATCH: &[u8] = br#""change":"#;

/// How long a fault waits for a message that it can strike.
const STRIKE_PATIENCE: Duration = Duration::from_secs(3);

/// Minutes that the clocks are apart, both ways.
const CLOCKS_APART_MS: i64 = 180_000;

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The owner of an event is killed.
    OwnerKilled,
    /// The owner is paused for longer than its lease lasts.
    OwnerPaused,
    /// The owner is paused in the instant in which a message of it is on its way to Postgres.
    PausedBetweenStatements,
    /// The owner is paused when Postgres has carried a message out, before it hears so.
    PausedBeforeAnswer,
    /// A commit is so slow that the lease runs out, and Redis cannot be reached to prolong it.
    LeaseExpiresDuringCommit,
    /// A commit is applied, but the connection breaks before its answer.
    AnswerLost,
    /// A commit waits for a standby that does not exist, and its connection is terminated.
    StandbyAbsent,
    /// A commit never arrives.
    CommitDropped,
    /// Every connection to Postgres is terminated.
    BackendsTerminated,
    /// Redis is stopped, and comes back empty.
    RedisStopped,
    /// Redis answers nothing for a while.
    RedisSlow,
    /// Redis forgets every lease.
    RedisFlushed,
    /// Redis is killed.
    RedisKilled,
    /// Postgres is restarted without a shutdown.
    PostgresRestarted,
    /// No node reaches another one, both ways.
    Partition,
    /// The owner's node and another one do not reach each other; all else is whole.
    PartitionPair,
    /// What another node sends does not reach the owner's node, but what that sends arrives.
    PartitionToOwner,
    /// What the owner's node sends does not reach another node, but what that sends arrives.
    PartitionFromOwner,
    /// The owner reaches Redis, but not Postgres.
    PostgresUnreachable,
    /// The owner does not reach Redis, so that another node takes the lease: both believe that they own.
    TwoOwners,
    /// A node is asked to stop in a burst of requests.
    Sigterm,
    /// All nodes are restarted, one after the other.
    RollingRestart,
    /// The clocks of the nodes are minutes apart.
    ClocksApart,
}

impl Fault {
    /// All of them.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Where faults strike.
pub struct Target<'a> {
    /// The cluster to break.
    pub cluster: &'a Cluster,
    /// The events under load: a fault strikes the owner of one.
    pub events: &'a [EventId],
    /// Tells who owns an event.
    pub log: &'a Log,
}

impl Target<'_> {
    fn owner(&self, rng: &mut StdRng) -> &Node {
        let event_id = self.events.choose(rng);
        let owner = event_id.and_then(|&id| self.cluster.node_at(&self.log.last_decider(id)?));
        owner.unwrap_or_else(|| &self.cluster.nodes[rng.random_range(0..self.cluster.nodes.len())])
    }

    /// Lets a fault happen, and waits until it has worked. `false`: there was nothing to strike.
    pub async fn strike(&self, fault: Fault, rng: &mut StdRng) -> Result<bool, SetupError> {
        let (cluster, owner) = (self.cluster, self.owner(rng));
        let beyond_ttl = LEASE_TTL.mul_f64(rng.random_range(1.3..2.2));
        let some_s = Duration::from_millis(rng.random_range(1_500..3_500));
        match fault {
            Fault::OwnerKilled => {
                owner.kill().await;
                tokio::time::sleep(some_s).await;
            }
            Fault::OwnerPaused => pause(owner, beyond_ttl).await,
            Fault::PausedBetweenStatements => {
                return Ok(pause_at(owner, Way::Request, beyond_ttl, rng).await);
            }
            Fault::PausedBeforeAnswer => return Ok(pause_at(owner, Way::Answer, beyond_ttl, rng).await),
            Fault::LeaseExpiresDuringCommit => {
                let answer_delay = LEASE_TTL + BATCH_TIMEOUT.mul_f64(rng.random_range(0.2..0.8));
                owner.redis.set(Link { holds_requests: true, ..Link::default() });
                owner.postgres.set(Link { answer_delay, ..Link::default() });
                tokio::time::sleep(answer_delay * 2).await;
                owner.redis.heal();
                owner.postgres.heal();
            }
            Fault::AnswerLost => return Ok(cut(owner, Way::Answer).await),
            Fault::CommitDropped => return Ok(cut(owner, Way::Request).await),
            Fault::StandbyAbsent => standby_absent(cluster).await?,
            Fault::BackendsTerminated => cluster.postgres.terminate_all().await?,
            Fault::RedisStopped | Fault::RedisKilled => {
                cluster.redis.stop(fault == Fault::RedisKilled).await;
                tokio::time::sleep(some_s).await;
                cluster.redis.ensure_running().await?;
            }
            Fault::RedisSlow => {
                cluster.redis.pause_clients(some_s).await?;
                tokio::time::sleep(some_s).await;
            }
            Fault::RedisFlushed => cluster.redis.flush().await?,
            Fault::PostgresRestarted => cluster.postgres.restart_immediate().await?,
            Fault::Partition => {
                for node in &cluster.nodes {
                    node.peers.set(Link { holds_requests: true, holds_answers: true, ..Link::default() });
                }
                tokio::time::sleep(some_s).await;
                cluster.nodes.iter().for_each(|node| node.peers.heal());
            }
            Fault::PartitionPair | Fault::PartitionToOwner | Fault::PartitionFromOwner => {
                let others: Vec<&Node> =
                    cluster.nodes.iter().filter(|node| node.index() != owner.index()).collect();
                let Some(other) = others.choose(rng) else { return Ok(false) };
                let to_owner = fault != Fault::PartitionFromOwner;
                let from_owner = fault != Fault::PartitionToOwner;
                return Ok(partition(other, owner, [to_owner, from_owner], some_s).await);
            }
            Fault::PostgresUnreachable => cut_off(&owner.postgres, rng.random_bool(0.5), some_s * 2).await,
            Fault::TwoOwners => {
                hold(&owner.redis, Link { holds_requests: true, ..Link::default() }, beyond_ttl * 2).await;
            }
            Fault::Sigterm => terminate(owner).await?,
            Fault::RollingRestart => rolling_restart(cluster).await?,
            Fault::ClocksApart => clocks_apart(cluster, rng).await?,
        }
        Ok(true)
    }
}

async fn pause(node: &Node, duration: Duration) {
    node.pause().await;
    tokio::time::sleep(duration).await;
    node.resume().await;
}

async fn hold(proxy: &Proxy, link: Link, duration: Duration) {
    proxy.set(link);
    tokio::time::sleep(duration).await;
    proxy.heal();
}

/// Lets nothing through: silently, or by refusing and resetting connections.
async fn cut_off(proxy: &Proxy, is_silent: bool, duration: Duration) {
    let silent = Link { holds_requests: true, holds_answers: true, ..Link::default() };
    let link = if is_silent { silent } else { Link { refuses: true, ..Link::default() } };
    if !is_silent {
        proxy.set(Link { refuses: true, ..Link::default() });
        proxy.reset();
    }
    hold(proxy, link, duration).await;
}

/// Cuts off the next batch, or its answer. `false`: none came, since the node lost its events meanwhile.
async fn cut(node: &Node, way: Way) -> bool {
    catch(&node.postgres, Trap { pattern: BATCH, spares: 0, way, then: Then::Cut }).await
}

/// Pauses the node at one of its messages to Postgres: any, or a batch. What is under way between the two
/// arrives while it sleeps, or only when it wakes.
async fn pause_at(node: &Node, way: Way, duration: Duration, rng: &mut StdRng) -> bool {
    let pattern = if rng.random_bool(0.5) { BATCH } else { b"" };
    let trap = Trap { pattern, spares: rng.random_range(0..20), way, then: Then::Hold };
    let arrives_late = rng.random_bool(0.5);
    if !catch(&node.postgres, trap).await {
        return false;
    }
    node.pause().await;
    if !arrives_late {
        node.postgres.heal();
    }
    tokio::time::sleep(duration).await;
    node.resume().await;
    node.postgres.heal();
    true
}

/// Waits until the trap has caught something; `false`: nothing came by.
async fn catch(proxy: &Proxy, trap: Trap) -> bool {
    let before = proxy.caught();
    proxy.set_trap(trap);
    tokio::time::timeout(STRIKE_PATIENCE, proxy.wait_caught(before)).await.is_ok()
}

/// Cuts one or both ways between two nodes, whichever has opened the connection. `false`: nothing was under
/// way.
async fn partition(a: &Node, b: &Node, [a_to_b, b_to_a]: [bool; 2], duration: Duration) -> bool {
    let caught = || a.peers.caught() + b.peers.caught();
    let before = caught();
    let link = |holds_requests, holds_answers| Link { holds_requests, holds_answers, ..Link::default() };
    b.peers.set_from(a.source_ip(), link(a_to_b, b_to_a));
    a.peers.set_from(b.source_ip(), link(b_to_a, a_to_b));
    tokio::time::sleep(duration).await;
    a.peers.heal();
    b.peers.heal();
    caught() > before
}

async fn standby_absent(cluster: &Cluster) -> Result<(), SetupError> {
    cluster.postgres.wait_for_absent_standby().await?;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        cluster.postgres.terminate_waiting_commits().await?;
    }
    cluster.postgres.ensure_running().await
}

/// A node that is asked to stop must do so, without an error.
async fn terminate(node: &Node) -> Result<(), SetupError> {
    let status = node.terminate().await?;
    if status.success() {
        return Ok(());
    }
    Err(SetupError(format!("node {} was asked to stop and ended with {status}", node.index())))
}

async fn rolling_restart(cluster: &Cluster) -> Result<(), SetupError> {
    for node in &cluster.nodes {
        terminate(node).await?;
        node.ensure_running(cluster.clock_offset_ms()).await?;
        node.wait_ready().await?;
    }
    Ok(())
}

/// The middle node keeps the time, the others are ahead and behind; events change hands between them.
async fn clocks_apart(cluster: &Cluster, rng: &mut StdRng) -> Result<(), SetupError> {
    for (node, direction) in cluster.nodes.iter().zip([1, 0, -1].into_iter().cycle()) {
        terminate(node).await?;
        node.ensure_running(cluster.clock_offset_ms() + direction * CLOCKS_APART_MS).await?;
        node.wait_ready().await?;
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pause(&cluster.nodes[rng.random_range(0..cluster.nodes.len())], LEASE_TTL.mul_f64(1.5)).await;
    }
    cluster.advance_clocks(CLOCKS_APART_MS).await
}
