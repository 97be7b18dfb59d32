//! From the sections of a venue to its layout.

use std::collections::{HashMap, HashSet};

use engine::{
    AttributeSet, Best, CategoryNo, Layout, LayoutBuilder, MAX_SEATS_PER_EVENT, STANDARD, SeatKeys, SeatSpec,
    Section, SectionNo,
};

use crate::fault::Fault;
use crate::labels::Labels;
use crate::marks::Marks;
use crate::range_text::Labelled;
use crate::spec::{BestSpec, SeatingSpec, SectionSpec, SellSpec, TablesSpec};

/// A name has so many characters at most.
const MAX_NAME_CHARS: usize = 255;
/// A key has so many characters at most.
const MAX_KEY_CHARS: usize = 255;

/// A layout and what does not stand in it.
#[derive(Debug)]
pub struct Compiled {
    /// The layout.
    pub layout: Layout,
    /// The prices of the categories that are a section's own, in minor units.
    pub own_prices: HashMap<CategoryNo, i64>,
    /// The operator's key of each seat, where they do not follow from a pattern.
    pub listed_keys: Option<Vec<String>>,
}

/// The layout of some sections. `keys` is the pattern of the seats' keys.
pub fn compile(sections: &[SectionSpec], keys: Option<&str>) -> Result<Compiled, Fault> {
    compile_onto(LayoutBuilder::new(), sections, keys)
}

/// The layout of some sections behind those that there are. Their keys follow from the pattern, or are their
/// labels: lists of keys are for new layouts.
pub fn append(layout: &Layout, sections: &[SectionSpec]) -> Result<Compiled, Fault> {
    for (section, spec) in sections.iter().enumerate() {
        let listed = spec.seating.iter().flatten().position(|rows| rows.keys.is_some());
        if let Some(rows) = listed {
            let place = format!("sections[{section}].seating[{rows}].keys");
            return Err(Fault::new(place, "cannot be listed for what is added"));
        }
    }
    compile_onto(LayoutBuilder::from_layout(layout), sections, None)
}

fn compile_onto(
    builder: LayoutBuilder,
    sections: &[SectionSpec],
    keys: Option<&str>,
) -> Result<Compiled, Fault> {
    if sections.is_empty() {
        return Err(Fault::new("sections", "must be at least 1"));
    }
    let mut compiler = Compiler { builder, own_prices: HashMap::new(), keys: Vec::new() };
    if let Some(pattern) = keys {
        check_pattern(pattern).map_err(|message| Fault::new("keys", message))?;
        compiler.builder.set_keys(SeatKeys::Pattern(pattern.to_owned()));
    }
    let mut names = HashSet::new();
    for (index, section) in sections.iter().enumerate() {
        let place = format!("sections[{index}]");
        let is_new = names.insert(section.name.as_str());
        if !is_new && (section.seats_per_row.is_some() || has_equal_rows(sections, &section.name)) {
            return Err(Fault::new(format!("{place}.name"), format!("{:?} comes twice", section.name)));
        }
        compiler.section(section, &place)?;
    }
    compiler.finish()
}

fn has_equal_rows(sections: &[SectionSpec], name: &str) -> bool {
    sections.iter().any(|section| section.name == name && section.seats_per_row.is_some())
}

fn check_pattern(pattern: &str) -> Result<(), &'static str> {
    if !pattern.contains("{seat}") || pattern.chars().count() > MAX_KEY_CHARS {
        return Err("must be at most 255 characters with {seat} in them, and {section} and {row} as needed");
    }
    Ok(())
}

struct Compiler {
    builder: LayoutBuilder,
    own_prices: HashMap<CategoryNo, i64>,
    /// With the number of the first seat of each list.
    keys: Vec<(u32, Vec<String>)>,
}

