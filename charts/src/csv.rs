//! Charts as CSV: a line is a seat, or a range of seats with `seat_to`, or counted places with `quantity`.
//!
//! Columns, of which the first is needed and the others can be left out, in any order: `section`, `row`, `seat`,
//! `seat_to`, `step`, `quantity`, `category`, `attributes` (with spaces or `|` between them), `channel`, `key`,
//! `entrance`, `x`, `y`, `aisle_before`. In UTF-8 or Latin-1, with commas, semicolons or tabs. The order of the
//! lines is the order in the house.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use ::csv::{ReaderBuilder, StringRecord, Trim};
use engine::{
    Best, LayoutBuilder, MAX_SEATS_PER_EVENT, STANDARD, SeatKeys, SeatNo, SeatSpec, Section, SectionNo,
};

use crate::compile::{Compiled, attributes, check_name};
use crate::fault::Fault;
use crate::file::{ChartFile, Point};
use crate::range_text::expand;

const COLUMNS: [&str; 14] = [
    "section",
    "row",
    "seat",
    "seat_to",
    "step",
    "quantity",
    "category",
    "attributes",
    "channel",
    "key",
    "entrance",
    "x",
    "y",
    "aisle_before",
];

/// Reads a chart.
pub fn read(bytes: &[u8]) -> Result<ChartFile, Fault> {
    let text = decoded(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| Fault::new("line 1", error))?.clone();
    let known = headers.iter().map(|name| COLUMNS.iter().position(|known| name.eq_ignore_ascii_case(known)));
    let columns: Vec<Option<usize>> = known.collect();
    if !columns.contains(&Some(0)) {
        return Err(Fault::new("line 1", "has no column \"section\""));
    }
    let unknown = headers.iter().zip(&columns).filter(|(name, known)| known.is_none() && !name.is_empty());
    let ignored = unknown.map(|(name, _)| name.to_owned()).collect();
    let mut import = Import::default();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| Fault::new("csv", error))? {
        let line_no = record.position().map_or(0, ::csv::Position::line);
        let mut line = Line { place: format!("line {line_no}"), fields: [""; COLUMNS.len()] };
        for (field, column) in record.iter().zip(&columns) {
            if let Some(column) = column {
                line.fields[*column] = field;
            }
        }
        import.line(&line)?;
    }
    let mut file = import.finish()?;
    file.ignored = ignored;
    Ok(file)
}

fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // Each byte of Latin-1 is the character of its number.
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // Of those that come equally often, the last one is taken.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

struct Line<'a> {
    place: String,
    fields: [&'a str; COLUMNS.len()],
}

impl Line<'_> {
    fn get(&self, column: &str) -> &str {
        COLUMNS.iter().position(|known| *known == column).map_or("", |index| self.fields[index])
    }

    fn fault(&self, column: &str, message: impl ToString) -> Fault {
        Fault::new(format!("{}, {column}", self.place), message)
    }

    fn number<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, Fault> {
        let text = self.get(column);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| self.fault(column, format!("{text:?} is not such a number")))
    }
}

#[derive(Default)]
struct Import {
    builder: Builder,
    sections: HashMap<String, SectionNo>,
    row: Option<(SectionNo, String)>,
    keys: Vec<Option<String>>,
    positions: Vec<Option<Point>>,
    channels: BTreeMap<String, Vec<SeatNo>>,
    aisles: usize,
}

struct Builder(LayoutBuilder);

impl Default for Builder {
    fn default() -> Self {
        Self(LayoutBuilder::new())
    }
}

