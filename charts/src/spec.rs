//! A venue as its JSON says it.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::labels::Labels;

/// A part of the house. Exactly one of: `rows` with `seats_per_row`; `seating`; `capacity`; `tables`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSection)]
pub struct SectionSpec {
    /// 1 to 255 characters. A name may come twice, if the rows differ.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// Equal rows: how many, lettered from A.
    #[schema(minimum = 1, maximum = 200_000)]
    pub rows: Option<i64>,
    /// Equal rows: how many seats in each, numbered from 1.
    #[schema(minimum = 1, maximum = 200_000)]
    pub seats_per_row: Option<i64>,
    /// Of each seat and place, in minor units, whatever the ticket type. In its place a `category` has prices.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: Option<i64>,
    /// The key of a category, for what does not say its own.
    pub category: Option<String>,
    /// Where one goes in.
    #[schema(max_length = 255)]
    pub entrance: Option<String>,
    /// Which seats of a row are the best ones: `center`, `left` or `right`.
    pub best: Option<BestSpec>,
    /// Rows of seats, as the house calls them.
    pub seating: Option<Vec<SeatingSpec>>,
    /// What is special about some of the seats; later ones win.
    pub marks: Option<Vec<MarkSpec>>,
    /// Counted places without numbers.
    #[schema(minimum = 1, maximum = 200_000)]
    pub capacity: Option<i64>,
    /// Tables with seats around them.
    pub tables: Option<Vec<TablesSpec>>,
}

/// Which seats of a row are the best ones.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Best)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BestSpec {
    Center,
    Left,
    Right,
}

/// Rows that have the same seats.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Seating)]
pub struct SeatingSpec {
    /// In the order of the house, such as `A-H,J-M`.
    pub rows: Labels,
    /// From left to right, such as `1-12|14-25`.
    pub seats: Labels,
    /// The key of a category; the section's where absent.
    pub category: Option<String>,
    /// The operator's own key of each seat, row by row.
    pub keys: Option<Vec<String>>,
}

/// What is special about some seats of a section.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Mark)]
pub struct MarkSpec {
    /// In these rows (or tables); in all where absent.
    pub rows: Option<Labels>,
    /// These seats; all where absent.
    pub seats: Option<Labels>,
    /// Another category.
    pub category: Option<String>,
    /// `wheelchair`, `companion`, `restricted_view`, and up to 13 of the operator's own in all.
    pub attributes: Option<Vec<String>>,
    /// `together`: the seats of a block sell only together.
    pub sell: Option<SellSpec>,
    /// For the best available seats; smaller is better. 0 where nothing is said.
    #[schema(maximum = 255)]
    pub rank: Option<u8>,
}

/// How seats sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Sell)]
pub enum SellSpec {
    /// Only together with their block.
    Together,
    /// Each by itself.
    Single,
}

/// Tables that have the same seats.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tables)]
pub struct TablesSpec {
    /// Such as `1-12`.
    pub tables: Labels,
    /// Of each table.
    pub seats: Labels,
    /// `together`: a table sells only as a whole.
    pub sell: Option<SellSpec>,
    /// The key of a category; the section's where absent.
    pub category: Option<String>,
}

/// A price level.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCategory)]
pub struct CategorySpec {
    /// As seats name it.
    #[schema(min_length = 1, max_length = 255)]
    pub key: String,
    /// As customers read it; the key where absent.
    #[schema(max_length = 255)]
    pub name: Option<String>,
    /// By the key of the ticket type, in minor units. As what is not named, its seats are not sold.
    pub prices: Option<BTreeMap<String, i64>>,
    /// In the place of `prices`: one for all ticket types.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: Option<i64>,
}

/// Adult, child, ….
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTicketType)]
pub struct TicketTypeSpec {
    /// As requests name it.
    #[schema(min_length = 1, max_length = 255)]
    pub key: String,
    /// As customers read it; the key where absent.
    #[schema(max_length = 255)]
    pub name: Option<String>,
}
