//! What a layout consists of, without what follows from it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::label::{Label, LabelKind, NO_TEXT};
use super::{AttributeSet, CategoryNo, SeatKeys, Section, SectionNo};
use crate::words::id::SeatNo;

/// Neighbouring seats of one row, or places of one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: SeatNo,
    pub(super) row: u32,
    /// Of the first seat.
    pub(super) label: Label,
    pub(super) step: i32,
    pub(super) category: CategoryNo,
    pub(super) attributes: AttributeSet,
    pub(super) rank: u8,
    pub(super) flags: u8,
}

const _: () = assert!(size_of::<Run>() <= 40);

/// An aisle lies before the first seat.
pub(super) const AISLE_BEFORE: u8 = 1;
/// The seats sell together only.
pub(super) const TOGETHER: u8 = 2;

/// A row of seats, or counted places of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) first: SeatNo,
    /// The index of its first run.
    pub(super) first_run: u32,
    pub(super) section: SectionNo,
    pub(super) kind: RowKind,
    pub(super) label: Label,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    Seats,
    Table,
    Places,
}

/// Equal rows, as they were given: lettered, each with seats from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EqualRows {
    /// Of which section.
    pub section: SectionNo,
    /// The category of each seat.
    pub category: CategoryNo,
    /// How many rows.
    pub rows: u32,
    /// How many seats in each; the last row can be shorter.
    pub seats_per_row: u32,
    /// How many seats in all.
    pub seats: u32,
}

/// Rows and runs in the order of their seats' numbers, and the tables that they refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) sections: Vec<Section>,
    pub(super) categories: Vec<String>,
    pub(super) attributes: Vec<String>,
    pub(super) texts: Vec<Box<str>>,
    pub(super) rows: Vec<Row>,
    pub(super) runs: Vec<Run>,
    /// With the number of the first seat of each.
    pub(super) equal_rows: Vec<(SeatNo, EqualRows)>,
    pub(super) keys: SeatKeys,
    pub(super) seats: u32,
}

impl Content {
    /// Adds rows lettered from A, with seats from 1.
    pub(super) fn push_equal_rows(&mut self, equal: EqualRows) {
        self.equal_rows.push((self.seats + 1, equal));
        let mut left = equal.seats;
        for number in 0..equal.rows {
            let (first, row) = (self.seats + 1, self.rows.len() as u32);
            let label = Label { kind: LabelKind::Letters, text: NO_TEXT, number };
            self.rows.push(Row {
                first,
                first_run: self.runs.len() as u32,
                section: equal.section,
                kind: RowKind::Seats,
                label,
            });
            self.runs.push(Run {
                first,
                row,
                label: Label { kind: LabelKind::Digits, text: NO_TEXT, number: 1 },
                step: 1,
                category: equal.category,
                attributes: 0,
                rank: 0,
                flags: 0,
            });
            self.seats = self.seats.saturating_add(left.min(equal.seats_per_row));
            left = left.saturating_sub(equal.seats_per_row);
        }
    }

    /// Whether this is `earlier` with something behind it.
    pub(super) fn begins_with(&self, earlier: &Self) -> bool {
        self.sections.starts_with(&earlier.sections)
            && self.categories.starts_with(&earlier.categories)
            && self.attributes.starts_with(&earlier.attributes)
            && self.texts.starts_with(&earlier.texts)
            && self.rows.starts_with(&earlier.rows)
            && self.runs.starts_with(&earlier.runs)
            && self.equal_rows.starts_with(&earlier.equal_rows)
            && self.keys == earlier.keys
            // What was the last row has not become longer.
            && self.rows.get(earlier.rows.len()).map_or(self.seats + 1, |next| next.first) == earlier.seats + 1
    }

    /// The numbers of the seats of a row.
    pub(super) fn row_range(&self, index: usize) -> Range<SeatNo> {
        let end = self.rows.get(index + 1).map_or(self.seats + 1, |next| next.first);
        self.rows[index].first..end
    }

    /// The indices of the runs of a row.
    pub(super) fn row_runs(&self, index: usize) -> Range<usize> {
        let end = self.rows.get(index + 1).map_or(self.runs.len(), |next| next.first_run as usize);
        self.rows[index].first_run as usize..end
    }

    /// The first run that begins at this seat or behind it.
    pub(super) fn first_run_from(&self, seat_no: SeatNo) -> usize {
        self.runs.partition_point(|run| run.first < seat_no)
    }

    /// The runs that begin within these numbers.
    pub(super) fn runs_in(&self, range: Range<SeatNo>) -> &[Run] {
        &self.runs[self.first_run_from(range.start)..self.first_run_from(range.end)]
    }
}

impl Run {
    pub(super) fn label_of(&self, seat_no: SeatNo) -> Label {
        match self.label.kind {
            LabelKind::Text => self.label,
            _ => self.label.plus(i64::from(seat_no - self.first) * i64::from(self.step)),
        }
    }
}
