//! One server as a process, its database, and the load on it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use peers::tables::{self, Found};
use serde_json::Value;
use tempfile::TempDir;

use crate::contestant::{Contestant, Storage};
use crate::database::{Database, Postgres};
use crate::{Failure, Options};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs.
pub(crate) struct Server {
    contestant: Contestant,
    address: SocketAddr,
    child: Child,
    database: Option<Database>,
    database_url: String,
    programs: PathBuf,
    /// The log, the SQLite file and the figures.
    folder: TempDir,
    /// The reservations that clients were told of, and the requests that failed, for which nobody knows.
    told: u64,
    failed: u64,
}

/// A run of the load generator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    /// What the server is thought to sell: the number of seats that are made.
    pub(crate) expected_per_s: f64,
}

/// What the load generator measured.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Figures {
    pub(crate) per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) failed: u64,
}

impl Server {
    /// Starts one, with an empty database, and waits until it is ready.
    pub(crate) async fn start(
        contestant: Contestant,
        pool_size: u32,
        options: &Options,
        postgres: &mut Postgres,
    ) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("holdfast-compare.").tempdir()?;
        let database = match contestant.storage() {
            Storage::Postgres => Some(postgres.create().await?),
            Storage::Sqlite | Storage::Nowhere => None,
        };
        let database_url = match &database {
            Some(database) => database.url(),
            None => format!("sqlite://{}", folder.path().join("holdfast.db").display()),
        };
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = File::create(folder.path().join("log"))?;
        let programs = options.programs()?;
        let (program, arguments) = contestant.command();
        let mut command = Command::new(programs.join(program));
        command
            .args(arguments)
            // From a folder without a .env file, and with no settings but these.
            .current_dir(folder.path())
            .env_clear()
            .env("DATABASE_URL", &database_url)
            .env("PORT", address.port().to_string())
            .env("ENVIRONMENT", "development")
            .env("LOG_LEVEL", "info")
            // All customers of a load test have one address.
            .env("MAX_CONNECTIONS_PER_ADDRESS", "0")
            .env("LOG_FORMAT", "json")
            .env("DB_MAX_OPEN_CONNS", pool_size.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if contestant == Contestant::RedisLock {
            command.env("REDIS_URL", &options.redis_url);
        }
        let child = command.spawn().map_err(|error| format!("{program} does not start: {error}"))?;
        let mut server =
            Self { contestant, address, child, database, database_url, programs, folder, told: 0, failed: 0 };
        server.wait_ready().await?;
        Ok(server)
    }

    async fn wait_ready(&mut self) -> Result<(), Failure> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE && self.child.try_wait()?.is_none() {
            if is_ready(self.address) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(self.complaint("it did not become ready"))
    }

    /// Puts load on it.
    pub(crate) fn load(&mut self, load: Load) -> Result<Figures, Failure> {
        let json = self.folder.path().join("figures.json");
        let seconds = (load.warmup + load.duration).as_secs_f64();
        let seats = SEATS_PER_RESERVATION * load.expected_per_s * seconds;
        let events = (seats / SEATS_PER_EVENT).ceil().max(1.0);
        let output = Command::new(self.programs.join("load"))
            .args(["hot", "--url", &format!("http://{}", self.address)])
            .args(["--connections", &load.connections.to_string()])
            .args(["--warmup-s", &load.warmup.as_secs_f64().to_string()])
            .args(["--duration-s", &load.duration.as_secs_f64().to_string()])
            .args(["--seats-per-reservation", &SEATS_PER_RESERVATION.to_string()])
            .args(["--seats-per-event", &SEATS_PER_EVENT.to_string()])
            .args(["--events", &events.to_string()])
            .arg("--json")
            .arg(&json)
            .stdin(Stdio::null())
            .output()?;
        // 1: something did not hold, such as a request that failed. It is counted below.
        if !matches!(output.status.code(), Some(0 | 1)) {
            return Err(self.complaint(&String::from_utf8_lossy(&output.stderr)));
        }
        let document: Value = serde_json::from_reader(File::open(json)?)?;
        let all = &document["summary"]["all"];
        let number = |name: &str| all[name].as_f64().ok_or_else(|| format!("load says no {name}"));
        let fact = |name: &str| {
            let mut facts = document["facts"].as_array().into_iter().flatten();
            facts.find(|fact| fact["name"] == name).map(|fact| fact["value"].clone())
        };
        if fact("ended early").is_some() {
            eprintln!("    all seats were sold before the time was over");
        }
        let told = fact("reservations in all").and_then(|value| value.as_u64());
        self.told += told.ok_or("load does not say what it was told in all")?;
        let failed = number("failed")? as u64;
        // Failures of the warm-up are not counted, but such a run is not clean after it either.
        self.failed += failed;
        Ok(Figures {
            per_s: number("done_per_s")?,
            p50_ms: number("p50_ms")?,
            p99_ms: number("p99_ms")?,
            failed,
        })
    }

