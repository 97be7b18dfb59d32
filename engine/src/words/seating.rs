//! What an event has to sell: its seats and places, and their prices.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::words::id::SeatNo;
use crate::words::invalid::Invalid;
use crate::words::layout::Layout;
use crate::words::prices::{Prices, TicketTypeNo};

/// The seats and places of an event with their prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seating {
    /// Shared with the other events of the same layout.
    pub layout: Arc<Layout>,
    /// What they cost.
    pub prices: Arc<Prices>,
}

impl Seating {
    /// Named sections of equal rows: (name, rows, seats per row, price in minor units).
    pub fn of_sections(sections: impl IntoIterator<Item = (String, u32, u32, i64)>) -> Self {
        let (sizes, prices): (Vec<_>, Vec<_>) = sections
            .into_iter()
            .map(|(name, rows, seats_per_row, price)| ((name, rows, seats_per_row), price))
            .unzip();
        Self::with_prices(Layout::of_sections(sizes), prices)
    }

    /// One unnamed section with rows of ten, at one price in minor units.
    pub fn of_seats(seats: u32, price_minor: i64) -> Self {
        Self::with_prices(Layout::of_seats(seats), [price_minor])
    }

    fn with_prices(layout: Layout, prices_minor: impl IntoIterator<Item = i64>) -> Self {
        let prices = Prices::by_category(&layout, prices_minor);
        Self { layout: layout.shared(), prices: Arc::new(prices) }
    }

    /// Whether the prices are those of the layout, and what sells together fits into one reservation.
    pub(crate) fn check(&self, max_seats_per_reservation: u32) -> Result<(), Invalid> {
        if !self.prices.fit(&self.layout) {
            return Err(Invalid::Price);
        }
        match self.layout.largest_together() {
            given if given > max_seats_per_reservation => {
                Err(Invalid::TogetherBeyondMost { given, most: max_seats_per_reservation })
            }
            _ => Ok(()),
        }
    }

    /// How many seats and places there are.
    pub fn seats(&self) -> u32 {
        self.layout.seats()
    }

    /// What a seat costs as this ticket type, in minor units; `None` if there is no such seat, or it is not
    /// sold as that.
    pub fn price_minor(&self, seat_no: SeatNo, ticket_type: TicketTypeNo) -> Option<i64> {
        self.prices.price_minor(self.layout.category(seat_no)?, ticket_type)
    }

    /// The price of some seats together, in minor units, each as its ticket type, or all as the first one
    /// where there are no ticket types. `None` if one of them has no price. Panics if it overflows, which no
    /// prices allow that are at most [`MAX_PRICE_MINOR`](crate::MAX_PRICE_MINOR).
    pub fn total_minor(&self, seats: &[SeatNo], ticket_types: &[TicketTypeNo]) -> Option<i64> {
        let types = ticket_types.iter().copied().chain(std::iter::repeat(0));
        seats.iter().zip(types).try_fold(0_i64, |sum, (&seat_no, ticket_type)| {
            let price_minor = self.price_minor(seat_no, ticket_type)?;
            Some(sum.checked_add(price_minor).expect("the sum of the prices overflows"))
        })
    }
}
