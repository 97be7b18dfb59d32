//! A throwaway Redis without persistence: a restart forgets every lease.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::{SetupError, system};

const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis of our own. Dropping it stops it.
pub struct Redis {
    address: SocketAddr,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Redis {
    pub(super) async fn start(folder: &Path) -> Result<Self, SetupError> {
        let redis =
            Self { address: system::free_address()?, log: folder.join("redis.log"), child: Mutex::new(None) };
        redis.ensure_running().await?;
        Ok(redis)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it: at once, or by asking.
    pub async fn stop(&self, at_once: bool) {
        if let Some(mut child) = self.child.lock().await.take() {
            system::signal(&child, if at_once { Signal::SIGKILL } else { Signal::SIGTERM });
            let _ = child.wait().await;
        }
    }

    /// Lets it answer nothing for a while.
    pub async fn pause_clients(&self, duration: Duration) -> Result<(), SetupError> {
        self.command(&format!("CLIENT PAUSE {} ALL", duration.as_millis())).await
    }

    /// Lets it forget everything.
    pub async fn flush(&self) -> Result<(), SetupError> {
        self.command("FLUSHALL").await
    }

    /// Starts it if it does not run.
    pub async fn ensure_running(&self) -> Result<(), SetupError> {
        let mut child = self.child.lock().await;
        if let Some(child) = child.as_mut()
            && matches!(child.try_wait(), Ok(None))
        {
            return Ok(());
        }
        let log = system::log_file(&self.log)?;
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(self.address.port().to_string())
            .current_dir("/")
            .stdin(std::process::Stdio::null())
            .stdout(log)
            // Ctrl-C is for the chaos run, which then stops this.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        *child = Some(started.map_err(|error| SetupError::new("redis-server does not start", error))?);
        if system::wait_for_listener(self.address, PATIENCE).await {
            return Ok(());
        }
        Err(SetupError("redis-server does not listen".to_owned()))
    }

    async fn command(&self, command: &str) -> Result<(), SetupError> {
        let failed = |error| SetupError::new(command, error);
        let mut stream = TcpStream::connect(self.address).await.map_err(failed)?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await.map_err(failed)?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).await.map_err(failed)?;
        if answer[..length].starts_with(b"+OK") {
            return Ok(());
        }
        Err(SetupError::new(command, String::from_utf8_lossy(&answer[..length])))
    }
}
