//! What is special about some seats of a section.

use std::collections::HashSet;

use engine::{AttributeSet, CategoryNo, LayoutBuilder, SeatSpec};

use crate::compile::{attributes, check_name, expand};
use crate::fault::Fault;
use crate::labels::Labels;
use crate::spec::{SectionSpec, SellSpec};

/// So many marks a section can have: each seat is held against those of its row.
const MAX_MARKS: usize = 1_000;

/// The marks of a section, in their order.
pub(crate) struct Marks {
    marks: Vec<Mark>,
    /// Those of the row that was begun last.
    of_row: Vec<usize>,
}

struct Mark {
    place: String,
    rows: Option<HashSet<String>>,
    seats: Option<HashSet<String>>,
    category: Option<CategoryNo>,
    attributes: Option<AttributeSet>,
    together: Option<bool>,
    rank: Option<u8>,
    is_met: bool,
}

impl Marks {
    pub(crate) fn of(spec: &SectionSpec, place: &str, builder: &mut LayoutBuilder) -> Result<Self, Fault> {
        let specs = spec.marks.as_deref().unwrap_or_default();
        if specs.len() > MAX_MARKS {
            return Err(Fault::new(format!("{place}.marks"), format!("must be at most {MAX_MARKS}")));
        }
        let mut marks = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let place = format!("{place}.marks[{index}]");
            let category = spec.category.as_ref().map(|key| {
                let place = format!("{place}.category");
                check_name(key, &place)?;
                builder.category(key).map_err(|error| Fault::new(place, error))
            });
            let names = spec.attributes.as_ref();
            let bits = names.map(|names| attributes(names, builder, &format!("{place}.attributes")));
            marks.push(Mark {
                rows: set(spec.rows.as_ref(), &format!("{place}.rows"))?,
                seats: set(spec.seats.as_ref(), &format!("{place}.seats"))?,
                category: category.transpose()?,
                attributes: bits.transpose()?,
                together: spec.sell.map(|sell| sell == SellSpec::Together),
                rank: spec.rank,
                is_met: false,
                place,
            });
        }
        Ok(Self { marks, of_row: Vec::new() })
    }

    pub(crate) fn begin_row(&mut self, row: &str) {
        let is_of_row = |mark: &Mark| mark.rows.as_ref().is_none_or(|rows| rows.contains(row));
        self.of_row.clear();
        self.of_row.extend((0..self.marks.len()).filter(|&index| is_of_row(&self.marks[index])));
    }

    /// Marks a seat of the row that was begun last.
    pub(crate) fn apply(&mut self, seat: &mut SeatSpec<'_>) {
        for &index in &self.of_row {
            let mark = &mut self.marks[index];
            if mark.seats.as_ref().is_some_and(|seats| !seats.contains(seat.label)) {
                continue;
            }
            mark.is_met = true;
            seat.category = mark.category.unwrap_or(seat.category);
            seat.attributes = mark.attributes.unwrap_or(seat.attributes);
            seat.together = mark.together.unwrap_or(seat.together);
            seat.rank = mark.rank.unwrap_or(seat.rank);
        }
    }

    /// A mark of no seat is a mistake.
    pub(crate) fn check_all_met(&self) -> Result<(), Fault> {
        match self.marks.iter().find(|mark| !mark.is_met) {
            Some(mark) => Err(Fault::new(&mark.place, "the section has no such row or seat")),
            None => Ok(()),
        }
    }
}

fn set(labels: Option<&Labels>, place: &str) -> Result<Option<HashSet<String>>, Fault> {
    let Some(labels) = labels else { return Ok(None) };
    Ok(Some(expand(labels, place)?.into_iter().map(|label| label.label).collect()))
}