impl Compiler {
    fn section(&mut self, spec: &SectionSpec, place: &str) -> Result<(), Fault> {
        check_name(&spec.name, &format!("{place}.name"))?;
        if let Some(entrance) = &spec.entrance {
            check_name(entrance, &format!("{place}.entrance"))?;
        }
        let best = match spec.best {
            None | Some(BestSpec::Center) => Best::Center,
            Some(BestSpec::Left) => Best::Left,
            Some(BestSpec::Right) => Best::Right,
        };
        let section = Section { name: Some(spec.name.clone()), entrance: spec.entrance.clone(), best };
        let number = self.builder.section(section).map_err(|error| Fault::new(place, error))?;
        let category = self.category_of(spec, place)?;
        match spec {
            SectionSpec {
                rows: Some(rows),
                seats_per_row: Some(seats),
                seating: None,
                capacity: None,
                tables: None,
                ..
            } => {
                self.equal_rows(number, category, (*rows, *seats), place)?;
                no_marks(spec, place)
            }
            SectionSpec {
                rows: None,
                seats_per_row: None,
                seating: Some(seating),
                capacity: None,
                tables: None,
                ..
            } => {
                let mut marks = Marks::of(spec, place, &mut self.builder)?;
                for (index, rows) in seating.iter().enumerate() {
                    self.rows(number, category, rows, &mut marks, &format!("{place}.seating[{index}]"))?;
                }
                marks.check_all_met()
            }
            SectionSpec {
                rows: None,
                seats_per_row: None,
                seating: None,
                capacity: Some(capacity),
                tables: None,
                ..
            } => {
                let fault = |message: String| Fault::new(format!("{place}.capacity"), message);
                let capacity = u32::try_from(*capacity)
                    .ok()
                    .filter(|capacity| (1..=MAX_SEATS_PER_EVENT).contains(capacity));
                let capacity =
                    capacity.ok_or_else(|| fault(format!("must be 1 to {MAX_SEATS_PER_EVENT}")))?;
                self.builder.places(number, category, capacity).map_err(|error| fault(error.to_string()))?;
                no_marks(spec, place)
            }
            SectionSpec {
                rows: None,
                seats_per_row: None,
                seating: None,
                capacity: None,
                tables: Some(tables),
                ..
            } => {
                let mut marks = Marks::of(spec, place, &mut self.builder)?;
                for (index, some) in tables.iter().enumerate() {
                    self.tables(number, category, some, &mut marks, &format!("{place}.tables[{index}]"))?;
                }
                marks.check_all_met()
            }
            _ => Err(Fault::new(
                place,
                "has exactly one of rows with seats_per_row, seating, capacity, and tables",
            )),
        }
    }

    /// The category of what does not say its own.
    fn category_of(&mut self, spec: &SectionSpec, place: &str) -> Result<CategoryNo, Fault> {
        match (&spec.category, spec.price) {
            (Some(_), Some(_)) => Err(Fault::new(place, "has a price or a category, not both")),
            (None, Some(price)) => {
                let category = self.builder.new_category(&spec.name);
                self.own_prices.insert(category, price);
                Ok(category)
            }
            (Some(key), None) => self.category(key, &format!("{place}.category")),
            (None, None) => self.category(STANDARD, place),
        }
    }

    fn category(&mut self, key: &str, place: &str) -> Result<CategoryNo, Fault> {
        check_name(key, place)?;
        self.builder.category(key).map_err(|error| Fault::new(place, error))
    }

    fn equal_rows(
        &mut self,
        section: SectionNo,
        category: CategoryNo,
        (rows, seats_per_row): (i64, i64),
        place: &str,
    ) -> Result<(), Fault> {
        let most = i64::from(MAX_SEATS_PER_EVENT);
        for (name, number) in [("rows", rows), ("seats_per_row", seats_per_row)] {
            if !(1..=most).contains(&number) {
                return Err(Fault::new(format!("{place}.{name}"), format!("must be 1 to {most}")));
            }
        }
        if rows * seats_per_row + i64::from(self.builder.seats()) > most {
            return Err(Fault::new(place, format!("there are more than {most} seats and places")));
        }
        let (rows, seats_per_row) = (rows as u32, seats_per_row as u32);
        self.builder.equal_rows(section, category, rows, seats_per_row, rows * seats_per_row);
        Ok(())
    }

    fn rows(
        &mut self,
        section: SectionNo,
        category: CategoryNo,
        spec: &SeatingSpec,
        marks: &mut Marks,
        place: &str,
    ) -> Result<(), Fault> {
        let rows = expand(&spec.rows, &format!("{place}.rows"))?;
        let seats = expand(&spec.seats, &format!("{place}.seats"))?;
        let category = match &spec.category {
            Some(key) => self.category(key, &format!("{place}.category"))?,
            None => category,
        };
        if let Some(keys) = &spec.keys {
            self.take_keys(keys, rows.len() * seats.len(), &format!("{place}.keys"))?;
        }
        for row in &rows {
            self.row(section, row, &seats, (category, false, false), marks, place)?;
        }
        Ok(())
    }

