//! Charts on the wire.

use std::fmt;
use std::str::FromStr;

use charts::ChartFile;
use charts::spec::SectionSpec;
use engine::{Chart, ChartId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::time::Time;

/// The id of a chart in a path.
#[derive(Debug, Clone, Copy)]
pub struct ChartPathId(pub ChartId);

impl FromStr for ChartPathId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Ok(Self(ChartId(text.parse()?)))
    }
}

impl fmt::Display for ChartPathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.fmt(f)
    }
}

/// A chart in JSON: `sections`, with a `name` and `keys` if wanted; or a seating plan of pretix as it is,
/// with its `zones`. It is read by the crate `charts`; this describes it.
#[derive(Debug, ToSchema)]
#[schema(as = NewChart)]
#[expect(dead_code, reason = "it stands in the document only")]
pub struct NewChartBody {
    #[schema(nullable = false)]
    name: Option<String>,
    /// The pattern of the operator's own keys of the seats, such as `{section}/{row}/{seat}`.
    #[schema(nullable = false)]
    keys: Option<String>,
    /// Without prices.
    #[schema(nullable = false)]
    sections: Option<Vec<SectionSpec>>,
    /// Of a seating plan of pretix.
    #[schema(nullable = false, value_type = Option<Vec<Object>>)]
    zones: Option<Vec<serde_json::Value>>,
}

/// Where the seats of a chart are, in units of the file that it was imported from.
#[derive(Debug, ToSchema)]
#[schema(as = ChartMap)]
#[expect(dead_code, reason = "it is kept and sent as JSON")]
pub struct ChartMapBody {
    #[schema(nullable = false)]
    size: Option<ChartMapSize>,
    /// `[x, y]` by the numbers of the seats.
    seats: Vec<[f64; 2]>,
}

/// How large a map is.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is kept and sent as JSON")]
pub struct ChartMapSize {
    width: f64,
    height: f64,
}

/// A layout without prices, kept under an id that is the same for the same content.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chart)]
pub struct ChartBody {
    id: Uuid,
    name: String,
    created_at: Time,
    total_seats: u32,
    sections: Vec<ChartSectionBody>,
    /// The keys of the categories: an event made of the chart gives each its prices.
    categories: Vec<String>,
    /// Of an import: what the file says and is not understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Vec<String>)]
    ignored: Option<Vec<String>>,
    /// Of an import: how many aisles it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = u32)]
    aisles: Option<usize>,
}

/// A part of the house.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartSection)]
pub struct ChartSectionBody {
    /// `null` where it has none.
    name: Option<String>,
    rows: u32,
    tables: u32,
    seats: u32,
    /// Counted places.
    places: u32,
}

impl From<&Chart> for ChartBody {
    fn from(chart: &Chart) -> Self {
        let layout = &chart.layout;
        let sections = layout.sections().iter().zip(layout.section_sizes());
        let sections = sections.map(|(section, size)| ChartSectionBody {
            name: section.name.clone(),
            rows: size.rows,
            tables: size.tables,
            seats: size.seats,
            places: size.places,
        });
        Self {
            id: chart.id.0,
            name: chart.name.clone(),
            created_at: Time(chart.created_at),
            total_seats: layout.seats(),
            sections: sections.collect(),
            categories: layout.categories().to_vec(),
            ignored: None,
            aisles: None,
        }
    }
}

impl ChartBody {
    /// A chart that was just imported from this file.
    pub fn imported(chart: &Chart, ignored: Vec<String>, aisles: usize) -> Self {
        Self { ignored: Some(ignored), aisles: Some(aisles), ..Self::from(chart) }
    }
}

/// The channels of a file as allocations.
pub(crate) fn allocations(file: &ChartFile) -> Vec<engine::Allocation> {
    let allocation = |(channel, seats): &(String, Vec<u32>)| engine::Allocation {
        channel: channel.clone(),
        seats: super::venue_body::ranges(seats),
        release_at: None,
        released: false,
        note: String::new(),
    };
    file.channels.iter().map(allocation).collect()
}
