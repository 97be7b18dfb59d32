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
        let layout = &self.info.seating.layout;
        let mut scan = Scan::default();
        if layout.is_places(row) {
            return scan.pieces;
        }
        let section = layout.row_section(row);
        for stretch in layout.stretches(row) {
            if stretch.aisle_before || stretch.together != scan.together {
                scan.end_room(stretch.seats.start);
                scan.together = stretch.together;
            }
            let takes = filter.takes(section, &stretch);
            let is_special = stretch.attributes & SPECIAL != 0 && !filter.special;
            if self.seats.all_available(stretch.seats.clone()) && !is_special {
                scan.free(stretch.seats, takes);
                continue;
            }
            for seat_no in stretch.seats {
                if self.is_open(seat_no, filter.channel.as_deref()) {
                    let is_given = !is_special || self.seats.is_released(seat_no);
                    scan.free(seat_no..seat_no + 1, takes && is_given);
                } else {
                    scan.taken(seat_no);
                }
            }
        }
        scan.end_room(layout.row_range(row).end);
        scan.pieces
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
#[derive(Default)]
struct Scan {
    pieces: Vec<Piece>,
    /// Where the free seats begin that lie just before.
    room: Option<SeatNo>,
    /// The first piece of the room.
    first_piece: usize,
    /// The piece that may go on.
    piece: Option<Range<SeatNo>>,
    together: bool,
    /// Whether a seat of those that sell together is missing.
    broken: bool,
}

impl Scan {
    fn free(&mut self, seats: Range<SeatNo>, is_given: bool) {
        if self.room.is_none() {
            self.room = Some(seats.start);
            self.first_piece = self.pieces.len();
        }
        match &mut self.piece {
            Some(piece) if is_given => piece.end = seats.end,
            None if is_given => self.piece = Some(seats),
            _ => {
                self.broken = true;
                self.end_piece();
            }
        }
    }

    fn taken(&mut self, seat_no: SeatNo) {
        self.broken = true;
        if self.together {
            // What lies behind it belongs to the same seats that sell together.
            self.room = None;
            self.piece = None;
            self.pieces.truncate(self.first_piece);
        } else {
            self.close(seat_no);
        }
    }

    /// The seats before `end` are not beside the next ones.
    fn end_room(&mut self, end: SeatNo) {
        if self.together && self.broken {
            self.room = None;
            self.piece = None;
            self.pieces.truncate(self.first_piece);
        } else {
            self.close(end);
        }
        self.broken = false;
        self.first_piece = self.pieces.len();
    }

    fn close(&mut self, end: SeatNo) {
        self.end_piece();
        let Some(start) = self.room.take() else { return };
        for piece in &mut self.pieces[self.first_piece..] {
            piece.room = start..end;
        }
        self.first_piece = self.pieces.len();
    }

    fn end_piece(&mut self) {
        if let Some(seats) = self.piece.take() {
            self.pieces.push(Piece { room: seats.clone(), seats, together: self.together });
        }
    }
}
