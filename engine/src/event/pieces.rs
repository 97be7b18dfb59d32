//! What is free in a row, as the best available seats are chosen from it.

use std::ops::Range;

use super::Event;
use crate::words::{AttributeSet, CategoryNo, SeatNo, SeatStatus, SectionNo, Stretch};

/// Wheelchair and companion seats, which others get only when nothing else is left.
pub(super) const SPECIAL: AttributeSet = 0b11;

/// Which seats come into question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    /// Empty: all.
    pub(super) categories: Box<[CategoryNo]>,
    /// Empty: all.
    pub(super) sections: Box<[SectionNo]>,
    /// Nothing of a rank behind this one.
    pub(super) last_rank: u8,
    /// Wheelchair and companion seats as well.
    pub(super) special: bool,
    /// The seats that are set aside for this channel as well.
    pub(super) channel: Option<Box<str>>,
}

/// Free neighbouring seats that come into question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// These.
    pub(super) seats: Range<SeatNo>,
    /// All free neighbours, these among them: up to the next seat that is taken, aisle or end of the row.
    pub(super) room: Range<SeatNo>,
    /// They sell together only.
    pub(super) together: bool,
}

impl Piece {
    /// How many seats.
    pub(super) fn len(&self) -> u32 {
        self.seats.end - self.seats.start
    }

    /// Whether it leaves no seat single if this many are taken from this one on.
    pub(super) fn leaves_no_single(&self, first: SeatNo, quantity: u32) -> bool {
        self.together || (first - self.room.start != 1 && self.room.end - (first + quantity) != 1)
    }
}

impl Filter {
    fn takes(&self, section: SectionNo, stretch: &Stretch) -> bool {
        let has = |list: &[u16], wanted| list.is_empty() || list.contains(&wanted);
        stretch.rank <= self.last_rank
            && has(&self.categories, stretch.category)
            && has(&self.sections, section)
    }
}

impl Event {
    /// The free pieces of a row, in order.
    pub(super) fn pieces(&self, row: usize, filter: &Filter) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.each_piece(row, filter, |piece| pieces.push(piece));
        pieces
    }

    /// Calls back with each free piece of a row, in order.
    pub(super) fn each_piece(&self, row: usize, filter: &Filter, found: impl FnMut(Piece)) {
        let layout = &self.info.seating.layout;
        if layout.is_places(row) {
            return;
        }
        let section = layout.row_section(row);
        let mut scan = Scan::new(found);
        for stretch in layout.stretches(row) {
            if stretch.aisle_before || stretch.together != scan.together {
                scan.end_block(stretch.seats.start);
                scan.together = stretch.together;
            }
            let takes = filter.takes(section, &stretch);
            let is_special = stretch.attributes & SPECIAL != 0 && !filter.special;
            let statuses = self.seats.statuses_of(stretch.seats.clone());
            if statuses.iter().all(|status| *status == SeatStatus::Available) && !is_special {
                scan.free(stretch.seats, takes);
                continue;
            }
            for (seat_no, status) in stretch.seats.zip(statuses) {
                let is_open = match status {
                    SeatStatus::Available => true,
                    SeatStatus::NotForSale => self.is_open(seat_no, filter.channel.as_deref()),
                    SeatStatus::Reserved | SeatStatus::Confirmed => false,
                };
                if is_open {
                    let is_given = !is_special || self.seats.is_released(seat_no);
                    scan.free(seat_no..seat_no + 1, takes && is_given);
                } else {
                    scan.taken(seat_no);
                }
            }
        }
        scan.end_block(layout.row_range(row).end);
    }

    /// Whether a seat is free, and on open sale or set aside for this channel.
    pub(super) fn is_open(&self, seat_no: SeatNo, channel: Option<&str>) -> bool {
        match self.seat_status(seat_no) {
            Some(SeatStatus::Available) => true,
            Some(SeatStatus::NotForSale) => channel.is_some() && self.seats.channel(seat_no) == channel,
            _ => false,
        }
    }
}

/// A row, read from left to right.
struct Scan<F> {
    found: F,
    /// Where the free seats begin that lie just before.
    room: Option<SeatNo>,
    /// The piece that may go on.
    piece: Option<Range<SeatNo>>,
    /// Earlier pieces of the same room, whose end is not known yet. There are few rooms with more than one.
    earlier: Vec<Range<SeatNo>>,
    together: bool,
    /// Whether one of the seats that sell together is missing.
    is_broken: bool,
}

impl<F: FnMut(Piece)> Scan<F> {
    fn new(found: F) -> Self {
        let (room, piece, earlier) = (None, None, Vec::new());
        Self { found, room, piece, earlier, together: false, is_broken: false }
    }

    fn free(&mut self, seats: Range<SeatNo>, is_given: bool) {
        self.room.get_or_insert(seats.start);
        match &mut self.piece {
            Some(piece) if is_given => piece.end = seats.end,
            None if is_given => self.piece = Some(seats),
            _ => {
                self.is_broken = true;
                self.earlier.extend(self.piece.take());
            }
        }
    }

    fn taken(&mut self, seat_no: SeatNo) {
        self.is_broken = true;
        // What lies behind it belongs to the same seats that sell together.
        if !self.together {
            self.end_room(seat_no);
        }
    }

    /// The seats before `end` are not beside the next ones.
    fn end_block(&mut self, end: SeatNo) {
        if self.together && self.is_broken {
            (self.room, self.piece) = (None, None);
            self.earlier.clear();
        }
        self.end_room(end);
        self.is_broken = false;
    }

    fn end_room(&mut self, end: SeatNo) {
        let Some(start) = self.room.take() else { return };
        for seats in self.earlier.drain(..).chain(self.piece.take()) {
            (self.found)(Piece { seats, room: start..end, together: self.together });
        }
    }
}
