//! The seats and counted places of an event, as runs: neighbouring seats of one row whose labels go in one
//! step, with one category and one set of attributes. Label, row and category of a seat follow from its
//! number, so a stadium costs some kilobytes, which all events of the same layout share.

mod builder;
mod content;
mod interned;
mod keys;
mod label;
mod rows;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::builder::{LayoutBuilder, LayoutError, SeatSpec};
pub use self::content::EqualRows;
use self::content::{AISLE_BEFORE, Content, Row, RowKind, Run, TOGETHER};
#[cfg(any(test, feature = "testing"))]
pub use self::interned::forget_layouts;
pub use self::keys::SeatKeys;
pub use self::label::letters_to_number;
use self::label::{Label, Texts};
pub use self::rows::{SectionSize, Stretch};
use crate::words::id::SeatNo;

/// How many runs a layout can have, besides those of equal rows.
pub const MAX_RUNS: usize = 20_000;
/// How many sections a layout can have.
pub const MAX_SECTIONS: usize = 5_000;
/// How many characters the label of a row or a seat can have.
pub const MAX_LABEL_CHARS: usize = 32;
/// How many categories a layout can have.
pub const MAX_CATEGORIES: usize = 1_000;
/// The attributes that mean something to the rules; up to 13 more are the operator's own.
pub const KNOWN_ATTRIBUTES: [&str; 3] = ["wheelchair", "companion", "restricted_view"];

/// A set of attributes: bit `n` for the layout's attribute `n`, the first three of which are
/// [`KNOWN_ATTRIBUTES`].
pub type AttributeSet = u16;
/// Which of the layout's sections, from 0.
pub type SectionNo = u16;
/// Which of the layout's categories, from 0.
pub type CategoryNo = u16;

/// The same for the same layout, and for no other: a hash of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutId(pub Uuid);

/// A part of the house: of rows, or of counted places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The section's name; `None` in an event that was made from a number of seats alone.
    pub name: Option<String>,
    /// Where one goes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrance: Option<String>,
    /// Which seats of a row are the best ones.
    #[serde(default, skip_serializing_if = "Best::is_center")]
    pub best: Best,
}

/// Which seats of a row are the best ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Best {
    /// Those nearest to its middle.
    #[default]
    Center,
    /// The first ones.
    Left,
    /// The last ones.
    Right,
}

impl Best {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_center(&self) -> bool {
        *self == Self::Center
    }
}

/// The seats and places of one event, numbered from 1 through all its sections. Sections can be added behind
/// the others; nothing else changes, ever.
#[derive(Debug)]
pub struct Layout {
    id: LayoutId,
    content: Content,
    ranks: Vec<u8>,
    has_together: bool,
    names: OnceLock<Names>,
}

/// Which sections and rows have which names, for those that requests name.
#[derive(Debug)]
struct Names {
    sections: HashMap<String, Vec<SectionNo>>,
    rows: HashMap<(SectionNo, Label), Vec<u32>>,
    texts: HashMap<Box<str>, u32>,
    /// By the hash of a key, the seat that has it.
    keys: OnceLock<HashMap<u64, SeatNo>>,
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Layout {}

impl Serialize for Layout {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        stored::Stored::of(&self.content).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Layout {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = stored::Stored::deserialize(deserializer)?.into_content();
        content.map(Self::from_content).map_err(serde::de::Error::custom)
    }
}

/// One seat or place, as its layout describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPlace<'a> {
    /// The section, `None` where it has no name.
    pub section: Option<&'a str>,
    /// Which of the layout's sections.
    pub section_no: SectionNo,
    /// The row or table as the house calls it; `None` for a counted place.
    pub row: Option<String>,
    /// The seat as the house calls it; `None` for a counted place.
    pub number: Option<String>,
    /// Whether the row is a table.
    pub is_table: bool,
    /// Which of the layout's categories.
    pub category: CategoryNo,
    /// What is special about it.
    pub attributes: AttributeSet,
    /// Whether an aisle lies before it.
    pub aisle_before: bool,
    /// For the best available seats: smaller is better.
    pub rank: u8,
    /// Whether it sells only together with its block.
    pub together: bool,
}

/// A label within a longer text, and what else there is to know of its seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLabel {
    /// Where the label is in the text.
    pub whole: Range<usize>,
    /// Where row (or table) and number are; `None` for a counted place.
    pub row_and_number: Option<(Range<usize>, Range<usize>)>,
    /// Which of the layout's sections.
    pub section_no: SectionNo,
    /// Which of the layout's categories.
    pub category: CategoryNo,
    /// What is special about it.
    pub attributes: AttributeSet,
    /// Whether the row is a table.
    pub is_table: bool,
}

impl SeatPlace<'_> {
    /// `Arena-A-1`, or `A-1` in an unnamed section, or the section's name for a counted place.
    pub fn label(&self) -> String {
        let parts = [self.section, self.row.as_deref(), self.number.as_deref()];
        let mut label = String::new();
        for part in parts.into_iter().flatten() {
            if !label.is_empty() {
                label.push('-');
            }
            label.push_str(part);
        }
        label
    }
}