    fn tables(
        &mut self,
        section: SectionNo,
        category: CategoryNo,
        spec: &TablesSpec,
        marks: &mut Marks,
        place: &str,
    ) -> Result<(), Fault> {
        let tables = expand(&spec.tables, &format!("{place}.tables"))?;
        let seats = expand(&spec.seats, &format!("{place}.seats"))?;
        let category = match &spec.category {
            Some(key) => self.category(key, &format!("{place}.category"))?,
            None => category,
        };
        let together = spec.sell == Some(SellSpec::Together);
        for table in &tables {
            self.row(section, table, &seats, (category, together, true), marks, place)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        section: SectionNo,
        row: &Labelled,
        seats: &[Labelled],
        (category, together, is_table): (CategoryNo, bool, bool),
        marks: &mut Marks,
        place: &str,
    ) -> Result<(), Fault> {
        self.builder.row(section, &row.label, is_table).map_err(|error| Fault::new(place, error))?;
        marks.begin_row(&row.label);
        for seat in seats {
            let mut spec = SeatSpec {
                label: &seat.label,
                category,
                attributes: 0,
                rank: 0,
                together,
                aisle_before: seat.aisle_before,
            };
            marks.apply(&mut spec);
            self.builder.seat(spec).map_err(|error| Fault::new(format!("{place}.seats"), error))?;
        }
        Ok(())
    }

    fn take_keys(&mut self, keys: &[String], seats: usize, place: &str) -> Result<(), Fault> {
        if keys.len() != seats {
            return Err(Fault::new(place, format!("there are {} for {seats} seats", keys.len())));
        }
        let is_bad = |key: &&String| !(1..=MAX_KEY_CHARS).contains(&key.chars().count());
        if let Some(bad) = keys.iter().find(is_bad) {
            return Err(Fault::new(
                place,
                format!("must have 1 to {MAX_KEY_CHARS} characters, {bad:?} has not"),
            ));
        }
        self.keys.push((self.builder.seats() + 1, keys.to_vec()));
        Ok(())
    }

    fn finish(mut self) -> Result<Compiled, Fault> {
        let listed_keys = if self.keys.is_empty() {
            None
        } else {
            let keys = self.all_keys()?;
            self.builder.set_keys(SeatKeys::listed(&keys));
            Some(keys)
        };
        Ok(Compiled { layout: self.builder.build(), own_prices: self.own_prices, listed_keys })
    }

    /// Of seats without a key of their own, it is the label.
    fn all_keys(&mut self) -> Result<Vec<String>, Fault> {
        let builder = std::mem::take(&mut self.builder);
        let layout = builder.build();
        let label = |seat_no| layout.place(seat_no).map(|place| place.label()).unwrap_or_default();
        let mut all: Vec<String> = (1..=layout.seats()).map(label).collect();
        for (first, keys) in self.keys.drain(..) {
            for (index, key) in (first as usize - 1..).zip(keys) {
                all[index] = key;
            }
        }
        let mut known = HashSet::new();
        let is_seat = |seat_no: u32| !layout.is_place(seat_no);
        let twice = (1..).zip(&all).find(|(seat_no, key)| is_seat(*seat_no) && !known.insert(*key));
        if let Some((_, key)) = twice {
            return Err(Fault::new("keys", format!("{key:?} comes twice")));
        }
        self.builder = LayoutBuilder::from_layout(&layout);
        Ok(all)
    }
}

fn no_marks(spec: &SectionSpec, place: &str) -> Result<(), Fault> {
    match &spec.marks {
        Some(marks) if !marks.is_empty() => {
            Err(Fault::new(format!("{place}.marks"), "are for seating and tables"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn expand(labels: &Labels, place: &str) -> Result<Vec<Labelled>, Fault> {
    let labels = labels.expand().map_err(|error| Fault::new(place, error))?;
    if labels.is_empty() { Err(Fault::new(place, "is empty")) } else { Ok(labels) }
}

pub(crate) fn check_name(name: &str, place: &str) -> Result<(), Fault> {
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.contains('\0');
    if fits { Ok(()) } else { Err(Fault::new(place, format!("must have 1 to {MAX_NAME_CHARS} characters"))) }
}

/// The bits of some attributes.
pub(crate) fn attributes(
    names: &[String],
    builder: &mut LayoutBuilder,
    place: &str,
) -> Result<AttributeSet, Fault> {
    names.iter().try_fold(0, |set, name| {
        check_name(name, place)?;
        let bit = builder.attribute(name).map_err(|error| Fault::new(place, error))?;
        Ok(set | bit)
    })
}
