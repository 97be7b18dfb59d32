//! Seats of a layout that are named by section, rows and seats.

use std::collections::HashSet;

use engine::{Layout, SeatNo};

use crate::compile::expand;
use crate::fault::Fault;
use crate::labels::Labels;

/// The numbers of the seats, in order: all of the section's where neither rows nor seats are named. What names no
/// seat is a fault.
pub fn seats_of(
    layout: &Layout,
    section: &str,
    rows: Option<&Labels>,
    seats: Option<&Labels>,
) -> Result<Vec<SeatNo>, Fault> {
    let sections = layout.sections_named(section);
    if sections.is_empty() {
        return Err(Fault::new("section", format!("there is no section {section:?}")));
    }
    let seats = seats.map(|seats| expand(seats, "seats")).transpose()?;
    let seats: Option<HashSet<_>> = seats.map(|seats| seats.into_iter().map(|seat| seat.label).collect());
    let mut ranges = Vec::new();
    match rows {
        None => ranges.extend(sections.iter().flat_map(|&section| layout.ranges_of_section(section))),
        Some(rows) => {
            for row in expand(rows, "rows")? {
                let before = ranges.len();
                ranges.extend(layout.seats_of_row(section, &row.label));
                if ranges.len() == before {
                    let message = format!("section {section:?} has no row {:?}", row.label);
                    return Err(Fault::new("rows", message));
                }
            }
        }
    }
    let is_wanted = |seat_no: &SeatNo| {
        seats.as_ref().is_none_or(|seats| {
            let number = layout.place(*seat_no).and_then(|place| place.number);
            number.is_some_and(|number| seats.contains(&number))
        })
    };
    let mut numbers: Vec<_> = ranges.into_iter().flatten().filter(is_wanted).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() { Err(Fault::new("seats", "there are no such seats")) } else { Ok(numbers) }
}
