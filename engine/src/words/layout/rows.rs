//! A layout row by row, block by block: what neighbours are, and what each section consists of.

use std::collections::BTreeSet;
use std::ops::Range;

use super::content::{AISLE_BEFORE, EqualRows, RowKind, Run, TOGETHER};
use super::{AttributeSet, CategoryNo, Layout, SectionNo};
use crate::words::id::SeatNo;

/// Neighbouring seats that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of SeatPlace")]
pub struct Stretch {
    pub seats: Range<SeatNo>,
    pub aisle_before: bool,
    pub category: CategoryNo,
    pub attributes: AttributeSet,
    pub rank: u8,
    pub together: bool,
}

/// What a section consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SectionSize {
    /// How many rows.
    pub rows: u32,
    /// How many tables.
    pub tables: u32,
    /// How many seats in the rows and at the tables.
    pub seats: u32,
    /// How many counted places.
    pub places: u32,
    /// The categories that it has.
    pub categories: BTreeSet<CategoryNo>,
    /// Its rows as they were given, if they are equal.
    pub equal_rows: Option<EqualRows>,
}

impl Layout {
    /// How many rows there are; counted places of a section are one.
    pub fn row_count(&self) -> usize {
        self.content.rows.len()
    }

    /// Which row a seat is in, from 0; seats of one row follow each other.
    pub fn row_of(&self, seat_no: SeatNo) -> Option<usize> {
        self.run_of(seat_no).map(|run| self.content.runs[run].row as usize)
    }

    /// The numbers of the seats of row `index`.
    pub fn row_range(&self, index: usize) -> Range<SeatNo> {
        self.content.row_range(index)
    }

    /// The section of row `index`.
    pub fn row_section(&self, index: usize) -> SectionNo {
        self.content.rows[index].section
    }

    /// Whether row `index` is not a row, but counted places.
    pub fn is_places(&self, index: usize) -> bool {
        self.content.rows[index].kind == RowKind::Places
    }

    /// The stretches of row `index` whose seats are alike: no aisle within, one category, attributes, rank.
    pub fn stretches(&self, index: usize) -> impl Iterator<Item = Stretch> {
        self.content.row_runs(index).map(move |at| {
            let run = &self.content.runs[at];
            let end = self.content.runs.get(at + 1).map_or(self.content.seats + 1, |next| next.first);
            Stretch {
                seats: run.first..end,
                aisle_before: run.flags & AISLE_BEFORE != 0,
                category: run.category,
                attributes: run.attributes,
                rank: run.rank,
                together: run.flags & TOGETHER != 0,
            }
        })
    }

    /// The block of a seat: the seats beside one another between two aisles, or an aisle and a row's end.
    pub fn block_of(&self, seat_no: SeatNo) -> Option<Range<SeatNo>> {
        self.neighbours(seat_no, |_| true)
    }

    /// The seats that sell together with this one; `None` if it sells alone, too.
    pub fn sold_together_with(&self, seat_no: SeatNo) -> Option<Range<SeatNo>> {
        let is_together = |run: &Run| run.flags & TOGETHER != 0;
        is_together(&self.content.runs[self.run_of(seat_no)?])
            .then(|| self.neighbours(seat_no, is_together))?
    }

    /// Whether anything sells together only.
    pub fn has_together(&self) -> bool {
        self.has_together
    }

    /// How many seats the largest block has that sells together only.
    pub(crate) fn largest_together(&self) -> u32 {
        let runs = self.content.runs.iter().filter(|run| run.flags & TOGETHER != 0);
        let blocks = runs.filter_map(|run| self.sold_together_with(run.first));
        blocks.map(|block| block.end - block.start).max().unwrap_or(0)
    }

    /// Whether this is `earlier` with something behind it.
    pub(crate) fn begins_with(&self, earlier: &Self) -> bool {
        self.content.begins_with(&earlier.content)
    }

    /// The seats around this one within its block whose runs are such.
    fn neighbours(&self, seat_no: SeatNo, is_such: impl Fn(&Run) -> bool) -> Option<Range<SeatNo>> {
        let mut first = self.run_of(seat_no)?;
        let row = self.content.runs[first].row;
        let belongs = |run: &Run| run.row == row && is_such(run);
        let mut last = first;
        while self.content.runs[first].flags & AISLE_BEFORE == 0
            && first > 0
            && belongs(&self.content.runs[first - 1])
        {
            first -= 1;
        }
        while self
            .content
            .runs
            .get(last + 1)
            .is_some_and(|next| belongs(next) && next.flags & AISLE_BEFORE == 0)
        {
            last += 1;
        }
        let end = self.content.runs.get(last + 1).map_or(self.content.seats + 1, |next| next.first);
        Some(self.content.runs[first].first..end)
    }

    /// What each section consists of, in their order.
    pub fn section_sizes(&self) -> Vec<SectionSize> {
        let mut sizes = vec![SectionSize::default(); self.content.sections.len()];
        for (index, row) in self.content.rows.iter().enumerate() {
            let (size, range) = (&mut sizes[usize::from(row.section)], self.row_range(index));
            let seats = range.end - range.start;
            match row.kind {
                RowKind::Places => size.places += seats,
                RowKind::Seats => (size.rows, size.seats) = (size.rows + 1, size.seats + seats),
                RowKind::Table => (size.tables, size.seats) = (size.tables + 1, size.seats + seats),
            }
            size.categories.extend(self.content.runs_in(range).iter().map(|run| run.category));
        }
        for (_, equal) in &self.content.equal_rows {
            sizes[usize::from(equal.section)].equal_rows = Some(*equal);
        }
        sizes
    }
}
