//! How a layout comes about: section by section, row by row, seat by seat, in the order of the house.

use std::collections::{HashMap, HashSet};

use super::content::{AISLE_BEFORE, Content, EqualRows, Row, RowKind, Run, TOGETHER};
use super::label::{Label, LabelKind, NO_TEXT, Texts};
use super::{
    AttributeSet, CategoryNo, KNOWN_ATTRIBUTES, Layout, MAX_CATEGORIES, MAX_LABEL_CHARS, MAX_RUNS,
    MAX_SECTIONS, SeatKeys, Section, SectionNo,
};
use crate::words::id::{MAX_SEATS_PER_EVENT, SeatNo};

/// The most attributes: a bit each.
const MAX_ATTRIBUTES: usize = AttributeSet::BITS as usize;

/// What is wrong with a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Two seats would be the same.
    #[error("section {section}, row {row}, has the seat {seat} twice")]
    SeatTwice {
        /// The section's name.
        section: String,
        /// The row.
        row: String,
        /// The seat.
        seat: String,
    },
    /// A label is empty, or too long.
    #[error("a label has 1 to {MAX_LABEL_CHARS} characters, {0:?} has not")]
    Label(String),
    /// There are more seats and places than an event can have.
    #[error("there are more than {MAX_SEATS_PER_EVENT} seats and places")]
    TooManySeats,
    /// There are more runs than a layout can have.
    #[error("there are more than {MAX_RUNS} runs of seats that are alike and whose labels go in one step")]
    TooManyRuns,
    /// There are more sections than a layout can have.
    #[error("there are more than {MAX_SECTIONS} sections")]
    TooManySections,
    /// There are more categories than a layout can have.
    #[error("there are more than {MAX_CATEGORIES} categories")]
    TooManyCategories,
    /// There are more attributes than a layout can have.
    #[error("there are more than {} attributes of the operator's own", MAX_ATTRIBUTES - KNOWN_ATTRIBUTES.len())]
    TooManyAttributes,
}

/// One seat to be added to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of SeatPlace")]
pub struct SeatSpec<'a> {
    pub label: &'a str,
    pub category: CategoryNo,
    pub attributes: AttributeSet,
    pub rank: u8,
    pub together: bool,
    pub aisle_before: bool,
}

/// Builds a layout.
#[derive(Debug, Default)]
pub struct LayoutBuilder {
    content: Content,
    category_numbers: HashMap<String, CategoryNo>,
    texts: Texts,
    /// Runs that are not of equal rows.
    listed_runs: usize,
    /// Of the last seat, if it is in a row.
    last_label: Option<Label>,
    /// The seats that there are, by the first section of the name, row and label.
    taken: HashSet<(SectionNo, Label, Label)>,
    first_of_name: HashMap<String, SectionNo>,
}

