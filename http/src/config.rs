//! The configuration: flags, environment variables and a `.env` file.

mod database;
mod secrets;

use std::net::ToSocketAddrs;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use engine::UserId;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use crate::auth::Keys;
use crate::cluster::{Cluster, Signer, header_value};
use crate::connection::state::Timeouts;

pub use self::database::{DatabaseConfig, Pooler};
use self::secrets::{DEV_ADMIN_KEY, DEV_USER_KEY, Exposure};

/// Everything that can be configured. Each field is a flag and an environment variable of the same name.
#[derive(Args, Clone)]
pub struct Config {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The Redis that holds the leases of several nodes. Absent: one node, leases in process.
    #[arg(long, env, hide_env_values = true)]
    pub redis_url: Option<String>,
    /// The address by which the other nodes reach this one. Absent: `http://127.0.0.1:PORT`.
    #[arg(long, env)]
    pub node_url: Option<String>,
    /// What the nodes know and clients do not, at least 16 characters. Needed with REDIS_URL.
    #[arg(long, env, hide_env_values = true)]
    pub cluster_secret: Option<String>,
    /// How long a lease on an event lasts without being prolonged, in milliseconds. It is prolonged every
    /// third.
    #[arg(long, env, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(300..))]
    pub lease_ttl_ms: u64,
    /// How long the database may take to write a batch, in milliseconds; less than LEASE_TTL_MS.
    #[arg(long, env, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub batch_timeout_ms: u64,
    /// The port to listen on.
    #[arg(long, env, default_value_t = 8080)]
    pub port: u16,
    /// The address to listen on; 0.0.0.0 for every interface, [::] also for IPv6.
    #[arg(long, env, default_value = "127.0.0.1")]
    pub bind: String,
    /// What is logged: error, warn, info, debug, trace, or directives such as `info,access=off`.
    #[arg(long, env, default_value = "info")]
    pub log_level: String,
    /// How log lines look. Absent: text on a terminal, else json.
    #[arg(long, env)]
    pub log_format: Option<LogFormat>,
    /// Outside development, and where BIND lets other machines in, the published development keys are
    /// refused.
    #[arg(long, env, default_value = "development")]
    pub environment: Environment,
    /// The administrator's API key, at least 16 characters.
    #[arg(long, env, default_value = DEV_ADMIN_KEY, hide_env_values = true)]
    pub admin_api_key: String,
    /// The user's API key, at least 16 characters.
    #[arg(long, env, default_value = DEV_USER_KEY, hide_env_values = true)]
    pub user_api_key: String,
    /// The user (a UUID) that the user's key acts for.
    #[arg(long, env, default_value = "00000000-0000-4000-8000-000000000001")]
    pub user_id: Uuid,
    /// How many connections to Redis, for leases and for publications each.
    #[arg(long, env, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub redis_pool_size: u32,
    /// How long a hold lasts in events that do not say it themselves, in minutes.
    #[arg(long, env, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    pub reservation_expiry_minutes: u32,
    /// How many requests a second an API key (or an anonymous address) may send. Absent or 0: any number.
    #[arg(long, env)]
    pub rate_limit_per_s: Option<u32>,
    /// The largest request body, in bytes.
    #[arg(long, env, default_value_t = 1_048_576, value_parser = whole_number(1_024, 16_777_216))]
    pub max_body_bytes: usize,
    /// How long a request may take before it is answered 503, or 408 if its body is what has not come, in
    /// milliseconds.
    #[arg(long, env, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub request_timeout_ms: u64,
    /// How long a client may take to send a request's headers, in milliseconds.
    #[arg(long, env, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub header_timeout_ms: u64,
    /// How long a client may take to receive an answer before its connection is closed, in milliseconds.
    #[arg(long, env, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub answer_timeout_ms: u64,
    /// How many connections one client address may have; 0 for any number, as behind a balancer.
    #[arg(long, env, default_value_t = 512, value_parser = whole_number(0, 1_000_000))]
    pub max_connections_per_address: usize,
    /// How many bytes answers under way and prepared seat maps may take; what would take more is answered
    /// 503.
    #[arg(long, env, default_value_t = 536_870_912, value_parser = whole_number(67_108_864, 1_099_511_627_776))]
    pub max_answer_bytes: usize,
    /// How long an idle connection stays open, in seconds.
    #[arg(long, env, default_value_t = 75, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub keep_alive_s: u64,
    /// How long the server is unready, but still answers, before it stops, in milliseconds.
    /// Absent: 0 in development, else 2000.
    #[arg(long, env)]
    pub shutdown_grace_ms: Option<u64>,
    /// How many threads answer requests. Absent: one a core.
    #[arg(long, env, value_parser = whole_number(1, 256))]
    pub workers: Option<usize>,
    /// How many threads run events.
    #[arg(long, env, default_value_t = 1, value_parser = whole_number(1, 256))]
    pub event_threads: usize,
    /// How many commands of one event may wait; further ones are answered 503.
    #[arg(long, env, default_value_t = 10_000, value_parser = whole_number(1, 1_000_000))]
    pub queue_per_event: usize,
}

