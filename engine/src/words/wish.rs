//! What a reserve asks for.

use serde::Serialize;

use crate::words::id::SeatNo;
use crate::words::layout::{AttributeSet, CategoryNo, SectionNo};
use crate::words::prices::TicketTypeNo;

/// Seats by number, counted places, the best available seats: together or alone, all or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// These seats, without repeats.
    pub seats: Vec<SeatNo>,
    /// As what each of `seats` is bought; empty: all as the event's first ticket type.
    pub ticket_types: Vec<TicketTypeNo>,
    /// Any places of these sections.
    pub places: Vec<WantedPlaces>,
    /// The best seats that there are.
    pub best: Option<Box<WantedBest>>,
    /// The channel whose seats may be among them; `None`: what is on open sale.
    pub channel: Option<String>,
}

/// Some counted places of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WantedPlaces {
    /// Of which section.
    pub section: SectionNo,
    /// How many.
    pub quantity: u32,
    /// As what they are bought.
    pub ticket_type: TicketTypeNo,
}

/// The best available seats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WantedBest {
    /// As what each seat is bought: as many as are wanted.
    pub ticket_types: Vec<TicketTypeNo>,
    /// Of these categories only; empty: of any.
    pub categories: Vec<CategoryNo>,
    /// Of these sections only; empty: of any.
    pub sections: Vec<SectionNo>,
    /// How many of the seats must have an attribute (one bit each).
    pub attributes: Vec<(AttributeSet, u32)>,
    /// Whether they may be apart, where no block has room for all.
    pub split: bool,
}

impl Wish {
    /// These seats, all as the event's first ticket type.
    pub fn seats(seats: Vec<SeatNo>) -> Self {
        Self { seats, ..Self::default() }
    }

    /// Whether it is of seats by number alone, as the first ticket type and on open sale.
    pub fn is_plain(&self) -> bool {
        let Self { seats: _, ticket_types, places, best, channel } = self;
        ticket_types.is_empty() && places.is_empty() && best.is_none() && channel.is_none()
    }

    /// How many seats and places it is of.
    pub fn quantity(&self) -> usize {
        let places: usize = self.places.iter().map(|places| places.quantity as usize).sum();
        self.seats.len() + places + self.best.as_ref().map_or(0, |best| best.ticket_types.len())
    }
}