/// The seats in a row of an event that was made from a number of seats alone.
const SEATS_PER_ROW: u32 = 10;

impl Layout {
    /// A layout of named sections of equal rows: (name, rows, seats per row). Each is a category of its own.
    pub fn of_sections(sections: impl IntoIterator<Item = (String, u32, u32)>) -> Self {
        let mut builder = LayoutBuilder::new();
        for (name, rows, seats_per_row) in sections {
            let category = builder.new_category(&name);
            let section =
                builder.new_section(Section { name: Some(name), entrance: None, best: Best::Center });
            builder.equal_rows(section, category, rows, seats_per_row, rows.saturating_mul(seats_per_row));
        }
        builder.build()
    }

    /// A layout of one unnamed section with rows of ten.
    pub fn of_seats(seats: u32) -> Self {
        let mut builder = LayoutBuilder::new();
        let category = builder.new_category(STANDARD);
        let section = builder.new_section(Section { name: None, entrance: None, best: Best::Center });
        builder.equal_rows(section, category, seats.div_ceil(SEATS_PER_ROW), SEATS_PER_ROW, seats);
        builder.build()
    }

    /// Its id: the same for the same layout.
    pub fn id(&self) -> LayoutId {
        self.id
    }

    /// The sections, in the order in which they are listed.
    pub fn sections(&self) -> &[Section] {
        &self.content.sections
    }

    /// The keys of the categories.
    pub fn categories(&self) -> &[String] {
        &self.content.categories
    }

    /// The names of the attributes, by bit.
    pub fn attributes(&self) -> &[String] {
        &self.content.attributes
    }

    /// How the keys of the seats come about.
    pub fn keys(&self) -> &SeatKeys {
        &self.content.keys
    }

    /// The parts that were given as equal rows, each with the number of its first seat.
    pub fn equal_rows(&self) -> &[(SeatNo, EqualRows)] {
        &self.content.equal_rows
    }

    /// How many runs it has.
    pub fn runs(&self) -> usize {
        self.content.runs.len()
    }

    /// How many seats and places there are.
    pub fn seats(&self) -> u32 {
        self.content.seats
    }

    /// Whether there is a seat of this number.
    pub fn contains(&self, seat_no: SeatNo) -> bool {
        seat_no >= 1 && seat_no <= self.content.seats
    }

    /// The category of a seat; `None` if there is no such seat.
    pub fn category(&self, seat_no: SeatNo) -> Option<CategoryNo> {
        self.run_of(seat_no).map(|index| self.content.runs[index].category)
    }

    /// What is special about a seat; nothing, if there is no such seat.
    pub fn attributes_of(&self, seat_no: SeatNo) -> AttributeSet {
        self.run_of(seat_no).map_or(0, |index| self.content.runs[index].attributes)
    }

    /// How good a seat is, for the best available ones: smaller is better.
    pub fn rank(&self, seat_no: SeatNo) -> u8 {
        self.run_of(seat_no).map_or(0, |index| self.content.runs[index].rank)
    }

    /// The ranks that seats have, the best first.
    pub fn ranks(&self) -> &[u8] {
        &self.ranks
    }

