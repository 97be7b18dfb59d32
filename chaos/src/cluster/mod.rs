//! The real things: three nodes, one Postgres, one Redis, and the proxies between them.
//!
//! ```text
//! client ─▶ node ─▶ proxy ─▶ Postgres
//!            │ └──▶ proxy ─▶ Redis
//!            └────▶ proxy ─▶ another node      (the proxy's address is that node's NODE_URL)
//! ```

mod node;
mod postgres;
mod redis;
mod system;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Clock, SystemClock, Timestamp};
use tempfile::TempDir;

pub use node::Node;
pub use postgres::Postgres;
pub use redis::Redis;

/// Short, so that takeovers happen within a short run.
pub const LEASE_TTL: Duration = Duration::from_millis(1_500);
/// The time after which a node gives a batch up.
pub const BATCH_TIMEOUT: Duration = Duration::from_millis(1_000);
/// An administrator's key, who may act for any user.
pub const ADMIN_API_KEY: &str = "dev-admin-key-12345";

/// The chaos run itself cannot go on: nothing is known of the nodes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);

impl SetupError {
    /// What was tried, and what came of it.
    pub fn new(what: &str, cause: impl fmt::Display) -> Self {
        Self(format!("{what}: {cause}"))
    }
}

/// How the nodes are started.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The program `holdfast`, built with the feature `chaos`.
    pub program: PathBuf,
    /// How many nodes.
    pub nodes: usize,
    /// Whether the nodes leave out the epoch check, to prove the checker.
    pub unfenced: bool,
}

/// All of it; dropping it stops every process.
pub struct Cluster {
    /// The nodes, in the order of their indexes.
    pub nodes: Vec<Node>,
    /// The database that all nodes share.
    pub postgres: Postgres,
    /// The leases.
    pub redis: Redis,
    /// How far the clocks of the nodes are ahead of the machine's, when they agree.
    clock_offset_ms: AtomicI64,
    unfenced: bool,
    /// Last, so that it goes after the processes.
    folder: TempDir,
}

impl Cluster {
    /// Starts everything, and waits until every node is ready.
    pub async fn start(options: &ClusterOptions) -> Result<Self, SetupError> {
        let folder = system::folder()?;
        let redis = Redis::start(folder.path()).await?;
        let postgres = Postgres::start(folder.path()).await?;
        node::migrate(options, &postgres.url()).await?;
        let mut nodes = Vec::with_capacity(options.nodes);
        for index in 0..options.nodes {
            nodes.push(Node::new(index, options, &postgres, &redis, folder.path()).await?);
        }
        let (clock_offset_ms, unfenced) = (AtomicI64::new(0), options.unfenced);
        let cluster = Self { nodes, postgres, redis, clock_offset_ms, unfenced, folder };
        cluster.heal().await?;
        Ok(cluster)
    }

    /// Ends every fault, and waits until every node is ready.
    pub async fn heal(&self) -> Result<(), SetupError> {
        for node in &self.nodes {
            node.heal_links();
            node.resume().await;
        }
        self.redis.ensure_running().await?;
        self.postgres.ensure_running().await?;
        for node in &self.nodes {
            node.ensure_running(self.clock_offset_ms()).await?;
            if self.unfenced {
                // Each replaces the same function in the database, which it cannot do at the same time.
                node.wait_ready().await?;
            }
        }
        for node in &self.nodes {
            node.wait_ready().await?;
        }
        Ok(())
    }

    /// The node that other nodes reach at this address.
    pub fn node_at(&self, node_url: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.node_url() == node_url)
    }

    /// How far the nodes' clocks are ahead of the machine's, where they agree.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms.load(Ordering::SeqCst)
    }

    /// Lets every node agree on a clock that is `by_ms` further ahead: no node may be left behind the times
    /// in the journal, or its holds would seem to last too long.
    pub async fn advance_clocks(&self, by_ms: i64) -> Result<(), SetupError> {
        self.clock_offset_ms.fetch_add(by_ms, Ordering::SeqCst);
        for node in &self.nodes {
            node.terminate().await?;
        }
        self.heal().await
    }

    /// The time by the clock that the nodes agree on.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.clock_offset_ms() * 1_000)
    }

    /// Where the logs are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lines of the nodes' logs that tell of a panic.
    pub fn panics(&self) -> Result<Vec<String>, SetupError> {
        let mut panics = Vec::new();
        for node in &self.nodes {
            let log = std::fs::read_to_string(node.log())
                .map_err(|error| SetupError::new("a node's log cannot be read", error))?;
            panics.extend(log.lines().filter(|line| line.contains("panicked at")).map(str::to_owned));
        }
        Ok(panics)
    }

    /// Leaves the logs where they are, for a look at what went wrong.
    pub fn keep_logs(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_path_buf()
    }
}