    /// Stops it, and checks that what the clients were told is what stands in its tables, and nothing else.
    pub(crate) async fn stop_and_check(mut self, postgres: &mut Postgres) -> Result<(), Failure> {
        self.stop()?;
        match (self.contestant.storage(), self.database.take()) {
            (Storage::Postgres, Some(database)) => {
                let mut connection = database.connect().await?;
                let found = if self.contestant.is_peer() {
                    tables::check(&mut connection).await?
                } else {
                    tables::check_holdfast(&mut connection).await?
                };
                drop(connection);
                postgres.drop(database).await?;
                self.compare(found)
            }
            (Storage::Sqlite, _) => self.verify(),
            // There is nothing to look at.
            (Storage::Nowhere | Storage::Postgres, _) => Ok(()),
        }
    }

    fn stop(&mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)?;
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { Err(self.complaint("it ended with an error")) };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(self.complaint("it did not stop"))
    }

    /// With the check that Holdfast has for its own stores.
    fn verify(&self) -> Result<(), Failure> {
        let output = Command::new(self.programs.join("holdfast"))
            .arg("verify")
            .current_dir(self.folder.path())
            .env_clear()
            .env("DATABASE_URL", &self.database_url)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let summary = text.lines().last().unwrap_or_default();
        let mut parts = summary.split([',', ' ']).filter(|part| !part.is_empty()).peekable();
        let mut reservations = None;
        while let Some(part) = parts.next() {
            if parts.peek() == Some(&"reservations") {
                reservations = part.parse().ok();
            }
        }
        match reservations {
            Some(reservations) if output.status.success() => {
                self.compare(Found { reservations, held_twice: 0, unlike: 0 })
            }
            _ => Err(self.complaint(&format!("holdfast verify: {text}"))),
        }
    }

    fn compare(&self, found: Found) -> Result<(), Failure> {
        let reservations = found.reservations as u64;
        // Of a request that failed nobody knows what it did.
        let may_be = self.told..=self.told + self.failed;
        if found.held_twice != 0 || found.unlike != 0 || !may_be.contains(&reservations) {
            let (told, failed) = (self.told, self.failed);
            return Err(
                self.complaint(&format!("clients were told of {told}, {failed} failed, but {found:?}"))
            );
        }
        Ok(())
    }

    fn complaint(&self, what: &str) -> Failure {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let is_access = |line: &&str| line.contains(r#""target":"access""#);
        let mut lines: Vec<&str> = log.lines().rev().filter(|line| !is_access(line)).take(10).collect();
        lines.reverse();
        format!("{}: {what}\n{}", self.contestant.name(), lines.join("\n")).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it was stopped already, there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SEATS_PER_RESERVATION: f64 = 2.0;
const SEATS_PER_EVENT: f64 = 200_000.0;

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<[u8; 12]> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status)
    };
    ask().is_ok_and(|status| status.ends_with(b" 200"))
}
