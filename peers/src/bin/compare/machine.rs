//! What the figures depend on.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use serde::Serialize;

use crate::Failure;
use crate::database::Postgres;

const DISK_WRITES: usize = 200;

/// The machine.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processors: usize,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    pub(crate) postgres: String,
    /// How long 8 kB take until they are on disk: the median.
    pub(crate) disk_sync_us: u64,
}

impl Machine {
    pub(crate) async fn look(postgres: &mut Postgres) -> Result<Self, Failure> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            kernel: kernel.trim().to_owned(),
            postgres: postgres.setting("server_version").await?,
            disk_sync_us: disk_sync_us()?,
        })
    }
}

/// As a database does it with its log: a file that has its size, written again and again.
fn disk_sync_us() -> Result<u64, Failure> {
    let mut file: File = tempfile::tempfile()?;
    let page = [7; 8_192];
    for _ in 0..DISK_WRITES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut times = Vec::with_capacity(DISK_WRITES);
    for number in 0..DISK_WRITES {
        let begin = Instant::now();
        file.write_all_at(&page, (number * page.len()) as u64)?;
        file.sync_data()?;
        times.push(begin.elapsed().as_micros() as u64);
    }
    times.sort_unstable();
    Ok(times[DISK_WRITES / 2])
}
