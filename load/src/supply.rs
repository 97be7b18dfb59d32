//! Seats that nobody has asked for yet, so that every reservation can succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::{Api, ApiError, NewEvent};
use crate::http::Target;

/// Events with all their seats, handed out some seats at a time and each seat once: event by event, or from
/// all events in turn.
#[derive(Debug)]
pub(crate) struct Supply {
    events: Vec<Event>,
    seats_per_reservation: usize,
    reservations_per_event: usize,
    in_turn: bool,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Event {
    id: String,
    seats: Vec<String>,
}

impl Supply {
    /// Creates the events and reads their seat ids.
    pub(crate) async fn create(
        target: &Arc<Target>,
        events: u32,
        event: NewEvent,
        seats_per_reservation: u32,
    ) -> Result<Self, ApiError> {
        let mut api = Api::new(target);
        let mut made = Vec::new();
        for number in 1..=events {
            let id = api
                .create_event(&NewEvent { name: format!("{} {number}", event.name), ..event.clone() })
                .await?;
            let seats = api.seat_ids(&id).await?;
            made.push(Event { id, seats });
        }
        Ok(Self::new(made, event.seats, seats_per_reservation))
    }

    fn new(events: Vec<Event>, seats_per_event: u32, seats_per_reservation: u32) -> Self {
        let seats_per_reservation = seats_per_reservation.max(1) as usize;
        Self {
            events,
            seats_per_reservation,
            reservations_per_event: seats_per_event as usize / seats_per_reservation,
            in_turn: false,
            next: AtomicUsize::new(0),
        }
    }

    /// How many of a hundred reservations of each event are given out.
    pub(crate) fn limit(&mut self, percent: u32) {
        self.reservations_per_event = self.reservations_per_event * percent as usize / 100;
    }

    /// The same, but from all events in turn, so that they sell at the same time.
    pub(crate) fn in_turn(self) -> Self {
        Self { in_turn: true, ..self }
    }

    /// The next event and seats; `None` when all are given out.
    pub(crate) fn draw(&self) -> Option<(&str, &[String])> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (event, reservation) = if self.in_turn {
            let round = number.checked_div(self.events.len())?;
            (number % self.events.len(), (round < self.reservations_per_event).then_some(round)?)
        } else {
            (number.checked_div(self.reservations_per_event)?, number % self.reservations_per_event)
        };
        let event = self.events.get(event)?;
        let begin = reservation * self.seats_per_reservation;
        Some((&event.id, event.seats.get(begin..begin + self.seats_per_reservation)?))
    }

    pub(crate) fn is_used_up(&self) -> bool {
        !self.has(1)
    }

    /// Whether this many reservations can still be drawn.
    pub(crate) fn has(&self, reservations: u64) -> bool {
        let left = (self.events.len() * self.reservations_per_event)
            .saturating_sub(self.next.load(Ordering::Relaxed));
        left as u64 >= reservations
    }

    pub(crate) fn event_ids(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|event| event.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_seat_is_given_once_and_an_odd_one_stays() {
        let event =
            |id: &str| Event { id: id.to_owned(), seats: (0..5).map(|n| format!("{id}{n}")).collect() };
        let supply = || Supply::new(vec![event("a"), event("b")], 5, 2);
        let mut half = supply();
        half.limit(50);
        for (supply, order) in [(supply(), "aabb"), (supply().in_turn(), "abab"), (half.in_turn(), "ab")] {
            let mut seen = HashSet::new();
            let mut events = String::new();
            while let Some((event, seats)) = supply.draw() {
                events.push_str(event);
                assert_eq!(seats.len(), 2);
                for seat in seats {
                    assert!(seat.starts_with(event));
                    assert!(seen.insert(seat.clone()), "{seat} was given twice");
                }
            }
            assert_eq!(events, order);
            assert_eq!(seen.len(), 2 * order.len());
            assert!(supply.is_used_up());
        }
    }
}
