//! The file `.env` of the folder in which the program is started. One of a folder above may be another
//! project's, so it does not count.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use holdfast_http::config::ConfigError;

const FILE: &str = ".env";

/// What else may stand in the file: for Docker Compose, for Rust, for the allocator.
const OF_OTHERS: [&str; 2] = ["POSTGRES_PASSWORD", "HOLDFAST_PORT"];
const PREFIXES_OF_OTHERS: [&str; 3] = ["COMPOSE_", "RUST_", "MIMALLOC_"];

/// A `.env` that was read.
pub(crate) struct DotEnv {
    pub(crate) path: PathBuf,
    /// What it set: what the environment had already stayed as it was.
    pub(crate) applied: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl DotEnv {
    /// Reads the file, if there is one. What the environment has already stays as it is.
    pub(crate) fn load() -> Result<Option<Self>, ConfigError> {
        let text = match fs::read_to_string(FILE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ConfigError::new(FILE, format!("cannot be read: {error}"))),
        };
        let text = text.trim_start_matches('\u{feff}');
        let mut names = BTreeSet::new();
        for line in dotenvy::from_read_iter(text.as_bytes()) {
            names.insert(line.map_err(|error| broken(text, &error))?.0);
        }
        let applied = names.iter().filter(|name| std::env::var_os(name).is_none()).cloned().collect();
        dotenvy::from_read(text.as_bytes()).map_err(|error| broken(text, &error))?;
        let path = std::path::absolute(FILE).unwrap_or_else(|_| FILE.into());
        Ok(Some(Self { path, applied, names }))
    }

    /// A line for each name in the file that nothing reads: a typo, most likely.
    pub(crate) fn warnings(&self, settings: &BTreeSet<String>) -> Vec<String> {
        let is_known = |name: &str| {
            settings.contains(name)
                || OF_OTHERS.contains(&name)
                || PREFIXES_OF_OTHERS.iter().any(|prefix| name.starts_with(prefix))
        };
        let unknown = self.names.iter().filter(|name| !is_known(name));
        unknown
            .map(|name| format!("{}: {name} is not a setting, so it is ignored", self.path.display()))
            .collect()
    }
}

/// The value may be a secret, and the line may be nothing but a piece of one.
fn broken(text: &str, error: &dotenvy::Error) -> ConfigError {
    let hint = "write NAME=value, and a value with spaces, quotes or $ in single quotes";
    let dotenvy::Error::LineParse(line, _) = error else {
        return ConfigError::new(FILE, format!("cannot be read; {hint}"));
    };
    let at = text.find(line.as_str()).map(|start| text[..start].matches('\n').count() + 1);
    let place = at.map_or_else(|| "a line".to_owned(), |number| format!("line {number}"));
    let name = line.split_once('=').map(|(name, _)| name.trim_start_matches("export ").trim());
    let name = name.filter(|name| !name.is_empty() && name.bytes().all(is_of_a_name));
    let of = name.map(|name| format!(" ({name})")).unwrap_or_default();
    ConfigError::new(FILE, format!("{place}{of} is not understood; {hint}"))
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}
