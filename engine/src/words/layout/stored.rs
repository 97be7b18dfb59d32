//! A layout as it is kept: nothing in it grows with the number of seats.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::content::{Content, EqualRows, Row, RowKind, Run};
use super::label::{Label, LabelKind};
use super::{LayoutId, SeatKeys, Section, SectionNo};
use crate::words::id::MAX_SEATS_PER_EVENT;

/// The content, in the order of the seats' numbers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored<'a> {
    texts: Cow<'a, [Box<str>]>,
    categories: Cow<'a, [String]>,
    attributes: Cow<'a, [String]>,
    sections: Cow<'a, [Section]>,
    parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "SeatKeys::is_label")]
    keys: SeatKeys,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    EqualRows(EqualRows),
    Row(SectionNo, StoredLabel, Vec<StoredRun>),
    Table(SectionNo, StoredLabel, Vec<StoredRun>),
    /// Section, category, capacity.
    Places(SectionNo, u16, u32),
}

/// Kind, text, number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct StoredLabel(u8, u32, u32);

/// Seats, the first one's label, step, category, attributes, rank, flags.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRun(u32, StoredLabel, i32, u16, u16, u8, u8);

/// The id of a layout's content.
pub(super) fn id_of(content: &Content) -> LayoutId {
    let json = serde_json::to_vec(&Stored::of(content)).expect("it has string keys, and memory takes all");
    let digest = Sha256::digest(json);
    let hash = std::array::from_fn(|index| digest[index]);
    LayoutId(uuid::Builder::from_custom_bytes(hash).into_uuid())
}

impl<'a> Stored<'a> {
    pub(super) fn of(content: &'a Content) -> Self {
        let mut parts = Vec::new();
        let (mut row, mut equal_rows) = (0, content.equal_rows.iter().peekable());
        while row < content.rows.len() {
            let first = content.rows[row].first;
            if let Some((_, equal)) = equal_rows.next_if(|(begin, _)| *begin == first) {
                parts.push(Part::EqualRows(*equal));
                row += equal.rows as usize;
            } else {
                parts.push(Part::of_row(content, row));
                row += 1;
            }
        }
        Self {
            texts: Cow::Borrowed(&content.texts),
            categories: Cow::Borrowed(&content.categories),
            attributes: Cow::Borrowed(&content.attributes),
            sections: Cow::Borrowed(&content.sections),
            parts,
            keys: content.keys.clone(),
        }
    }

    /// The content, if nothing in it contradicts itself: whatever it was read from.
    pub(super) fn into_content(self) -> Result<Content, String> {
        let mut content = Content {
            sections: self.sections.into_owned(),
            categories: self.categories.into_owned(),
            attributes: self.attributes.into_owned(),
            texts: self.texts.into_owned(),
            keys: self.keys,
            ..Content::default()
        };
        for part in self.parts {
            part.add_to(&mut content)?;
            if content.seats > MAX_SEATS_PER_EVENT {
                return Err(format!("more than {MAX_SEATS_PER_EVENT} seats"));
            }
        }
        Ok(content)
    }
}

impl Part {
    fn of_row(content: &Content, index: usize) -> Self {
        let (row, range) = (&content.rows[index], content.row_range(index));
        let runs = content.runs_in(range.clone());
        if row.kind == RowKind::Places {
            return Self::Places(row.section, runs[0].category, range.end - range.start);
        }
        let ends = runs.iter().skip(1).map(|run| run.first).chain([range.end]);
        let runs = runs.iter().zip(ends).map(|(run, end)| {
            let label = StoredLabel::of(run.label);
            StoredRun(end - run.first, label, run.step, run.category, run.attributes, run.rank, run.flags)
        });
        let (section, label, runs) = (row.section, StoredLabel::of(row.label), runs.collect());
        match row.kind {
            RowKind::Table => Self::Table(section, label, runs),
            _ => Self::Row(section, label, runs),
        }
    }

    fn add_to(self, content: &mut Content) -> Result<(), String> {
        match self {
            Self::EqualRows(equal) => {
                check(content, equal.section, equal.category)?;
                if equal.seats > MAX_SEATS_PER_EVENT || equal.rows > equal.seats {
                    return Err(format!("{} rows with {} seats", equal.rows, equal.seats));
                }
                content.push_equal_rows(equal);
                Ok(())
            }
            Self::Places(section, category, capacity) => {
                let run = StoredRun(capacity, StoredLabel(0, 0, 0), 0, category, 0, 0, 0);
                push_row(content, section, RowKind::Places, StoredLabel(0, 0, 0), vec![run])
            }
            Self::Row(section, label, runs) => push_row(content, section, RowKind::Seats, label, runs),
            Self::Table(section, label, runs) => push_row(content, section, RowKind::Table, label, runs),
        }
    }
}

fn push_row(
    content: &mut Content,
    section: SectionNo,
    kind: RowKind,
    label: StoredLabel,
    runs: Vec<StoredRun>,
) -> Result<(), String> {
    let (first, row) = (content.seats + 1, content.rows.len() as u32);
    let label = label.label(&content.texts)?;
    let first_run = content.runs.len() as u32;
    content.rows.push(Row { first, first_run, section, kind, label });
    for StoredRun(seats, label, step, category, attributes, rank, flags) in runs {
        check(content, section, category)?;
        if seats == 0 || seats > MAX_SEATS_PER_EVENT {
            return Err(format!("a run of {seats} seats"));
        }
        let (first, label) = (content.seats + 1, label.label(&content.texts)?);
        content.runs.push(Run { first, row, label, step, category, attributes, rank, flags });
        content.seats = content.seats.saturating_add(seats);
    }
    if content.seats < first { Err("a row without seats".to_owned()) } else { Ok(()) }
}

fn check(content: &Content, section: SectionNo, category: u16) -> Result<(), String> {
    let has_section = usize::from(section) < content.sections.len();
    let has_category = usize::from(category) < content.categories.len();
    if has_section && has_category { Ok(()) } else { Err(format!("section {section}, category {category}")) }
}

impl StoredLabel {
    fn of(label: Label) -> Self {
        Self(label.kind.code(), label.text, label.number)
    }

    fn label(self, texts: &[Box<str>]) -> Result<Label, String> {
        let kind = LabelKind::from_code(self.0).ok_or_else(|| format!("a label of kind {}", self.0))?;
        if self.1 as usize >= texts.len() {
            return Err(format!("text {} of {}", self.1, texts.len()));
        }
        Ok(Label { kind, text: self.1, number: self.2 })
    }
}