    /// Where a seat is; `None` if there is no such seat.
    pub fn place(&self, seat_no: SeatNo) -> Option<SeatPlace<'_>> {
        let run = &self.content.runs[self.run_of(seat_no)?];
        let row = &self.content.rows[run.row as usize];
        let is_place = row.kind == RowKind::Places;
        Some(SeatPlace {
            section: self.content.sections[usize::from(row.section)].name.as_deref(),
            section_no: row.section,
            row: (!is_place).then(|| self.written(row.label)),
            number: (!is_place).then(|| self.written(run.label_of(seat_no))),
            is_table: row.kind == RowKind::Table,
            category: run.category,
            attributes: run.attributes,
            aisle_before: run.first == seat_no && run.flags & AISLE_BEFORE != 0,
            rank: run.rank,
            together: run.flags & TOGETHER != 0,
        })
    }

    /// Whether a seat is a counted place.
    pub fn is_place(&self, seat_no: SeatNo) -> bool {
        self.run_of(seat_no)
            .is_some_and(|run| self.content.rows[self.content.runs[run].row as usize].kind == RowKind::Places)
    }

    /// The sections of this name; usually one.
    pub fn sections_named(&self, name: &str) -> &[SectionNo] {
        self.names().sections.get(name).map_or(&[], Vec::as_slice)
    }

    /// The numbers of the seats and places of a section, in order.
    pub fn ranges_of_section(&self, section: SectionNo) -> impl Iterator<Item = Range<SeatNo>> {
        let rows = self.content.rows.iter().enumerate().filter(move |(_, row)| row.section == section);
        rows.map(|(index, _)| self.row_range(index))
    }

    /// The numbers of the counted places of a section, in order.
    pub fn places_of_section(&self, section: SectionNo) -> impl Iterator<Item = Range<SeatNo>> {
        let is_wanted = move |row: &Row| row.section == section && row.kind == RowKind::Places;
        let rows = self.content.rows.iter().enumerate().filter(move |(_, row)| is_wanted(row));
        rows.map(|(index, _)| self.row_range(index))
    }

    /// The numbers of the seats of a row (or table) by the house's names of section and row.
    pub fn seats_of_row(&self, section: &str, row: &str) -> impl Iterator<Item = Range<SeatNo>> {
        self.rows_named(section, row).map(|index| self.row_range(index as usize))
    }

    /// The number of a seat by the house's names of section, row and seat.
    pub fn find(&self, section: &str, row: &str, seat: &str) -> Option<SeatNo> {
        self.rows_named(section, row).find_map(|row| {
            let range = self.row_range(row as usize);
            let runs = self.runs_in(range.clone());
            runs.enumerate().find_map(|(index, run)| {
                let end = self.runs_in(range.clone()).nth(index + 1).map_or(range.end, |next| next.first);
                self.find_in_run(run, end, seat)
            })
        })
    }

    fn find_in_run(&self, run: &Run, end: SeatNo, seat: &str) -> Option<SeatNo> {
        let label = self.known_label(seat)?;
        if run.label == label {
            return Some(run.first);
        }
        let by = run.label.step_to(label)?;
        let is_hit = run.step != 0 && by % run.step == 0 && by / run.step > 0;
        is_hit.then(|| run.first + (by / run.step) as u32).filter(|&seat_no| seat_no < end)
    }

    fn rows_named(&self, section: &str, row: &str) -> impl Iterator<Item = u32> {
        let label = self.known_label(row);
        let rows = move |section: &SectionNo| self.names().rows.get(&(*section, label?));
        self.sections_named(section).iter().filter_map(rows).flatten().copied()
    }

    /// A label, if it can be one of this layout's.
    fn known_label(&self, text: &str) -> Option<Label> {
        let mut texts = Texts::default();
        let label = Label::parse(text, &mut texts);
        let texts = texts.into_list();
        let text = *self.names().texts.get(&texts[label.text as usize])?;
        Some(Label { text, ..label })
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(&self.content))
    }

    /// The names of the attributes of a set.
    pub fn attribute_names(&self, attributes: AttributeSet) -> impl Iterator<Item = &str> {
        let named = self.content.attributes.iter().enumerate();
        named.filter(move |(bit, _)| attributes >> bit & 1 == 1).map(|(_, name)| name.as_str())
    }

    /// Appends the label of a seat, as [`SeatPlace::label`] has it, and says where in the text its parts are.
    /// One piece of memory for many seats, where [`place`](Self::place) takes several for each.
    pub fn write_label(&self, seat_no: SeatNo, text: &mut String) -> Option<WrittenLabel> {
        let run = &self.content.runs[self.run_of(seat_no)?];
        let row = &self.content.rows[run.row as usize];
        let begin = text.len();
        text.push_str(self.content.sections[usize::from(row.section)].name.as_deref().unwrap_or_default());
        let is_place = row.kind == RowKind::Places;
        let mut part = |label: Label| {
            if text.len() > begin {
                text.push('-');
            }
            let begin = text.len();
            label.write(&self.content.texts, text);
            begin..text.len()
        };
        let row_and_number = (!is_place).then(|| (part(row.label), part(run.label_of(seat_no))));
        Some(WrittenLabel {
            whole: begin..text.len(),
            row_and_number,
            section_no: row.section,
            category: run.category,
            attributes: run.attributes,
            is_table: row.kind == RowKind::Table,
        })
    }

    fn written(&self, label: Label) -> String {
        let mut out = String::new();
        label.write(&self.content.texts, &mut out);
        out
    }

    fn from_content(content: Content) -> Self {
        let id = stored::id_of(&content);
        let ranks: BTreeSet<u8> = content.runs.iter().map(|run| run.rank).collect();
        let has_together = content.runs.iter().any(|run| run.flags & TOGETHER != 0);
        Self { id, content, ranks: ranks.into_iter().collect(), has_together, names: OnceLock::new() }
    }

    fn run_of(&self, seat_no: SeatNo) -> Option<usize> {
        self.contains(seat_no).then(|| self.content.first_run_from(seat_no + 1) - 1)
    }

    fn runs_in(&self, range: Range<SeatNo>) -> impl Iterator<Item = &Run> {
        self.content.runs_in(range).iter()
    }
}

impl Names {
    fn of(content: &Content) -> Self {
        let mut names = Self {
            sections: HashMap::new(),
            rows: HashMap::new(),
            texts: HashMap::new(),
            keys: OnceLock::new(),
        };
        for (number, section) in (0..).zip(&content.sections) {
            names.sections.entry(section.name.clone().unwrap_or_default()).or_default().push(number);
        }
        for (number, row) in (0..).zip(&content.rows).filter(|(_, row)| row.kind != RowKind::Places) {
            names.rows.entry((row.section, row.label)).or_default().push(number);
        }
        names.texts = content.texts.iter().cloned().zip(0..).collect();
        names
    }
}

/// The key of the category and the ticket type of an event that says nothing of them.
pub const STANDARD: &str = "standard";
