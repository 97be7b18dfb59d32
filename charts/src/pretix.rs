//! Seating plans of pretix: <https://github.com/pretix/pretix/blob/master/src/pretix/static/seating/seating-plan.schema.json>.
//!
//! A zone is a section, `row_number` and `seat_number` are the labels, `seat_guid` is the key, and the positions are
//! the map. An aisle is where the distance to the next seat is more than 1.6 times the row's median.

use std::collections::{BTreeSet, HashMap, HashSet};

use engine::{Best, LayoutBuilder, STANDARD, SeatKeys, SeatSpec, Section};
use serde::{Deserialize, Deserializer};

use crate::compile::{Compiled, check_name};
use crate::fault::Fault;
use crate::file::{ChartFile, Point};

/// So many times the median distance is an aisle.
const AISLE_FACTOR: f64 = 1.6;

#[derive(Deserialize)]
struct Plan {
    name: Option<String>,
    zones: Vec<Zone>,
    size: Option<Size>,
}

#[derive(Deserialize, Clone, Copy)]
struct Size {
    width: f64,
    height: f64,
}

#[derive(Deserialize)]
struct Zone {
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(default)]
    position: Point,
    #[serde(default)]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default, deserialize_with = "text")]
    row_number: String,
    #[serde(default)]
    position: Point,
    #[serde(default)]
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    #[serde(default, deserialize_with = "text")]
    seat_number: String,
    #[serde(default, deserialize_with = "text")]
    seat_guid: String,
    #[serde(default)]
    position: Point,
    #[serde(default, deserialize_with = "text")]
    category: String,
}

/// A text, or a number as some programs write it; nothing for `null`.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Label {
        Written(String),
        Number(i64),
        Missing(()),
    }
    Ok(match Label::deserialize(deserializer)? {
        Label::Written(text) => text,
        Label::Number(number) => number.to_string(),
        Label::Missing(()) => String::new(),
    })
}

/// Reads a seating plan.
pub fn read(json: &[u8]) -> Result<ChartFile, Fault> {
    let mut ignored = BTreeSet::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let plan: Plan = serde_ignored::deserialize(&mut deserializer, |path| {
        ignored.insert(without_numbers(&path.to_string()));
    })
    .map_err(|error| Fault::new(format!("line {}, column {}", error.line(), error.column()), error))?;
    let mut import = Import::default();
    for (index, zone) in plan.zones.iter().enumerate() {
        import.zone(zone, &format!("zones[{index}]"))?;
    }
    let mut file = import.finish()?;
    file.name = plan.name.filter(|name| !name.is_empty());
    file.size = plan.size.map(|size| (size.width, size.height));
    file.ignored = ignored.into_iter().collect();
    Ok(file)
}

/// `zones.0.rows.12.color` is `zones[].rows[].color`.
fn without_numbers(path: &str) -> String {
    let mut text = String::new();
    for part in path.split('.') {
        match part.parse::<usize>() {
            Ok(_) => text.push_str("[]"),
            Err(_) if text.is_empty() => text.push_str(part),
            Err(_) => {
                text.push('.');
                text.push_str(part);
            }
        }
    }
    text
}

#[derive(Default)]
struct Import {
    builder: LayoutBuilder,
    keys: Vec<String>,
    guids: HashSet<String>,
    has_guids: bool,
    positions: Vec<Point>,
    aisles: usize,
}

impl Import {
    fn zone(&mut self, zone: &Zone, place: &str) -> Result<(), Fault> {
        check_name(&zone.name, &format!("{place}.name"))?;
        let section = Section { name: Some(zone.name.clone()), entrance: None, best: Best::Center };
        let section = self.builder.section(section).map_err(|error| Fault::new(place, error))?;
        for (index, row) in zone.rows.iter().enumerate() {
            let place = format!("{place}.rows[{index}]");
            let label =
                if row.row_number.is_empty() { (index + 1).to_string() } else { row.row_number.clone() };
            self.builder
                .row(section, &label, false)
                .map_err(|error| Fault::new(format!("{place}.row_number"), error))?;
            self.row(zone, row, &label, &place)?;
        }
        Ok(())
    }

    fn row(&mut self, zone: &Zone, row: &Row, row_label: &str, place: &str) -> Result<(), Fault> {
        let aisles = aisles(&row.seats);
        for (index, (seat, aisle_before)) in row.seats.iter().zip(aisles).enumerate() {
            let fault = |field: &str, message: &dyn std::fmt::Display| {
                Fault::new(format!("{place}.seats[{index}].{field}"), message)
            };
            let number = (index + 1).to_string();
            let label = if seat.seat_number.is_empty() { &number } else { &seat.seat_number };
            let category = if seat.category.is_empty() { STANDARD } else { &seat.category };
            check_name(category, &format!("{place}.seats[{index}].category"))?;
            let category = self.builder.category(category).map_err(|error| fault("category", &error))?;
            let spec = SeatSpec { label, category, attributes: 0, rank: 0, together: false, aisle_before };
            self.builder.seat(spec).map_err(|error| fault("seat_number", &error))?;
            self.aisles += usize::from(aisle_before);
            if !seat.seat_guid.is_empty() {
                check_name(&seat.seat_guid, &format!("{place}.seats[{index}].seat_guid"))?;
                if !self.guids.insert(seat.seat_guid.clone()) {
                    return Err(fault("seat_guid", &format!("{:?} comes twice", seat.seat_guid)));
                }
                self.has_guids = true;
            }
            self.keys.push(match seat.seat_guid.is_empty() {
                true => format!("{}-{row_label}-{label}", zone.name),
                false => seat.seat_guid.clone(),
            });
            self.positions.push(zone.position.plus(row.position).plus(seat.position));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<ChartFile, Fault> {
        if self.builder.seats() == 0 {
            return Err(Fault::new("zones", "have no seats"));
        }
        let listed_keys = self.has_guids.then_some(self.keys);
        if let Some(keys) = &listed_keys {
            self.builder.set_keys(SeatKeys::listed(keys));
        }
        let layout = self.builder.build();
        let compiled = Compiled { layout, own_prices: HashMap::new(), listed_keys };
        Ok(ChartFile { aisles: self.aisles, positions: self.positions, ..ChartFile::of(compiled) })
    }
}

/// Before which seats there is an aisle.
fn aisles(seats: &[Seat]) -> Vec<bool> {
    let distances: Vec<f64> =
        seats.windows(2).map(|pair| pair[0].position.distance(pair[1].position)).collect();
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let is_aisle = |distance: &f64| median > 0.0 && *distance > AISLE_FACTOR * median;
    std::iter::once(false).chain(distances.iter().map(is_aisle)).take(seats.len()).collect()
}
