//! The rules of what an event has to sell: seats that are set aside, and sections that are added.

use std::collections::HashSet;

use super::Event;
use super::rules::Applied;
use crate::words::{
    Allocation, Change, Invalid, LayoutId, MAX_ALLOCATIONS, MAX_CHANNELS, MAX_SEATS_PER_EVENT, Outcome,
    Rejection, SeatNo, Seating, Timestamp,
};

impl Event {
    pub(super) fn allocate(
        &mut self,
        allocations: &[Allocation],
        if_version: Option<u64>,
        instead_of: Option<&[Allocation]>,
        now: Timestamp,
    ) -> Result<Applied, Rejection> {
        let is_other = instead_of.is_some_and(|expected| expected != self.info.allocations);
        if is_other || if_version.is_some_and(|version| version != self.version) {
            return Err(Rejection::EventChanged);
        }
        check_allocations(allocations, self.info.seating.seats())?;
        if allocations == self.info.allocations {
            return Ok((Outcome::Amended, None));
        }
        let change = Change::Allocated { allocations: allocations.to_vec() };
        self.play(&change, now);
        Ok((Outcome::Amended, Some(change)))
    }

    pub(super) fn add_sections(
        &mut self,
        to: LayoutId,
        seating: &Seating,
        now: Timestamp,
    ) -> Result<Applied, Rejection> {
        if self.info.seating == *seating {
            return Ok((Outcome::Amended, None));
        }
        if self.info.seating.layout.id() != to {
            return Err(Rejection::EventChanged);
        }
        self.check_added(seating)?;
        let change = Change::SectionsAdded { seating: seating.clone() };
        self.play(&change, now);
        Ok((Outcome::Amended, Some(change)))
    }

    pub(super) fn check_added(&self, seating: &Seating) -> Result<(), Invalid> {
        let (before, after) = (&self.info.seating, seating);
        if after.seats() > MAX_SEATS_PER_EVENT {
            return Err(Invalid::SeatsOfEvent { given: after.seats() });
        }
        // Replayed from what it led to, an event has already what is added.
        if before.layout.begins_with(&after.layout) {
            return Ok(());
        }
        let keeps = after.layout.begins_with(&before.layout) && after.prices.begin_with(&before.prices);
        if !keeps {
            return Err(Invalid::NotAdded);
        }
        seating.check(self.info.details.max_seats_per_reservation)
    }

    /// Puts on open sale what is set aside until now.
    pub(super) fn release_due(&mut self, due_by: Timestamp, now: Timestamp) -> Option<Change> {
        if self.next_release_at()? > due_by {
            return None;
        }
        let mut allocations = self.info.allocations.clone();
        for allocation in &mut allocations {
            allocation.released |= allocation.release_at.is_some_and(|release_at| release_at <= due_by);
        }
        let change = Change::Allocated { allocations };
        self.play(&change, now);
        Some(change)
    }

    /// When the next allocation is released.
    pub(super) fn next_release_at(&self) -> Option<Timestamp> {
        let waiting = self.info.allocations.iter().filter(|allocation| !allocation.released);
        waiting.filter_map(|allocation| allocation.release_at).min()
    }
}

/// Whether allocations obey their rules in an event of so many seats.
pub(crate) fn check_allocations(allocations: &[Allocation], seats: SeatNo) -> Result<(), Invalid> {
    let channels: HashSet<_> = allocations.iter().map(|allocation| &allocation.channel).collect();
    let is_in_order = |allocation: &Allocation| {
        let mut last_before = 0;
        allocation.seats.iter().all(|&(first, last)| {
            let fits = last_before < first && first <= last && last <= seats;
            last_before = last;
            fits
        })
    };
    let fits = allocations.len() <= MAX_ALLOCATIONS
        && channels.len() <= MAX_CHANNELS
        && allocations.iter().all(is_in_order);
    if fits { Ok(()) } else { Err(Invalid::Allocation) }
}