impl Import {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let name = line.get("section");
        check_name(name, &format!("{}, section", line.place))?;
        let section = match self.sections.get(name) {
            Some(section) => *section,
            None => {
                let entrance = Some(line.get("entrance")).filter(|text| !text.is_empty()).map(str::to_owned);
                let section = Section { name: Some(name.to_owned()), entrance, best: Best::Center };
                let section =
                    self.builder.0.section(section).map_err(|error| line.fault("section", error))?;
                self.sections.insert(name.to_owned(), section);
                section
            }
        };
        let category = Some(line.get("category")).filter(|key| !key.is_empty()).unwrap_or(STANDARD);
        check_name(category, &format!("{}, category", line.place))?;
        let category = self.builder.0.category(category).map_err(|error| line.fault("category", error))?;
        let before = self.builder.0.seats();
        match line.number::<u32>("quantity")? {
            Some(quantity) if line.get("seat").is_empty() => {
                if !(1..=MAX_SEATS_PER_EVENT).contains(&quantity) {
                    return Err(line.fault("quantity", format!("must be 1 to {MAX_SEATS_PER_EVENT}")));
                }
                let places = self.builder.0.places(section, category, quantity);
                places.map_err(|error| line.fault("quantity", error))?;
                self.row = None;
            }
            Some(_) => return Err(line.fault("quantity", "is for places, which have no seat")),
            None => self.seats(line, section, category)?,
        }
        let numbers = before + 1..=self.builder.0.seats();
        self.keys.resize(self.builder.0.seats() as usize, None);
        self.positions.resize(self.builder.0.seats() as usize, None);
        let channel = line.get("channel");
        if !channel.is_empty() {
            check_name(channel, &format!("{}, channel", line.place))?;
            self.channels.entry(channel.to_owned()).or_default().extend(numbers);
        }
        Ok(())
    }

    fn seats(&mut self, line: &Line<'_>, section: SectionNo, category: u16) -> Result<(), Fault> {
        let row = line.get("row");
        if self.row.as_ref().is_none_or(|(last, label)| *last != section || label != row) {
            self.builder.0.row(section, row, false).map_err(|error| line.fault("row", error))?;
            self.row = Some((section, row.to_owned()));
        }
        let words = line.get("attributes").split([' ', '|', ';']).filter(|name| !name.is_empty());
        let names: Vec<_> = words.map(str::to_owned).collect();
        let attributes = attributes(&names, &mut self.builder.0, &format!("{}, attributes", line.place))?;
        let mut aisle_before = matches!(line.get("aisle_before"), "1" | "true" | "yes" | "x");
        let labels = labels(line)?;
        let is_range = labels.len() > 1;
        for label in &labels {
            let spec = SeatSpec { label, category, attributes, rank: 0, together: false, aisle_before };
            let seat_no = self.builder.0.seat(spec).map_err(|error| line.fault("seat", error))?;
            self.aisles += usize::from(std::mem::take(&mut aisle_before));
            self.keys.resize(seat_no as usize, None);
            self.positions.resize(seat_no as usize, None);
        }
        let key = line.get("key");
        if !key.is_empty() {
            if is_range {
                return Err(line.fault("key", "is for one seat, not for a range"));
            }
            check_name(key, &format!("{}, key", line.place))?;
            self.keys.pop();
            self.keys.push(Some(key.to_owned()));
        }
        if let (Some(x), Some(y)) = (line.number("x")?, line.number("y")?) {
            self.positions.pop();
            self.positions.push(Some(Point { x, y }));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<ChartFile, Fault> {
        if self.builder.0.seats() == 0 {
            return Err(Fault::new("line 2", "there is no seat"));
        }
        let layout = std::mem::take(&mut self.builder).0.build();
        let label = |seat_no| layout.place(seat_no).map(|place| place.label()).unwrap_or_default();
        let (layout, listed_keys) = if self.keys.iter().any(Option::is_some) {
            let keys = (1..).zip(self.keys).map(|(seat_no, key)| key.unwrap_or_else(|| label(seat_no)));
            let keys: Vec<String> = keys.collect();
            let mut known = HashSet::new();
            let twice = (1..).zip(&keys).find(|(no, key)| !layout.is_place(*no) && !known.insert(*key));
            if let Some((_, key)) = twice {
                return Err(Fault::new("key", format!("{key:?} comes twice")));
            }
            let mut builder = LayoutBuilder::from_layout(&layout);
            builder.set_keys(SeatKeys::listed(&keys));
            (builder.build(), Some(keys))
        } else {
            (layout, None)
        };
        let positions = match self.positions.iter().any(Option::is_some) {
            true => self.positions.into_iter().map(Option::unwrap_or_default).collect(),
            false => Vec::new(),
        };
        let compiled = Compiled { layout, own_prices: HashMap::new(), listed_keys };
        let channels = self.channels.into_iter().collect();
        Ok(ChartFile { aisles: self.aisles, positions, channels, ..ChartFile::of(compiled) })
    }
}

/// The labels of a line: one, or those of a range.
fn labels(line: &Line<'_>) -> Result<Vec<String>, Fault> {
    let (seat, to) = (line.get("seat"), line.get("seat_to"));
    if to.is_empty() {
        return Ok(vec![seat.to_owned()]);
    }
    let step: u32 = line.number("step")?.unwrap_or(1);
    let labels =
        expand(&format!("{seat}-{to}/{step}")).map_err(|error| line.fault("seat_to", error.reason))?;
    Ok(labels.into_iter().map(|label| label.label).collect())
}
