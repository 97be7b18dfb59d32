//! Logging: text on a terminal, else JSON, written by a thread of its own so that no request waits for it.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, ConfigError, LogFormat};
use crate::log_queue::LogQueue;

/// How long lines gather before the next write. Without it the writing thread is woken for nearly every line,
/// which costs the request that wakes it more than making the line.
const GATHER: Duration = Duration::from_millis(5);

/// How much of the log may wait to be written; some 20,000 requests.
const MOST_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// Starts logging, to standard error. What is still unwritten is written when the guard is dropped.
pub fn start(config: &Config) -> Result<WorkerGuard, ConfigError> {
    let filter = config.log_filter()?;
    let is_terminal = io::stderr().is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let (queue, guard) = LogQueue::new(Gathering(BufWriter::new(io::stderr())), MOST_WAITING_BYTES);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || queue.clone());
    let format = config.log_format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json });
    let started = match format {
        LogFormat::Text => builder.with_ansi(is_terminal && !no_color).finish().try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .try_init(),
    };
    started.map_err(|error| ConfigError::new("LOG_LEVEL", error))?;
    Ok(guard)
}

/// Writes many lines at once. It is flushed by the writing thread whenever no more lines wait.
struct Gathering<W: Write>(BufWriter<W>);

impl<W: Write> Write for Gathering<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        thread::sleep(GATHER);
        flushed
    }
}
