//! Which release this is.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, where the build was told: `HOLDFAST_COMMIT=$(git rev-parse HEAD) cargo build --release`.
pub const COMMIT: Option<&str> = option_env!("HOLDFAST_COMMIT");
