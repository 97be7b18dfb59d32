//! One node: a process of the real server, with a proxy in front of everything that it talks to.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::{
    ADMIN_API_KEY, BATCH_TIMEOUT, ClusterOptions, LEASE_TTL, Postgres, Redis, SetupError, postgres, system,
};
use crate::proxy::Proxy;

const READY_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How long a stopping node stays reachable, unready.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// A node that can be started, stopped, killed and paused.
pub struct Node {
    index: usize,
    /// Its way to Postgres.
    pub postgres: Proxy,
    /// Its way to Redis.
    pub redis: Proxy,
    /// The other nodes' way to it.
    pub peers: Proxy,
    address: SocketAddr,
    program: PathBuf,
    log: PathBuf,
    unfenced: bool,
    child: Mutex<Option<Child>>,
}

/// Makes the schema, once for all nodes.
pub(super) async fn migrate(options: &ClusterOptions, database_url: &str) -> Result<(), SetupError> {
    let mut command = Command::new(&options.program);
    command
        .arg("migrate")
        .current_dir("/")
        .env("DATABASE_URL", database_url)
        .env("ENVIRONMENT", "development");
    system::run(&format!("{} migrate", options.program.display()), &mut command).await
}

impl Node {
    pub(super) async fn new(
        index: usize,
        options: &ClusterOptions,
        postgres: &Postgres,
        redis: &Redis,
        folder: &Path,
    ) -> Result<Self, SetupError> {
        let no_proxy = |error| SetupError::new("no proxy", error);
        let address = system::free_address()?;
        Ok(Self {
            index,
            postgres: Proxy::start(postgres.address()).await.map_err(no_proxy)?,
            redis: Proxy::start(redis.address()).await.map_err(no_proxy)?,
            peers: Proxy::start(address).await.map_err(no_proxy)?,
            address,
            program: options.program.clone(),
            log: folder.join(format!("node-{index}.log")),
            unfenced: options.unfenced,
            child: Mutex::new(None),
        })
    }

    /// Its number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Where clients reach it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the other nodes reach it.
    pub fn node_url(&self) -> String {
        format!("http://{}", self.peers.address())
    }

    /// From where it connects to the other nodes, so that their proxies can tell it from the rest. Linux has
    /// all of 127.0.0.0/8 as its own.
    pub fn source_ip(&self) -> IpAddr {
        IpAddr::from([127, 0, 0, 11 + self.index as u8])
    }

    /// Where it logs to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts it if it does not run.
    pub async fn ensure_running(&self, clock_offset_ms: i64) -> Result<(), SetupError> {
        let mut child = self.child.lock().await;
        if let Some(child) = child.as_mut()
            && matches!(child.try_wait(), Ok(None))
        {
            return Ok(());
        }
        let log = system::log_file(&self.log)?;
        let errors = log.try_clone().map_err(|error| SetupError::new("no log file", error))?;
        let mut command = self.command(clock_offset_ms);
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0).kill_on_drop(true);
        *child = Some(command.spawn().map_err(|error| SetupError::new("a node does not start", error))?);
        Ok(())
    }

    fn command(&self, clock_offset_ms: i64) -> Command {
        let mut command = Command::new(&self.program);
        // From a folder without a .env file.
        command.arg("serve").current_dir("/");
        for (variable, value) in [
            ("DATABASE_URL", postgres::url_through(self.postgres.address())),
            ("REDIS_URL", format!("redis://{}", self.redis.address())),
            ("BIND", "127.0.0.1".to_owned()),
            ("PORT", self.address.port().to_string()),
            ("NODE_URL", self.node_url()),
            ("CLUSTER_SECRET", "the nodes of one chaos run".to_owned()),
            ("LEASE_TTL_MS", LEASE_TTL.as_millis().to_string()),
            ("BATCH_TIMEOUT_MS", BATCH_TIMEOUT.as_millis().to_string()),
            ("SHUTDOWN_GRACE_MS", SHUTDOWN_GRACE.as_millis().to_string()),
            ("ENVIRONMENT", "development".to_owned()),
            ("ADMIN_API_KEY", ADMIN_API_KEY.to_owned()),
            ("LOG_LEVEL", "info,access=off".to_owned()),
            ("LOG_FORMAT", "text".to_owned()),
            ("CHAOS_CLOCK_OFFSET_MS", clock_offset_ms.to_string()),
            ("CHAOS_SOURCE_IP", self.source_ip().to_string()),
        ] {
            command.env(variable, value);
        }
        if self.unfenced {
            command.env("CHAOS_UNFENCED", "1");
        }
        command
    }

    /// Waits until it says that it can serve.
    pub async fn wait_ready(&self) -> Result<(), SetupError> {
        let client = reqwest::Client::new();
        let ready = async {
            loop {
                let answer =
                    client.get(format!("{}/readyz", self.url())).timeout(Duration::from_secs(2)).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                if self.has_ended().await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(READY_PATIENCE, ready).await.is_ok();
        if in_time && !self.has_ended().await {
            return Ok(());
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(10).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Err(SetupError(format!("node {} is not ready; it says:\n{}", self.index, last.join("\n"))))
    }

    async fn has_ended(&self) -> bool {
        match self.child.lock().await.as_mut() {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => true,
        }
    }

    /// Ends it without a warning.
    pub async fn kill(&self) {
        let mut child = self.child.lock().await;
        if let Some(mut child) = child.take() {
            let _ = child.kill().await;
        }
    }

    /// Asks it to stop, and waits until it has. Not ending in time, or with an error, is an error of the
    /// node.
    pub async fn terminate(&self) -> Result<ExitStatus, SetupError> {
        let mut slot = self.child.lock().await;
        let Some(mut child) = slot.take() else { return Ok(ExitStatus::default()) };
        system::signal(&child, Signal::SIGTERM);
        match tokio::time::timeout(STOP_PATIENCE, child.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(SetupError::new("a node cannot be waited for", error)),
            Err(_) => Err(SetupError(format!("node {} did not stop within {STOP_PATIENCE:?}", self.index))),
        }
    }

    /// Stops its time.
    pub async fn pause(&self) {
        if let Some(child) = self.child.lock().await.as_ref() {
            system::signal(child, Signal::SIGSTOP);
        }
    }

    /// Lets its time go on.
    pub async fn resume(&self) {
        if let Some(child) = self.child.lock().await.as_ref() {
            system::signal(child, Signal::SIGCONT);
        }
    }

    /// Makes its links whole.
    pub fn heal_links(&self) {
        for link in [&self.postgres, &self.redis, &self.peers] {
            link.heal();
        }
    }
}
