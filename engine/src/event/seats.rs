//! Who holds which seat of one event, and what everybody sees of it.

use std::ops::Range;

use crate::words::{Allocation, ReservationNo, SeatCounts, SeatNo, SeatStatus};

/// So many seats have their holders in one piece of memory, which there is none of before one of them is
/// held.
const PAGE_SEATS: usize = 512;

/// The seats of one event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seats {
    /// By seat number, from seat 1, in pages.
    holders: Vec<Option<Box<[Option<ReservationNo>; PAGE_SEATS]>>>,
    /// As a seat map shows them, so that a map is a copy.
    statuses: Vec<SeatStatus>,
    /// The channel of each seat that is set aside; `None` where there never was one.
    channels: Option<Channels>,
    counts: SeatCounts,
}

/// On open sale from the beginning.
const OPEN: u8 = 0;
/// On open sale since its channel's time was over.
const RELEASED: u8 = u8::MAX;

/// The channel of each seat.
#[derive(Debug, Clone, PartialEq)]
struct Channels {
    names: Vec<String>,
    /// By seat number, from seat 1: the number of the channel, from 1; or [`OPEN`], or [`RELEASED`].
    of_seat: Box<[u8]>,
}

impl Seats {
    /// So many free seats.
    pub(super) fn new(seats: u32) -> Self {
        let mut new =
            Self { holders: Vec::new(), statuses: Vec::new(), channels: None, counts: SeatCounts::default() };
        new.grow(seats);
        new
    }

    /// Adds free seats until there are so many.
    pub(super) fn grow(&mut self, seats: u32) {
        self.statuses.resize(seats as usize, SeatStatus::Available);
        self.holders.resize((seats as usize).div_ceil(PAGE_SEATS), None);
        if let Some(channels) = &mut self.channels {
            let mut of_seat = std::mem::take(&mut channels.of_seat).into_vec();
            of_seat.resize(seats as usize, 0);
            channels.of_seat = of_seat.into();
        }
    }

    pub(super) fn counts(&self) -> SeatCounts {
        self.counts
    }

    /// The statuses of these seats.
    pub(super) fn statuses_of(&self, seats: Range<SeatNo>) -> &[SeatStatus] {
        &self.statuses[seats.start as usize - 1..seats.end as usize - 1]
    }

    /// Whether a seat was set aside for a channel, and is on open sale since.
    pub(super) fn is_released(&self, seat_no: SeatNo) -> bool {
        self.channels.as_ref().is_some_and(|channels| channels.of_seat[seat_no as usize - 1] == RELEASED)
    }

    pub(super) fn statuses(&self) -> &[SeatStatus] {
        &self.statuses
    }

    pub(super) fn holder(&self, seat_no: SeatNo) -> Option<ReservationNo> {
        let index = seat_no.checked_sub(1)? as usize;
        self.holders.get(index / PAGE_SEATS)?.as_ref()?[index % PAGE_SEATS]
    }

    pub(super) fn status(&self, seat_no: SeatNo) -> Option<SeatStatus> {
        self.statuses.get(seat_no.checked_sub(1)? as usize).copied()
    }

    /// The channel that a seat is set aside for.
    pub(super) fn channel(&self, seat_no: SeatNo) -> Option<&str> {
        let channels = self.channels.as_ref()?;
        let number = *channels.of_seat.get(seat_no.checked_sub(1)? as usize)?;
        channels.names.get(usize::from(number.checked_sub(1)?)).map(String::as_str)
    }

    /// Gives a seat to somebody, `status` with it, and says whose it was.
    pub(super) fn take(
        &mut self,
        seat_no: SeatNo,
        holder: ReservationNo,
        status: SeatStatus,
    ) -> Option<ReservationNo> {
        let index = seat_no as usize - 1;
        let page = self.holders[index / PAGE_SEATS].get_or_insert_with(|| Box::new([None; PAGE_SEATS]));
        let before = page[index % PAGE_SEATS].replace(holder);
        self.set_status(index, status);
        before
    }

    /// Takes a seat from whoever has it, and says whose it was.
    pub(super) fn leave(&mut self, seat_no: SeatNo) -> Option<ReservationNo> {
        let index = seat_no as usize - 1;
        let before =
            self.holders[index / PAGE_SEATS].as_mut().and_then(|page| page[index % PAGE_SEATS].take());
        self.set_status(index, self.status_if_free(index));
        before
    }

    /// Sets seats aside for channels: these, and no others.
    pub(super) fn allocate(&mut self, allocations: &[Allocation]) {
        self.channels = (!allocations.is_empty()).then(|| Channels::of(allocations, self.statuses.len()));
        for index in 0..self.statuses.len() {
            if matches!(self.statuses[index], SeatStatus::Available | SeatStatus::NotForSale) {
                self.set_status(index, self.status_if_free(index));
            }
        }
    }

    fn status_if_free(&self, index: usize) -> SeatStatus {
        let is_set_aside = self
            .channels
            .as_ref()
            .is_some_and(|channels| !matches!(channels.of_seat[index], OPEN | RELEASED));
        if is_set_aside { SeatStatus::NotForSale } else { SeatStatus::Available }
    }

    fn set_status(&mut self, index: usize, status: SeatStatus) {
        let before = std::mem::replace(&mut self.statuses[index], status);
        if let Some(count) = self.count_of(before) {
            *count -= 1;
        }
        if let Some(count) = self.count_of(status) {
            *count += 1;
        }
    }

    fn count_of(&mut self, status: SeatStatus) -> Option<&mut u32> {
        match status {
            SeatStatus::Available => None,
            SeatStatus::Reserved => Some(&mut self.counts.reserved),
            SeatStatus::Confirmed => Some(&mut self.counts.confirmed),
            SeatStatus::NotForSale => Some(&mut self.counts.not_for_sale),
        }
    }
}

impl Channels {
    fn of(allocations: &[Allocation], seats: usize) -> Self {
        let mut channels = Self { names: Vec::new(), of_seat: vec![0; seats].into() };
        for allocation in allocations {
            let number = if allocation.released { RELEASED } else { channels.number(&allocation.channel) };
            for range in allocation.ranges() {
                channels.of_seat[*range.start() as usize - 1..*range.end() as usize].fill(number);
            }
        }
        channels
    }

    /// From 1. The rules allow no more channels than there are numbers.
    fn number(&mut self, name: &str) -> u8 {
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u8::try_from(index + 1).expect("the number of channels was checked")
    }
}
