//! What seats cost: by category of the seat and ticket type of the one who sits there.

use serde::{Deserialize, Serialize};

use crate::words::id::MAX_SEATS_PER_EVENT;
use crate::words::layout::{CategoryNo, Layout, STANDARD};

/// The highest price of a seat, in minor units: enough in any currency, and in JSON the price of all seats of
/// the largest reservation over HTTP (1,000) is still a whole number to JavaScript.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000_000;

// Not even the price of all seats of an event can overflow.
const _: () = assert!(MAX_PRICE_MINOR.checked_mul(MAX_SEATS_PER_EVENT as i64).is_some());

/// How many ticket types an event can have.
pub const MAX_TICKET_TYPES: usize = 100;

/// Which of the event's ticket types, from 0.
pub type TicketTypeNo = u8;

/// Adult, child, ….
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketType {
    /// What requests call it.
    pub key: String,
    /// What customers read.
    pub name: String,
}

/// A price level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// What requests call it.
    pub key: String,
    /// What customers read.
    pub name: String,
    /// By ticket type, in minor units of the event's currency; `None`: not sold as that.
    pub prices_minor: Vec<Option<i64>>,
}

/// The prices of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// At least one. A seat whose ticket type is not said is of the first.
    pub ticket_types: Vec<TicketType>,
    /// One for each category of the layout, in its order.
    pub categories: Vec<Category>,
}

impl Prices {
    /// One price for each category of a layout, whatever the ticket type.
    pub fn by_category(layout: &Layout, prices_minor: impl IntoIterator<Item = i64>) -> Self {
        let category = |(key, price): (&String, i64)| Category {
            key: key.clone(),
            name: key.clone(),
            prices_minor: vec![Some(price)],
        };
        Self {
            ticket_types: vec![TicketType { key: STANDARD.to_owned(), name: STANDARD.to_owned() }],
            categories: layout.categories().iter().zip(prices_minor).map(category).collect(),
        }
    }

    /// What a seat of this category costs as this ticket type; `None` if it is not sold as that.
    pub fn price_minor(&self, category: CategoryNo, ticket_type: TicketTypeNo) -> Option<i64> {
        *self.categories.get(usize::from(category))?.prices_minor.get(usize::from(ticket_type))?
    }

    /// The number of a ticket type by its key.
    pub fn ticket_type(&self, key: &str) -> Option<TicketTypeNo> {
        let index = self.ticket_types.iter().position(|known| known.key == key)?;
        TicketTypeNo::try_from(index).ok()
    }

    /// Whether these are the same as `earlier`, but for categories behind its own.
    pub(crate) fn begin_with(&self, earlier: &Self) -> bool {
        self.ticket_types == earlier.ticket_types && self.categories.starts_with(&earlier.categories)
    }

    /// Whether there are prices for this layout, and each is in its range.
    pub(crate) fn fit(&self, layout: &Layout) -> bool {
        let keys = self.categories.iter().map(|category| &category.key);
        let in_range = |price: &i64| (0..=MAX_PRICE_MINOR).contains(price);
        (1..=MAX_TICKET_TYPES).contains(&self.ticket_types.len())
            && keys.eq(layout.categories())
            && self.categories.iter().all(|category| {
                category.prices_minor.len() == self.ticket_types.len()
                    && category.prices_minor.iter().flatten().all(in_range)
            })
    }
}
