//! `holdfast backup`: a copy of the embedded database, also while the server runs.

use std::path::PathBuf;

use clap::Args;
use holdfast_http::config::DatabaseConfig;
use persistence::StoreOptions;

use crate::ports;
use crate::terminal::{Failure, say};

/// What `holdfast backup` takes.
#[derive(Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    database: DatabaseConfig,
    /// Where the copy goes; a file that is not there yet
    file: PathBuf,
}

impl Backup {
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let options = StoreOptions { must_exist: true, ..ports::options(&self.database) };
        persistence::backup(&options, &self.file).await.map_err(|error| Failure::Other(error.to_string()))?;
        say(&format!("{} is a copy of {}", self.file.display(), self.database.shown()));
        Ok(())
    }
}
