//! The configuration: flags, environment variables and a `.env` file.

use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, ValueEnum};
use engine::UserId;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use crate::auth::Keys;
use crate::cluster::{Cluster, header_value};

const DEV_ADMIN_KEY: &str = "dev-admin-key-12345";
const DEV_USER_KEY: &str = "dev-user-key-67890";
const MIN_KEY_LENGTH: usize = 16;

/// Everything that can be configured. Each field is a flag and an environment variable of the same name.
#[derive(Args, Clone)]
pub struct Config {
    /// Where events are kept: `sqlite://file.db`, or `postgres://user:password@host/database`.
    #[arg(long, env, global = true, default_value = "sqlite://holdfast.db", hide_env_values = true)]
    pub database_url: String,
    /// The Redis that holds the leases of several nodes. Absent: one node, leases in process.
    #[arg(long, env, global = true, hide_env_values = true)]
    pub redis_url: Option<String>,
    /// The address by which the other nodes reach this one. Absent: `http://127.0.0.1:PORT`.
    #[arg(long, env, global = true)]
    pub node_url: Option<String>,
    /// What the nodes know and clients do not, at least 16 characters. Needed with REDIS_URL.
    #[arg(long, env, global = true, hide_env_values = true)]
    pub cluster_secret: Option<String>,
    /// How long a lease on an event lasts without being prolonged, in milliseconds. It is prolonged every
    /// third.
    #[arg(long, env, global = true, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(300..))]
    pub lease_ttl_ms: u64,
    /// How long the database may take to write a batch, in milliseconds; less than LEASE_TTL_MS.
    #[arg(long, env, global = true, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub batch_timeout_ms: u64,
    /// The port to listen on.
    #[arg(long, env, global = true, default_value_t = 8080)]
    pub port: u16,
    /// The address to listen on; 0.0.0.0 for every interface, [::] also for IPv6.
    #[arg(long, env, global = true, default_value = "127.0.0.1")]
    pub bind: String,
    /// What is logged: error, warn, info, debug, trace, or directives such as `info,access=off`.
    #[arg(long, env, global = true, default_value = "info")]
    pub log_level: String,
    /// How log lines look. Absent: text on a terminal, else json.
    #[arg(long, env, global = true)]
    pub log_format: Option<LogFormat>,
    /// Outside development the well-known development keys are refused.
    #[arg(long, env, global = true, default_value = "development")]
    pub environment: Environment,
    /// The administrator's API key, at least 16 characters.
    #[arg(long, env, global = true, default_value = DEV_ADMIN_KEY, hide_env_values = true)]
    pub admin_api_key: String,
    /// The user's API key, at least 16 characters.
    #[arg(long, env, global = true, default_value = DEV_USER_KEY, hide_env_values = true)]
    pub user_api_key: String,
    /// The user (a UUID) that the user's key acts for.
    #[arg(long, env, global = true, default_value = "00000000-0000-4000-8000-000000000001")]
    pub user_id: Uuid,
    /// How many connections to the database there are at most.
    #[arg(long, env, global = true, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub db_max_open_conns: u32,
    /// How many connections to the database are kept open when idle.
    #[arg(long, env, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub db_max_idle_conns: u32,
    /// How many connections to Redis, for leases and for publications each.
    #[arg(long, env, global = true, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub redis_pool_size: u32,
    /// How long a hold lasts in events that do not say it themselves, in minutes.
    #[arg(long, env, global = true, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    pub reservation_expiry_minutes: u32,
    /// How many requests a second an API key (or an anonymous address) may send. Absent or 0: any number.
    #[arg(long, env, global = true)]
    pub rate_limit_per_s: Option<u32>,
    /// The largest request body, in bytes.
    #[arg(long, env, global = true, default_value_t = 1_048_576, value_parser = whole_number(1_024, 16_777_216))]
    pub max_body_bytes: usize,
    /// How long a request may take, with its body, before it is answered 503, in milliseconds.
    #[arg(long, env, global = true, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub request_timeout_ms: u64,
    /// How long a client may take to send a request's headers, in milliseconds.
    #[arg(long, env, global = true, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub header_timeout_ms: u64,
    /// How long an idle connection stays open, in seconds.
    #[arg(long, env, global = true, default_value_t = 75, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub keep_alive_s: u64,
    /// How long the server is unready, but still answers, before it stops, in milliseconds.
    /// Absent: 0 in development, else 2000.
    #[arg(long, env, global = true)]
    pub shutdown_grace_ms: Option<u64>,
    /// How many threads answer requests. Absent: one a core.
    #[arg(long, env, global = true, value_parser = whole_number(1, 256))]
    pub workers: Option<usize>,
    /// How many threads run events.
    #[arg(long, env, global = true, default_value_t = 1, value_parser = whole_number(1, 256))]
    pub event_threads: usize,
    /// How many commands of one event may wait; further ones are answered 503.
    #[arg(long, env, global = true, default_value_t = 10_000, value_parser = whole_number(1, 1_000_000))]
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

    /// What clap found, in one line. `None`: it was asked for help, which is no error.
    pub fn from_clap(error: &clap::Error) -> Option<Self> {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return None;
        }
        let text = error.to_string();
        let problem = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let variable = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(argument)) if argument.starts_with("--") => variable_of(argument),
            _ => "command line".to_owned(),
        };
        Some(Self { variable, problem })
    }
}