/// A number from `least` to `most`.
fn whole_number(least: u64, most: u64) -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u64).range(least..=most).map(|number| number as usize)
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Where the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Environment {
    Development,
    Test,
    Staging,
    Production,
}

impl Environment {
    /// As it is set.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A setting that the server cannot start with, as one line that names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ConfigError {
    /// What is wrong with a variable.
    pub fn new(variable: &str, problem: impl ToString) -> Self {
        Self { variable: variable.to_owned(), problem: problem.to_string() }
    }
}

impl Config {
    /// Checks what concerns several settings, or is too special for the parser.
    pub fn check(&self) -> Result<(), ConfigError> {
        let exposure = self.exposure()?;
        for (variable, key) in [("ADMIN_API_KEY", &self.admin_api_key), ("USER_API_KEY", &self.user_api_key)]
        {
            refuse(variable, secrets::key_problem(key, exposure))?;
        }
        if self.admin_api_key == self.user_api_key {
            return Err(ConfigError::new("USER_API_KEY", "must differ from ADMIN_API_KEY"));
        }
        self.log_filter()?;
        if self.redis_url().is_some() { self.check_cluster(exposure) } else { Ok(()) }
    }

    fn check_cluster(&self, exposure: Exposure) -> Result<(), ConfigError> {
        let secret = self.cluster_secret.as_deref().unwrap_or_default();
        if secret.len() < secrets::MIN_LENGTH || header_value(secret).is_err() {
            let problem = "is needed with REDIS_URL: at least 16 visible characters, the same on every node";
            return Err(ConfigError::new("CLUSTER_SECRET", problem));
        }
        refuse("CLUSTER_SECRET", secrets::guessable(secret, exposure))?;
        for (variable, key) in [("ADMIN_API_KEY", &self.admin_api_key), ("USER_API_KEY", &self.user_api_key)]
        {
            if secret == key {
                return Err(ConfigError::new("CLUSTER_SECRET", format!("must differ from {variable}")));
            }
        }
        if !self.node_url().starts_with("http://") || header_value(&self.node_url()).is_err() {
            return Err(ConfigError::new("NODE_URL", "must be http://host:port"));
        }
        if self.batch_timeout_ms >= self.lease_ttl_ms {
            return Err(ConfigError::new("BATCH_TIMEOUT_MS", "must be less than LEASE_TTL_MS"));
        }
        if self.database.url.starts_with("sqlite") {
            return Err(ConfigError::new(
                "DATABASE_URL",
                "must be postgres://… with REDIS_URL: nodes share a database",
            ));
        }
        Ok(())
    }

    fn exposure(&self) -> Result<Exposure, ConfigError> {
        if self.environment != Environment::Development {
            return Ok(Exposure::Real);
        }
        let host = self.bind_host();
        let mut addresses = (host, self.port)
            .to_socket_addrs()
            .map_err(|error| ConfigError::new("BIND", format!("'{}' is no address: {error}", self.bind)))?;
        let is_local = addresses.all(|address| address.ip().is_loopback());
        Ok(if is_local { Exposure::Local } else { Exposure::Network })
    }

