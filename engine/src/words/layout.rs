//! The seats of an event. A layout is kept as sections of equal rows: the label, section, row and price of
//! a seat follow from its number, so a stadium costs a few bytes until its seats are held.

use serde::{Deserialize, Serialize};

use crate::words::id::{MAX_SEATS_PER_EVENT, SeatNo};

/// The highest price of a seat, in minor units: enough in any currency, and in JSON the price of all seats of
/// the largest reservation over HTTP (1,000) is still a whole number to JavaScript.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000_000;

// Not even the price of all seats of an event can overflow.
const _: () = assert!(MAX_PRICE_MINOR.checked_mul(MAX_SEATS_PER_EVENT as i64).is_some());

/// A block of equal rows with one price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The section's name; `None` in an event that was made from a number of seats alone.
    pub name: Option<String>,
    /// How many rows.
    pub rows: u32,
    /// How many seats in each row. The last row of an unnamed section can be shorter.
    pub seats_per_row: u32,
    /// How many seats in all.
    pub seats: u32,
    /// The price of each seat, in minor units of the event's currency.
    pub price_minor: i64,
}

/// The seats of one event, numbered from 1 through all its sections. Written once, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout {
    sections: Vec<Section>,
}

/// One seat, as its layout describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPlace<'a> {
    /// The section, `None` where it has no name.
    pub section: Option<&'a str>,
    /// The row: A to Z, then AA.
    pub row: String,
    /// The number within the row, from 1.
    pub number: u32,
    /// In minor units of the event's currency.
    pub price_minor: i64,
}

impl SeatPlace<'_> {
    /// `Arena-A-1`, or `A-1` in an unnamed section.
    pub fn label(&self) -> String {
        match self.section {
            Some(section) => format!("{section}-{}-{}", self.row, self.number),
            None => format!("{}-{}", self.row, self.number),
        }
    }
}

/// The seats in a row of an event that was made from a number of seats alone.
const SEATS_PER_ROW: u32 = 10;

impl Layout {
    /// A layout of named sections: (name, rows, seats per row, price in minor units).
    pub fn of_sections(sections: impl IntoIterator<Item = (String, u32, u32, i64)>) -> Self {
        let sections = sections.into_iter().map(|(name, rows, seats_per_row, price_minor)| Section {
            name: Some(name),
            rows,
            seats_per_row,
            seats: rows.saturating_mul(seats_per_row),
            price_minor,
        });
        Self { sections: sections.collect() }
    }

    /// A layout of one unnamed section with rows of ten.
    pub fn of_seats(seats: u32, price_minor: i64) -> Self {
        let rows = seats.div_ceil(SEATS_PER_ROW);
        Self {
            sections: vec![Section { name: None, rows, seats_per_row: SEATS_PER_ROW, seats, price_minor }],
        }
    }

    /// A layout as a store kept it.
    pub fn from_sections(sections: Vec<Section>) -> Self {
        Self { sections }
    }

    /// The sections, in the order of their seats' numbers.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// How many seats there are.
    pub fn seats(&self) -> u32 {
        self.sections.iter().fold(0, |sum, section| sum.saturating_add(section.seats))
    }

    /// Whether there is a seat of this number.
    pub fn contains(&self, seat_no: SeatNo) -> bool {
        seat_no >= 1 && seat_no <= self.seats()
    }

    /// The price of a seat in minor units; `None` if there is no such seat.
    pub fn price_minor(&self, seat_no: SeatNo) -> Option<i64> {
        self.locate(seat_no).map(|(section, _)| section.price_minor)
    }

    /// The price of some seats together, in minor units. Panics if it overflows, which no layout allows whose
    /// prices are at most [`MAX_PRICE_MINOR`].
    pub(crate) fn total_minor(&self, seats: &[SeatNo]) -> i64 {
        let prices = seats.iter().filter_map(|&seat_no| self.price_minor(seat_no));
        prices.fold(0, |sum, price: i64| sum.checked_add(price).expect("the sum of the prices overflows"))
    }

    /// Where a seat is; `None` if there is no such seat.
    pub fn place(&self, seat_no: SeatNo) -> Option<SeatPlace<'_>> {
        let (section, index) = self.locate(seat_no)?;
        Some(SeatPlace {
            section: section.name.as_deref(),
            row: row_letters(index / section.seats_per_row),
            number: index % section.seats_per_row + 1,
            price_minor: section.price_minor,
        })
    }

    fn locate(&self, seat_no: SeatNo) -> Option<(&Section, u32)> {
        let mut index = seat_no.checked_sub(1)?;
        for section in &self.sections {
            if index < section.seats {
                return Some((section, index));
            }
            index -= section.seats;
        }
        None
    }
}

/// A, B, … Z, AA, AB, … for 0, 1, ….
fn row_letters(row: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = row + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + (rest % 26) as u8);
        rest /= 26;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lettered_like_columns_of_a_sheet() {
        for (row, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(row_letters(row), letters);
        }
    }

    #[test]
    fn seats_are_numbered_through_the_sections() {
        let layout = Layout::of_sections([("Arena".into(), 2, 3, 900), ("Stand".into(), 1, 2, 500)]);
        let labels: Vec<_> = (1..=8).map(|no| layout.place(no).map(|place| place.label())).collect();
        let expected = [
            "Arena-A-1",
            "Arena-A-2",
            "Arena-A-3",
            "Arena-B-1",
            "Arena-B-2",
            "Arena-B-3",
            "Stand-A-1",
            "Stand-A-2",
        ];
        assert_eq!(labels, expected.map(|label| Some(label.to_owned())));
        assert_eq!((layout.place(0), layout.place(9)), (None, None));
        assert_eq!((layout.price_minor(6), layout.price_minor(7)), (Some(900), Some(500)));
    }

    #[test]
    fn a_number_of_seats_gives_rows_of_ten_and_a_shorter_last_one() {
        let layout = Layout::of_seats(25, 100);
        assert_eq!(layout.place(25).map(|place| place.label()), Some("C-5".to_owned()));
        assert!(!layout.contains(26));
    }
}
