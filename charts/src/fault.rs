//! What is wrong with a chart, and where.

use std::fmt;

/// One fault of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Such as `sections[0].seating[3].seats`, or `line 7`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(place: impl Into<String>, message: impl ToString) -> Self {
        Self { place: place.into(), message: message.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}