    /// The user's key, if it is the published one. No other may be shown.
    pub fn published_user_key(&self) -> Option<&'static str> {
        (self.user_api_key == DEV_USER_KEY).then_some(DEV_USER_KEY)
    }

    /// The filter that `LOG_LEVEL` describes: a level, or directives.
    pub(crate) fn log_filter(&self) -> Result<EnvFilter, ConfigError> {
        let is_directives = self.log_level.contains(['=', ',']);
        let is_level = !self.log_level.is_empty() && self.log_level.parse::<LevelFilter>().is_ok();
        if !is_directives && !is_level {
            let problem = format!("'{}' is none of off, error, warn, info, debug, trace", self.log_level);
            return Err(ConfigError::new("LOG_LEVEL", problem));
        }
        // A pooler makes Postgres warn of every BEGIN within a transaction.
        EnvFilter::try_new(format!("sqlx::postgres::notice=error,{}", self.log_level))
            .map_err(|error| ConfigError::new("LOG_LEVEL", error))
    }

    /// The host to listen on: an IPv6 address may stand in brackets, as in a URL.
    pub fn bind_host(&self) -> &str {
        unbracketed(&self.bind)
    }

    /// How long clients may take.
    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            head: Duration::from_millis(self.header_timeout_ms),
            answer: Duration::from_millis(self.answer_timeout_ms),
        }
    }

    /// The API keys.
    pub fn keys(&self) -> Keys {
        Keys::new(&self.admin_api_key, &self.user_api_key, UserId::new(self.user_id))
    }

    /// The Redis for leases; an empty setting counts as none.
    pub fn redis_url(&self) -> Option<&str> {
        self.redis_url.as_deref().filter(|url| !url.is_empty())
    }

    /// The address by which the other nodes reach this one, without a slash at its end.
    pub fn node_url(&self) -> String {
        let given = self.node_url.clone().filter(|url| !url.is_empty());
        given.unwrap_or_else(|| format!("http://127.0.0.1:{}", self.port)).trim_end_matches('/').to_owned()
    }

    /// This node among others; `None` without REDIS_URL.
    pub fn cluster(&self) -> Option<Cluster> {
        self.redis_url()?;
        Some(Cluster {
            node_url: header_value(&self.node_url()).ok()?,
            signer: Signer::new(self.cluster_secret.as_deref()?),
            forward_timeout: self.lease_ttl().min(self.request_timeout()),
        })
    }

    /// How long a lease lasts.
    pub fn lease_ttl(&self) -> Duration {
        Duration::from_millis(self.lease_ttl_ms)
    }

    /// How long a hold lasts in events that do not say it themselves.
    pub fn default_hold_ttl_s(&self) -> u32 {
        self.reservation_expiry_minutes * 60
    }

    /// How long the server is unready, but still answers, before it stops.
    pub fn shutdown_grace(&self) -> Duration {
        let default_ms = if self.environment == Environment::Development { 0 } else { 2_000 };
        Duration::from_millis(self.shutdown_grace_ms.unwrap_or(default_ms))
    }

    /// How many threads answer requests.
    pub fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or(cores).max(1)
    }

    /// How long a request may take.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}

/// A host without the brackets that an IPv6 address has in a URL.
pub fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