impl LayoutBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        let attributes = KNOWN_ATTRIBUTES.map(str::to_owned).into();
        Self { content: Content { attributes, ..Content::default() }, ..Self::default() }
    }

    /// Continues a layout: what is added comes behind what there is.
    pub fn from_layout(layout: &Layout) -> Self {
        let content = &layout.content;
        let equal_runs: u32 = content.equal_rows.iter().map(|(_, equal)| equal.rows).sum();
        let mut builder = Self {
            category_numbers: content.categories.iter().cloned().zip(0..).collect(),
            texts: Texts::from_list(&content.texts),
            listed_runs: content.runs.len() - equal_runs as usize,
            content: content.clone(),
            ..Self::default()
        };
        for (number, section) in (0..).zip(&content.sections) {
            let name = section.name.clone().unwrap_or_default();
            builder.first_of_name.entry(name).or_insert(number);
        }
        (1..=content.seats).for_each(|seat_no| builder.note_taken(layout, seat_no));
        builder
    }

    fn note_taken(&mut self, layout: &Layout, seat_no: SeatNo) {
        let Some(run) = layout.run_of(seat_no).map(|index| layout.content.runs[index]) else { return };
        let row = &layout.content.rows[run.row as usize];
        if row.kind != RowKind::Places {
            self.taken.insert((self.same_name(row.section), row.label, run.label_of(seat_no)));
        }
    }

    /// How the keys of the seats come about.
    pub fn set_keys(&mut self, keys: SeatKeys) {
        self.content.keys = keys;
    }

    /// The number of a category: a new one, where there is none of this key.
    pub fn category(&mut self, key: &str) -> Result<CategoryNo, LayoutError> {
        if let Some(&number) = self.category_numbers.get(key) {
            return Ok(number);
        }
        if self.content.categories.len() >= MAX_CATEGORIES {
            return Err(LayoutError::TooManyCategories);
        }
        Ok(self.new_category(key))
    }

    /// A category that no other seats have, of this key, or of this key with a number behind it.
    pub fn new_category(&mut self, key: &str) -> CategoryNo {
        let number = self.content.categories.len() as CategoryNo;
        let mut unique = key.to_owned();
        for count in 2.. {
            if !self.category_numbers.contains_key(&unique) {
                break;
            }
            unique = format!("{key} ({count})");
        }
        self.category_numbers.insert(unique.clone(), number);
        self.content.categories.push(unique);
        number
    }

    /// The bit of an attribute: a new one, where there is none of this name.
    pub fn attribute(&mut self, name: &str) -> Result<AttributeSet, LayoutError> {
        let bit = match self.content.attributes.iter().position(|known| known == name) {
            Some(bit) => bit,
            None if self.content.attributes.len() >= MAX_ATTRIBUTES => {
                return Err(LayoutError::TooManyAttributes);
            }
            None => {
                self.content.attributes.push(name.to_owned());
                self.content.attributes.len() - 1
            }
        };
        Ok(1 << bit)
    }

    /// Adds a section. Its rows are added to it by the number that this returns, in any order.
    pub fn section(&mut self, section: Section) -> Result<SectionNo, LayoutError> {
        if self.content.sections.len() >= MAX_SECTIONS {
            return Err(LayoutError::TooManySections);
        }
        Ok(self.new_section(section))
    }

    pub(super) fn new_section(&mut self, section: Section) -> SectionNo {
        let number = self.content.sections.len() as SectionNo;
        let name = section.name.clone().unwrap_or_default();
        self.first_of_name.entry(name).or_insert(number);
        self.content.sections.push(section);
        number
    }

    /// Begins a row of a section, or a table. Seats go into the row that was begun last.
    pub fn row(&mut self, section: SectionNo, label: &str, is_table: bool) -> Result<(), LayoutError> {
        check_label(label)?;
        let label = Label::parse(label, &mut self.texts);
        let kind = if is_table { RowKind::Table } else { RowKind::Seats };
        self.begin_row(section, kind, label);
        Ok(())
    }

    /// Adds a seat to the row that was begun last, and says its number.
    pub fn seat(&mut self, seat: SeatSpec<'_>) -> Result<SeatNo, LayoutError> {
        check_label(seat.label)?;
        let row = *self.content.rows.last().expect("a row was begun");
        let label = Label::parse(seat.label, &mut self.texts);
        if !self.taken.insert((self.same_name(row.section), row.label, label)) {
            return Err(self.twice(row, seat.label));
        }
        let seat_no = self.next_numbers(1)?;
        let index = self.content.rows.len() as u32 - 1;
        let flags = if seat.together { TOGETHER } else { 0 }
            | if seat.aisle_before && seat_no > row.first { AISLE_BEFORE } else { 0 };
        let run = Run {
            first: seat_no,
            row: index,
            label,
            step: 0,
            category: seat.category,
            attributes: seat.attributes,
            rank: seat.rank,
            flags,
        };
        if !self.continues(run) {
            self.push_run(run)?;
        }
        self.last_label = Some(label);
        Ok(seat_no)
    }

    /// Adds counted places to a section, and says the number of the first.
    pub fn places(
        &mut self,
        section: SectionNo,
        category: CategoryNo,
        capacity: u32,
    ) -> Result<SeatNo, LayoutError> {
        let label = Label { kind: LabelKind::Text, text: NO_TEXT, number: 0 };
        self.begin_row(section, RowKind::Places, label);
        let first = self.next_numbers(capacity)?;
        let row = self.content.rows.len() as u32 - 1;
        self.push_run(Run { first, row, label, step: 0, category, attributes: 0, rank: 0, flags: 0 })?;
        self.last_label = None;
        Ok(first)
    }

    /// Adds equal rows, lettered from A, with seats from 1. They count as no runs, for they are kept as what
    /// they are.
    pub fn equal_rows(
        &mut self,
        section: SectionNo,
        category: CategoryNo,
        rows: u32,
        seats_per_row: u32,
        seats: u32,
    ) {
        // What holds for the last row without seats holds here.
        self.drop_empty_row();
        self.content.push_equal_rows(EqualRows { section, category, rows, seats_per_row, seats });
        self.last_label = None;
    }

    /// How many seats and places there are.
    pub fn seats(&self) -> u32 {
        self.content.seats
    }

    /// The layout.
    pub fn build(mut self) -> Layout {
        self.drop_empty_row();
        Layout::from_content(Content { texts: self.texts.into_list(), ..self.content })
    }

    /// Whether a seat belongs to the last run; then the run's step is noted.
    fn continues(&mut self, seat: Run) -> bool {
        let (Some(last), Some(last_label)) = (self.content.runs.last_mut(), self.last_label) else {
            return false;
        };
        let Some(step) = last_label.step_to(seat.label) else { return false };
        let is_alike = (last.row, last.category, last.attributes, last.rank)
            == (seat.row, seat.category, seat.attributes, seat.rank)
            && last.flags & !AISLE_BEFORE == seat.flags;
        let is_second = last.first + 1 == seat.first;
        if !is_alike || (!is_second && last.step != step) {
            return false;
        }
        last.step = step;
        true
    }

    fn begin_row(&mut self, section: SectionNo, kind: RowKind, label: Label) {
        self.drop_empty_row();
        self.content.rows.push(Row {
            first: self.content.seats + 1,
            first_run: self.content.runs.len() as u32,
            section,
            kind,
            label,
        });
        self.last_label = None;
    }

    /// A row without seats is none.
    fn drop_empty_row(&mut self) {
        if self.content.rows.last().is_some_and(|row| row.first == self.content.seats + 1) {
            self.content.rows.pop();
        }
    }

    fn push_run(&mut self, run: Run) -> Result<(), LayoutError> {
        self.listed_runs += 1;
        if self.listed_runs > MAX_RUNS {
            return Err(LayoutError::TooManyRuns);
        }
        self.content.runs.push(run);
        Ok(())
    }

    fn next_numbers(&mut self, count: u32) -> Result<SeatNo, LayoutError> {
        let seats = self.content.seats.checked_add(count).filter(|&seats| seats <= MAX_SEATS_PER_EVENT);
        let first = self.content.seats + 1;
        self.content.seats = seats.ok_or(LayoutError::TooManySeats)?;
        Ok(first)
    }

    /// The first section that has the same name.
    fn same_name(&self, section: SectionNo) -> SectionNo {
        let name = self.content.sections[usize::from(section)].name.as_deref().unwrap_or_default();
        self.first_of_name.get(name).copied().unwrap_or(section)
    }

    fn twice(&self, row: Row, seat: &str) -> LayoutError {
        let mut label = String::new();
        row.label.write(self.texts.as_list(), &mut label);
        let section = self.content.sections[usize::from(row.section)].name.clone().unwrap_or_default();
        LayoutError::SeatTwice { section, row: label, seat: seat.to_owned() }
    }
}

fn check_label(label: &str) -> Result<(), LayoutError> {
    let fits = (1..=MAX_LABEL_CHARS).contains(&label.chars().count());
    if fits { Ok(()) } else { Err(LayoutError::Label(label.to_owned())) }
}
