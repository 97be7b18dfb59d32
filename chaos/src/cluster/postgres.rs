//! A throwaway Postgres, durable as in production: fsync and synchronous_commit stay on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use super::{SetupError, system};

/// A Postgres of our own. Dropping it stops it.
pub struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    log: PathBuf,
    address: SocketAddr,
}

impl Postgres {
    pub(super) async fn start(folder: &Path) -> Result<Self, SetupError> {
        let programs = system::postgres_programs()?;
        let home = folder.join("postgres");
        std::fs::create_dir(&home).map_err(|error| SetupError::new("no folder for Postgres", error))?;
        if system::is_root() {
            let mut chown = Command::new("chown");
            system::run("the folder cannot be given to postgres", chown.arg("postgres").arg(&home)).await?;
        }
        let address = system::free_address()?;
        let postgres = Self { programs, data: home.join("data"), log: home.join("log"), address };
        let mut initdb = postgres.tool("initdb");
        initdb.args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale"]);
        system::run("initdb failed", initdb.arg("--no-sync")).await?;
        postgres.control(&["start"]).await?;
        Ok(postgres)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its database, past every proxy.
    pub fn url(&self) -> String {
        url_through(self.address)
    }

    /// Kills and starts it: connections break, transactions under way are gone, and it recovers from its log.
    pub async fn restart_immediate(&self) -> Result<(), SetupError> {
        self.control(&["restart", "--mode", "immediate"]).await
    }

    /// Lets each commit wait for a standby that does not exist: it is written, but its answer never comes.
    pub async fn wait_for_absent_standby(&self) -> Result<(), SetupError> {
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await?;
        self.execute("SELECT pg_reload_conf()").await
    }

    /// Ends the connections whose commit waits for a standby.
    pub async fn terminate_waiting_commits(&self) -> Result<(), SetupError> {
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            .await
    }

    /// Ends every connection of the nodes.
    pub async fn terminate_all(&self) -> Result<(), SetupError> {
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .await
    }

    /// Starts it if it does not run, and lets commits wait for no standby.
    pub async fn ensure_running(&self) -> Result<(), SetupError> {
        if self.execute("ALTER SYSTEM RESET synchronous_standby_names").await.is_err() {
            self.control(&["start"]).await?;
            self.execute("ALTER SYSTEM RESET synchronous_standby_names").await?;
        }
        self.execute("SELECT pg_reload_conf()").await
    }

    async fn execute(&self, sql: &'static str) -> Result<(), SetupError> {
        let failed = |error| SetupError::new(sql, error);
        let mut connection = PgConnection::connect(&self.url()).await.map_err(failed)?;
        sqlx::query(sql).execute(&mut connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)
    }

    async fn control(&self, action: &[&str]) -> Result<(), SetupError> {
        let port = self.address.port();
        // Connections of a debug build's nodes, three times, and some for us.
        let options = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200"
        );
        let mut pg_ctl = self.tool("pg_ctl");
        pg_ctl.args(["--wait", "--timeout", "60", "--silent", "--log"]).arg(&self.log);
        pg_ctl.arg("--options").arg(options).args(action);
        system::run("pg_ctl failed", pg_ctl.stdout(std::process::Stdio::null())).await
    }

    fn tool(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if system::is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // The caller's folder may be closed to the postgres user.
        command.current_dir("/").arg("--pgdata").arg(&self.data).stdin(std::process::Stdio::null());
        command
    }
}

/// The URL of the database at another address, a proxy's say.
pub(super) fn url_through(address: SocketAddr) -> String {
    format!("postgres://postgres@{address}/postgres")
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut pg_ctl = self.tool("pg_ctl");
        pg_ctl.args(["--mode", "immediate", "--wait", "--silent", "stop"]);
        // Nothing can be done about a failure here; the log says what it was.
        let _ = pg_ctl.as_std_mut().output();
    }
}
