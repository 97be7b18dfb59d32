//! What helps to find free seats. It follows from the rest of an event and is made when it is first needed,
//! so two events are equal whatever each has of it.

use super::Event;
use super::finder::Finder;
use super::free_places::FreePlaces;
use crate::words::{SeatNo, SeatStatus, SectionNo};

/// Made when first needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Derived {
    /// The last used first.
    pub(super) finders: Vec<Finder>,
    /// The free seats and places that are on open sale, by index.
    free_places: Option<FreePlaces>,
}

impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Event {
    /// Takes note that somebody took or left a seat.
    pub(super) fn note_seat(&mut self, seat_no: SeatNo) {
        if let Some(free) = &mut self.derived.free_places {
            let index = seat_no as usize - 1;
            match self.seats.status(seat_no) {
                Some(SeatStatus::Available) => free.insert(index),
                _ => free.remove(index),
            }
        }
        if !self.derived.finders.is_empty()
            && let Some(row) = self.info.seating.layout.row_of(seat_no)
        {
            self.derived.finders.iter_mut().for_each(|finder| finder.note(row));
        }
    }

    /// What a channel has of its own comes before what everybody can have.
    fn places_of_channel(
        &self,
        section: SectionNo,
        quantity: u32,
        channel: Option<&str>,
        chosen: &[SeatNo],
    ) -> Vec<SeatNo> {
        if channel.is_none() {
            return Vec::new();
        }
        let is_own = |seat_no: &SeatNo| {
            self.seat_status(*seat_no) == Some(SeatStatus::NotForSale)
                && self.seats.channel(*seat_no) == channel
                && !chosen.contains(seat_no)
        };
        let places = self.info.seating.layout.places_of_section(section).flatten();
        places.filter(is_own).take(quantity as usize).collect()
    }

    /// The free places of a section with the lowest numbers, at most `quantity`, and without those `chosen`.
    pub(super) fn free_places(
        &mut self,
        section: SectionNo,
        quantity: u32,
        channel: Option<&str>,
        chosen: &[SeatNo],
    ) -> Vec<SeatNo> {
        let free = self.derived.free_places.take().unwrap_or_else(|| {
            let is_free = |status: &SeatStatus| *status == SeatStatus::Available;
            FreePlaces::new(self.seats.statuses().iter().map(is_free))
        });
        let mut found = self.places_of_channel(section, quantity, channel, chosen);
        for places in self.info.seating.layout.places_of_section(section) {
            let (mut index, end) = (places.start as usize - 1, places.end as usize - 1);
            while found.len() < quantity as usize {
                let Some(next) = free.next(index).filter(|&next| next < end) else { break };
                let seat_no = next as SeatNo + 1;
                found.extend((!chosen.contains(&seat_no)).then_some(seat_no));
                index = next + 1;
            }
        }
        self.derived.free_places = Some(free);
        found
    }
}