fn refuse(variable: &str, problem: Option<&str>) -> Result<(), ConfigError> {
    problem.map_or(Ok(()), |problem| Err(ConfigError::new(variable, problem)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn config(arguments: &[&str]) -> Config {
        Cli::parse_from([&["holdfast"], arguments].concat()).config
    }

    #[test]
    fn an_ipv6_address_may_stand_in_brackets() {
        use std::net::ToSocketAddrs;
        for (bind, address) in [("[::]", "[::]:80"), ("::1", "[::1]:80"), ("127.0.0.1", "127.0.0.1:80")] {
            let config = Cli::parse_from(["holdfast", "--bind", bind]).config;
            let mut addresses = (config.bind_host(), 80).to_socket_addrs().expect("an address");
            assert_eq!(addresses.next().map(|found| found.to_string()).as_deref(), Some(address));
        }
    }

    #[test]
    fn what_the_parser_refuses_is_named_with_what_would_do() {
        for (arguments, words) in [
            (&["--port", "x"][..], "'--port <PORT>'"),
            (&["--prot", "99"], "'--port'"),
            (&["--db-max-open-conns", "0"], "1..=1000"),
            (&["--db-max-open-conns", "4000000000"], "'--db-max-open-conns <"),
            (&["--reservation-expiry-minutes", "1441"], "1..=1440"),
            (&["--user-id", "me"], "'--user-id <USER_ID>'"),
            (&["--environment", "moon"], "development, test, staging, production"),
            (&["--workers", "513"], "'--workers <WORKERS>'"),
            (&["--event-threads", "5000"], "'--event-threads <EVENT_THREADS>'"),
            (&["--queue-per-event", "0"], "'--queue-per-event <QUEUE_PER_EVENT>'"),
            (&["--max-body-bytes", "0"], "'--max-body-bytes <MAX_BODY_BYTES>'"),
        ] {
            let Err(error) = Cli::try_parse_from([&["holdfast"], arguments].concat()) else {
                panic!("{arguments:?} is taken");
            };
            assert!(error.to_string().contains(words), "{arguments:?}: {error}");
        }
    }

    const SECRET: &str = "0123456789abcdef";
    const OTHER: &str = "fedcba9876543210";
    const PRODUCTION: [&str; 6] =
        ["--environment=production", "--admin-api-key", SECRET, "--user-api-key", OTHER, "--bind=0.0.0.0"];

    #[test]
    fn an_error_is_one_line_that_names_the_variable() {
        let nodes = ["--redis-url=redis://r", "--database-url=postgres://p/d", "--cluster-secret"];
        let with = |one: &[&'static str], other: &[&'static str]| [one, other].concat();
        for (arguments, variable) in [
            (vec!["--log-level", "loud"], "LOG_LEVEL: "),
            (vec!["--log-level", ""], "LOG_LEVEL: "),
            (vec!["--bind", "no.such.host.invalid"], "BIND: "),
            (vec!["--admin-api-key", "short"], "ADMIN_API_KEY: "),
            (vec!["--environment", "production"], "ADMIN_API_KEY: "),
            (vec!["--environment", "production", "--admin-api-key", SECRET], "USER_API_KEY: "),
            (vec!["--admin-api-key", SECRET, "--user-api-key", SECRET], "USER_API_KEY: "),
            (with(&nodes, &["short"]), "CLUSTER_SECRET: "),
            (with(&nodes, &["dev-user-key-67890"]), "CLUSTER_SECRET: "),
        ] {
            let error = config(&arguments).check().expect_err("it should not start").to_string();
            assert!(error.starts_with(variable), "{arguments:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn published_keys_are_for_this_machine_alone() {
        for bind in ["127.0.0.1", "::1", "[::1]", "127.0.0.9", "localhost"] {
            assert_eq!(config(&["--bind", bind]).check(), Ok(()), "{bind}");
        }
        for bind in ["0.0.0.0", "::", "[::]", "192.0.2.1"] {
            let error = config(&["--bind", bind]).check().expect_err(bind).to_string();
            for words in ["ADMIN_API_KEY", "BIND=127.0.0.1", "openssl rand -hex 24"] {
                assert!(error.contains(words), "{error}");
            }
            let own = ["--bind", bind, "--admin-api-key", SECRET, "--user-api-key", OTHER];
            assert_eq!(config(&own).check(), Ok(()), "{bind}");
        }
    }

    #[test]
    fn production_refuses_what_can_be_guessed() {
        assert_eq!(config(&PRODUCTION).check(), Ok(()));
        let cluster = ["--redis-url=redis://r", "--database-url=postgres://p/d", "--cluster-secret"];
        for (secret, words) in [
            ("a-secret-for-trying-it-out", "published"),
            ("aaaaaaaaaaaaaaaa", "one character repeated"),
            (SECRET, "must differ from ADMIN_API_KEY"),
            (OTHER, "must differ from USER_API_KEY"),
        ] {
            let arguments = [&PRODUCTION[..], &cluster, &[secret]].concat();
            let error = config(&arguments).check().expect_err(secret);
            assert_eq!(error.variable, "CLUSTER_SECRET");
            assert!(error.problem.contains(words), "{error}");
        }
        let error = config(&["--environment=production", "--admin-api-key=################"]).check();
        assert!(error.expect_err("a repeated character").problem.contains("repeated"));
    }
}
