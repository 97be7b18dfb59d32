//! What the program says, and why it ends before its time.

use std::io::{self, Write};

use holdfast_http::config::ConfigError;

/// Why the program ends before its time.
pub(crate) enum Failure {
    /// The configuration is to blame.
    Configuration(ConfigError),
    /// Something else, in one line.
    Other(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error)
    }
}

/// Writes a line to standard output. A reader that has gone away, as in `holdfast verify | head`, is fine.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes what the program was asked for to standard output, at once: unlike what it merely says, it has to
/// get there, or to a reader that wanted no more.
pub(crate) fn hand_over(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes one line to standard error.
pub(crate) fn complain(text: &str) {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(io::stderr(), "holdfast: {line}");
}
