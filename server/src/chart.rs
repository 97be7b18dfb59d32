//! `holdfast chart`: reads the chart of a venue from a file, says what it understood, and keeps it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use charts::{ChartFile, Format};
use clap::{Args, Subcommand};
use engine::{Allocation, Chart, Clock, Layout, SystemClock};
use holdfast_http::config::DatabaseConfig;

use crate::ports;
use crate::terminal::{Failure, complain, hand_over, say};

/// What `holdfast chart` does.
#[derive(Subcommand)]
pub(crate) enum ChartCommand {
    /// Prints what a file says, and every fault with its place; ends with 1 where there is one
    Check(ChartPath),
    /// Keeps a chart in the database, and prints its id
    Import(Import),
}

/// A file with a chart.
#[derive(Args)]
pub(crate) struct ChartPath {
    /// JSON with sections, a seating plan of pretix, or CSV
    file: PathBuf,
}

/// What `holdfast chart import` takes.
#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    path: ChartPath,
    /// What the chart is called; the name in the file, or the file's, where absent
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl ChartCommand {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let path = match &self {
            Self::Check(path) => path,
            Self::Import(import) => &import.path,
        };
        let shown = path.file.display();
        let bytes = fs::read(&path.file).map_err(|error| Failure::Other(format!("{shown}: {error}")))?;
        let file = match charts::read(&bytes, Format::of(&bytes)) {
            Ok(file) => file,
            Err(fault) => {
                complain(&format!("{shown}: {fault}"));
                return Ok(ExitCode::FAILURE);
            }
        };
        match self {
            Self::Check(_) => hand_over(&described(&file))?,
            Self::Import(import) => import.keep(file).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    async fn keep(self, file: ChartFile) -> Result<(), Failure> {
        let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
        if !file.compiled.own_prices.is_empty() {
            return Err(Failure::Other("a chart has no prices: its events have".to_owned()));
        }
        let stem = self.path.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = self.name.or_else(|| file.name.clone()).or(stem).unwrap_or_else(|| "Chart".to_owned());
        let store = ports::connect_existing(&self.database).await?;
        if let (Some(keys), engine::SeatKeys::Listed(id)) =
            (&file.compiled.listed_keys, file.compiled.layout.keys())
        {
            store.put_seat_keys(*id, keys).await.map_err(|fault| other(&fault))?;
        }
        let (map, allocations) = (file.map_json(), allocations(&file));
        let chart = Chart::new(name, SystemClock.now(), file.compiled.layout.shared(), allocations, map);
        store.put_chart(&chart).await.map_err(|fault| other(&fault))?;
        store.close().await;
        say(&format!("{}", chart.id.0));
        Ok(())
    }
}

fn allocations(file: &ChartFile) -> Vec<Allocation> {
    let allocation = |(channel, seats): &(String, Vec<u32>)| Allocation {
        channel: channel.clone(),
        seats: seats
            .chunk_by(|before, after| before + 1 == *after)
            .map(|run| (run[0], run[run.len() - 1]))
            .collect(),
        release_at: None,
        released: false,
        note: String::new(),
    };
    file.channels.iter().map(allocation).collect()
}

/// What was understood.
fn described(file: &ChartFile) -> String {
    let layout: &Layout = &file.compiled.layout;
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    if let Some(name) = &file.name {
        line(name.clone());
    }
    for (section, size) in layout.sections().iter().zip(layout.section_sizes()) {
        let name = section.name.as_deref().unwrap_or("(without a name)");
        let categories =
            size.categories.iter().map(|&category| layout.categories()[usize::from(category)].as_str());
        let categories = categories.collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        for (count, what) in
            [(size.rows, "rows"), (size.tables, "tables"), (size.seats, "seats"), (size.places, "places")]
        {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        line(format!("  {name}: {} ({categories})", parts.join(", ")));
    }
    let positions = if file.positions.is_empty() { "no map" } else { "a map" };
    line(format!(
        "{} seats and places in {} sections, {} categories, {} aisles, {} runs, {positions}",
        layout.seats(),
        layout.sections().len(),
        layout.categories().len(),
        file.aisles,
        layout.runs(),
    ));
    for (channel, seats) in &file.channels {
        line(format!("set aside for {channel}: {}", seats.len()));
    }
    for ignored in &file.ignored {
        line(format!("ignored: {ignored}"));
    }
    text
}
