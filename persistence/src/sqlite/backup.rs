//! A copy of a SQLite database, also of one that a server is using.

use std::fs::{self, File};
use std::path::Path;

use sqlx::Connection;

use super::connect::open_existing;
use crate::options::{BackupError, StoreOptions};

/// Writes a whole copy, as of one moment. It gets its name only when it is complete and on disk.
pub(crate) async fn backup(options: &StoreOptions, file: &Path) -> Result<(), BackupError> {
    let cannot_write =
        |error: &dyn std::fmt::Display| BackupError::Write(format!("{}: {error}", file.display()));
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    // One that was interrupted may have left it.
    let _ = fs::remove_file(unfinished);

    let mut connection = open_existing(options).await?;
    let name = unfinished.to_str().ok_or_else(|| cannot_write(&"the name is not UTF-8"))?;
    let copied = sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut connection).await;
    let finished = copied.map_err(|error| cannot_write(&error)).and_then(|_| {
        File::open(unfinished)
            .and_then(|copy| copy.sync_all())
            .and_then(|()| fs::hard_link(unfinished, file))
            .and_then(|()| sync_folder(file))
            .map_err(|error| cannot_write(&error))
    });
    let _ = fs::remove_file(unfinished);
    let _ = connection.close().await;
    finished
}

/// So that the name of a file outlasts a crash, too.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