impl Config {
    /// Checks what concerns several settings, or is too special for the parser.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (variable, key) in [("ADMIN_API_KEY", &self.admin_api_key), ("USER_API_KEY", &self.user_api_key)]
        {
            self.check_key(variable, key)?;
        }
        if self.admin_api_key == self.user_api_key {
            return Err(ConfigError::new("USER_API_KEY", "must differ from ADMIN_API_KEY"));
        }
        self.log_filter()?;
        if self.redis_url().is_some() { self.check_cluster() } else { Ok(()) }
    }

    fn check_cluster(&self) -> Result<(), ConfigError> {
        let secret = self.cluster_secret.as_deref().unwrap_or_default();
        if secret.len() < MIN_KEY_LENGTH || header_value(secret).is_err() {
            let problem = "is needed with REDIS_URL: at least 16 visible characters, the same on every node";
            return Err(ConfigError::new("CLUSTER_SECRET", problem));
        }
        if !self.node_url().starts_with("http://") || header_value(&self.node_url()).is_err() {
            return Err(ConfigError::new("NODE_URL", "must be http://host:port"));
        }
        if self.batch_timeout_ms >= self.lease_ttl_ms {
            return Err(ConfigError::new("BATCH_TIMEOUT_MS", "must be less than LEASE_TTL_MS"));
        }
        if self.database_url.starts_with("sqlite") {
            return Err(ConfigError::new(
                "DATABASE_URL",
                "must be postgres://… with REDIS_URL: nodes share a database",
            ));
        }
        Ok(())
    }

    fn check_key(&self, variable: &str, key: &str) -> Result<(), ConfigError> {
        if key.chars().count() < MIN_KEY_LENGTH {
            return Err(ConfigError::new(variable, "must have at least 16 characters"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::new(variable, "must have visible ASCII characters only"));
        }
        let is_dev_key = [DEV_ADMIN_KEY, DEV_USER_KEY].contains(&key);
        if is_dev_key && self.environment != Environment::Development {
            return Err(ConfigError::new(
                variable,
                "is a development key; set a secret one, or ENVIRONMENT=development",
            ));
        }
        Ok(())
    }

    /// The filter that `LOG_LEVEL` describes: a level, or directives.
    pub(crate) fn log_filter(&self) -> Result<EnvFilter, ConfigError> {
        let is_directives = self.log_level.contains(['=', ',']);
        let is_level = !self.log_level.is_empty() && self.log_level.parse::<LevelFilter>().is_ok();
        if !is_directives && !is_level {
            let problem = format!("'{}' is none of off, error, warn, info, debug, trace", self.log_level);
            return Err(ConfigError::new("LOG_LEVEL", problem));
        }
        EnvFilter::try_new(&self.log_level).map_err(|error| ConfigError::new("LOG_LEVEL", error))
    }

    /// The host to listen on: an IPv6 address may stand in brackets, as in a URL.
    pub fn bind_host(&self) -> &str {
        let bracketed = self.bind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        bracketed.unwrap_or(&self.bind)
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
            secret: header_value(self.cluster_secret.as_deref()?).ok()?,
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

/// `--db-max-open-conns <N>` is set by `DB_MAX_OPEN_CONNS`.
fn variable_of(argument: &str) -> String {
    let flag = argument.split([' ', '=']).next().unwrap_or_default();
    flag.trim_start_matches('-').replace('-', "_").to_uppercase()
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

    fn error_of(arguments: &[&str]) -> String {
        match Cli::try_parse_from([&["holdfast"], arguments].concat()) {
            Ok(cli) => cli.config.check().expect_err("it should not start").to_string(),
            Err(error) => ConfigError::from_clap(&error).expect("no help was asked for").to_string(),
        }
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
    fn an_error_is_one_line_that_names_the_variable() {
        let secret = "0123456789abcdef";
        for (arguments, variable) in [
            (&["--port", "x"][..], "PORT: "),
            (&["--db-max-open-conns", "0"], "DB_MAX_OPEN_CONNS: "),
            (&["--reservation-expiry-minutes", "1441"], "RESERVATION_EXPIRY_MINUTES: "),
            (&["--user-id", "me"], "USER_ID: "),
            (&["--environment", "moon"], "ENVIRONMENT: "),
            (&["--log-level", "loud"], "LOG_LEVEL: "),
            (&["--log-level", ""], "LOG_LEVEL: "),
            (&["--workers", "513"], "WORKERS: "),
            (&["--event-threads", "5000"], "EVENT_THREADS: "),
            (&["--db-max-open-conns", "4000000000"], "DB_MAX_OPEN_CONNS: "),
            (&["--queue-per-event", "0"], "QUEUE_PER_EVENT: "),
            (&["--max-body-bytes", "0"], "MAX_BODY_BYTES: "),
            (&["--admin-api-key", "short"], "ADMIN_API_KEY: "),
            (&["--environment", "production"], "ADMIN_API_KEY: "),
            (&["--environment", "production", "--admin-api-key", secret], "USER_API_KEY: "),
            (&["--admin-api-key", secret, "--user-api-key", secret], "USER_API_KEY: "),
        ] {
            let error = error_of(arguments);
            assert!(error.starts_with(variable), "{arguments:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
