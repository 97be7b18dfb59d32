//! The layout of an event on the wire: what does not change while it sells.

use charts::range_text::{Labelled, print};
use engine::{Layout, SeatNo};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The seats and places of an event, in the order of their numbers. It grows only when sections are added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Layout)]
pub struct LayoutBody {
    /// The same for the same layout.
    layout_id: Uuid,
    total_seats: u32,
    sections: Vec<LayoutSectionBody>,
    /// The keys of the categories.
    categories: Vec<String>,
    parts: Vec<PartBody>,
}

/// A section.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LayoutSection)]
pub struct LayoutSectionBody {
    /// `null` where it has none.
    name: Option<String>,
    /// Where one goes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    entrance: Option<String>,
}

/// Seats or places that follow each other.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = LayoutPart)]
pub enum PartBody {
    /// Equal rows, lettered from A, each with seats from 1.
    EqualRows {
        /// Which of the sections, from 0.
        section: u16,
        /// The number of the first seat in the event.
        first: SeatNo,
        /// How many.
        rows: u32,
        /// The last row can be shorter.
        seats_per_row: u32,
        /// How many in all.
        seats: u32,
        /// Which of the categories, from 0.
        category: u16,
    },
    /// A row.
    Row(RowBody),
    /// A table.
    Table(RowBody),
    /// Counted places.
    Places {
        /// Which of the sections, from 0.
        section: u16,
        /// The number of the first place in the event.
        first: SeatNo,
        /// How many.
        capacity: u32,
        /// Which of the categories, from 0.
        category: u16,
    },
}

/// A row or a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowBody {
    /// Which of the sections, from 0.
    section: u16,
    /// As the house calls it.
    row: String,
    /// The number of the first seat in the event; the others follow.
    first: SeatNo,
    stretches: Vec<StretchBody>,
}

/// Neighbouring seats of a row that are alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct StretchBody {
    /// The labels of the seats: the text of ranges, or a list where one cannot stand in a text.
    seats: LabelsBody,
    /// Which of the categories, from 0.
    category: u16,
    /// What is special about them; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    attributes: Vec<String>,
    /// `true` where an aisle lies before the first; else absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    aisle_before: bool,
    /// `true` where they sell only together; else absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    sold_together: bool,
}

/// `1-12`, or a list of labels.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LabelsBody {
    /// A text of ranges.
    Text(String),
    /// One by one.
    List(Vec<String>),
}

impl From<&Layout> for LayoutBody {
    fn from(layout: &Layout) -> Self {
        let sections = layout.sections().iter().map(|section| LayoutSectionBody {
            name: section.name.clone(),
            entrance: section.entrance.clone(),
        });
        Self {
            layout_id: layout.id().0,
            total_seats: layout.seats(),
            sections: sections.collect(),
            categories: layout.categories().to_vec(),
            parts: parts(layout),
        }
    }
}

fn parts(layout: &Layout) -> Vec<PartBody> {
    let (mut parts, mut row) = (Vec::new(), 0);
    let mut equal_rows = layout.equal_rows().iter().peekable();
    while row < layout.row_count() {
        let first = layout.row_range(row).start;
        if let Some((_, equal)) = equal_rows.next_if(|(begin, _)| *begin == first) {
            parts.push(PartBody::EqualRows {
                section: equal.section,
                first,
                rows: equal.rows,
                seats_per_row: equal.seats_per_row,
                seats: equal.seats,
                category: equal.category,
            });
            row += equal.rows as usize;
        } else {
            parts.push(part(layout, row));
            row += 1;
        }
    }
    parts
}

fn part(layout: &Layout, row: usize) -> PartBody {
    let (range, section) = (layout.row_range(row), layout.row_section(row));
    let first = range.start;
    let place = layout.place(first);
    if layout.is_places(row) {
        let category = layout.category(first).unwrap_or_default();
        return PartBody::Places { section, first, capacity: range.end - first, category };
    }
    let stretches = layout.stretches(row).map(|stretch| {
        let labels = stretch.seats.clone().filter_map(|no| layout.place(no)?.number);
        let labels: Vec<_> = labels.map(|label| Labelled { label, aisle_before: false }).collect();
        StretchBody {
            seats: match print(&labels) {
                Some(text) => LabelsBody::Text(text),
                None => LabelsBody::List(labels.into_iter().map(|label| label.label).collect()),
            },
            category: stretch.category,
            attributes: layout.attribute_names(stretch.attributes).map(str::to_owned).collect(),
            aisle_before: stretch.aisle_before,
            sold_together: stretch.together,
        }
    });
    let is_table = place.as_ref().is_some_and(|place| place.is_table);
    let label = place.and_then(|place| place.row).unwrap_or_default();
    let body = RowBody { section, row: label, first, stretches: stretches.collect() };
    if is_table { PartBody::Table(body) } else { PartBody::Row(body) }
}
