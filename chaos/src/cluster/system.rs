//! Ports, folders, programs and signals.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::SetupError;

/// A port on which nobody listens now.
pub(super) fn free_address() -> Result<SocketAddr, SetupError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| SetupError::new("no free port", error))
}

/// Directly under /tmp: the postgres user must reach it, and the path of a Unix socket must stay short.
pub(super) fn folder() -> Result<TempDir, SetupError> {
    let folder = tempfile::Builder::new()
        .prefix("holdfast-chaos.")
        .tempdir_in("/tmp")
        .map_err(|error| SetupError::new("no folder in /tmp", error))?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))
        .map_err(|error| SetupError::new("the folder cannot be opened to the postgres user", error))?;
    Ok(folder)
}

/// Debian keeps the programs of Postgres out of PATH; the newest version wins.
pub(super) fn postgres_programs() -> Result<PathBuf, SetupError> {
    let has_programs = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(has_programs) {
        return Ok(folder);
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| has_programs(folder))
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder).ok_or_else(|| {
        SetupError("there is no Postgres: neither initdb in PATH nor in /usr/lib/postgresql".to_owned())
    })
}

/// Whether this process is the superuser, as which Postgres refuses to run.
pub(super) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs a program to its end; anything but success is an error with what it said.
pub(super) async fn run(what: &str, command: &mut Command) -> Result<(), SetupError> {
    let output: Output = command.output().await.map_err(|error| SetupError::new(what, error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(SetupError::new(what, format!("{} {said}", output.status)))
}

/// Sends a signal to a process of ours, if it still runs.
pub(super) fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // It may have ended by itself in between.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Whether somebody accepts connections there, within `patience`.
pub(super) async fn wait_for_listener(address: SocketAddr, patience: Duration) -> bool {
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, listens).await.is_ok()
}

/// A file for a server's output, to which each start of it appends.
pub(super) fn log_file(path: &Path) -> Result<std::fs::File, SetupError> {
    std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| SetupError::new("no log file", error))
}
