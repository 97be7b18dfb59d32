//! A chart from a file, whatever its format.

use std::fmt::Write;

use engine::SeatNo;
use serde::{Deserialize, Serialize};

use crate::compile::{Compiled, compile};
use crate::fault::Fault;
use crate::spec::SectionSpec;
use crate::{csv, pretix};

/// A chart, as a file says it.
#[derive(Debug)]
pub struct ChartFile {
    /// What it is called, if the file says that.
    pub name: Option<String>,
    /// The layout.
    pub compiled: Compiled,
    /// Where each seat is, if the file says that. The units are the file's.
    pub positions: Vec<Point>,
    /// Width and height of the whole, in the same units.
    pub size: Option<(f64, f64)>,
    /// Seats that are set aside for a channel.
    pub channels: Vec<(String, Vec<SeatNo>)>,
    /// How many aisles there are.
    pub aisles: usize,
    /// What the file says and is not understood.
    pub ignored: Vec<String>,
}

/// A place on the map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl Point {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }

    pub(crate) fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The JSON of this API: `{"sections": […]}`, with a `name` and `keys` if wanted.
    Sections,
    /// A seating plan of pretix.
    Pretix,
    /// CSV.
    Csv,
}

impl Format {
    /// What a file seems to be.
    pub fn of(bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Probe {
            zones: Option<serde::de::IgnoredAny>,
        }
        let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if begins != Some(&b'{') {
            return Self::Csv;
        }
        match serde_json::from_slice::<Probe>(bytes) {
            Ok(Probe { zones: Some(_) }) => Self::Pretix,
            _ => Self::Sections,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionsFile {
    name: Option<String>,
    keys: Option<String>,
    sections: Vec<SectionSpec>,
}

/// Reads a file of this format.
pub fn read(bytes: &[u8], format: Format) -> Result<ChartFile, Fault> {
    match format {
        Format::Pretix => pretix::read(bytes),
        Format::Csv => csv::read(bytes),
        Format::Sections => {
            let file: SectionsFile = serde_json::from_slice(bytes).map_err(|error| {
                Fault::new(format!("line {}, column {}", error.line(), error.column()), error)
            })?;
            let compiled = compile(&file.sections, file.keys.as_deref())?;
            Ok(ChartFile { name: file.name, ..ChartFile::of(compiled) })
        }
    }
}

impl ChartFile {
    pub(crate) fn of(compiled: Compiled) -> Self {
        let layout = &compiled.layout;
        let seats = (1..=layout.seats()).filter_map(|seat_no| layout.place(seat_no));
        let aisles = seats.filter(|place| place.aisle_before).count();
        let (name, positions, size, channels, ignored) = (None, Vec::new(), None, Vec::new(), Vec::new());
        Self { name, compiled, positions, size, channels, aisles, ignored }
    }

    /// Where the seats are, as JSON: `{"size": {"width", "height"}, "seats": [[x, y], …]}`, by the numbers of the
    /// seats. `None`, if the file does not say it.
    pub fn map_json(&self) -> Option<String> {
        if self.positions.is_empty() {
            return None;
        }
        let mut json = String::from("{");
        // Writing to a string cannot fail.
        if let Some((width, height)) = self.size {
            let _ = write!(json, "\"size\":{{\"width\":{width},\"height\":{height}}},");
        }
        json.push_str("\"seats\":[");
        for (index, point) in self.positions.iter().enumerate() {
            let [x, y] = [point.x, point.y].map(|value| (value * 100.0).round() / 100.0);
            let _ = write!(json, "{}[{x},{y}]", if index == 0 { "" } else { "," });
        }
        json.push_str("]}");
        Some(json)
    }
}
