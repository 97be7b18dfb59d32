//! The best available seats: which ones a group gets.
//!
//! One block without a single seat left over; else one block; else, if they may be apart, the fewest pieces
//! near each other. Of blocks: by rank, then sections and rows as listed; within a row nearest to its middle,
//! or from one side.

use std::ops::Range;
use std::sync::Arc;

use super::Event;
use super::finder::{Finder, Fit};
use super::pieces::{Filter, Piece, SPECIAL};
use crate::words::{AttributeSet, Best, Rejection, SeatNo, WantedBest};

const WHEELCHAIR: AttributeSet = 1;
/// So many rows all finders of an event have together at most.
const MOST_FINDER_ROWS: usize = 400_000;
/// So many finders an event has at most.
const MOST_FINDERS: usize = 16;
/// Over so many pieces seats that may be apart are spread at most, unless they lie still further apart.
const MOST_SPREAD: usize = 256;

impl Event {
    /// The seats that a reserve of the best available ones on open sale would get now.
    pub fn find_best(&mut self, wanted: &WantedBest) -> Result<Vec<SeatNo>, Rejection> {
        self.best_available(wanted, None, &[])
    }

    /// The best seats that there are for this wish. Those of `chosen` are somebody's already.
    pub(super) fn best_available(
        &mut self,
        wanted: &WantedBest,
        channel: Option<&str>,
        chosen: &[SeatNo],
    ) -> Result<Vec<SeatNo>, Rejection> {
        let quantity = wanted.ticket_types.len() as u32;
        let filter = |last_rank, special| Filter {
            categories: wanted.categories.as_slice().into(),
            sections: wanted.sections.as_slice().into(),
            last_rank,
            special,
            channel: channel.map(Into::into),
        };
        if !chosen.is_empty() || !wanted.attributes.is_empty() {
            let special = wanted.attributes.iter().any(|(attribute, _)| attribute & SPECIAL != 0);
            return self.best_by_search(wanted, &filter(u8::MAX, special), chosen);
        }
        let layout = Arc::clone(&self.info.seating.layout);
        let ranks = layout.ranks();
        let last_rank = ranks.last().copied().unwrap_or_default();
        let is_left = !self.finder(filter(last_rank, false)).is_empty();
        // Wheelchair and companion seats only if nothing else is left.
        let special = !is_left;
        for fit in [Fit::Well, Fit::AtAll] {
            for &rank in ranks {
                if let Some(seats) = self.first_fit(filter(rank, special), quantity, fit) {
                    return Ok(seats.collect());
                }
            }
        }
        if !wanted.split {
            return Err(Rejection::NoBlockFree);
        }
        let filter = filter(last_rank, special);
        let rows = 0..self.info.seating.layout.row_count();
        let pieces = rows.flat_map(|row| self.pieces(row, &filter)).filter(|piece| !piece.together);
        spread(&pieces.collect::<Vec<_>>(), quantity).ok_or(Rejection::NoBlockFree)
    }

    fn first_fit(&mut self, filter: Filter, quantity: u32, fit: Fit) -> Option<Range<SeatNo>> {
        let mut from = 0;
        loop {
            let finder = self.finder(filter.clone());
            let row = finder.next_row(quantity, fit, from)?;
            let found = self.best_of_row(row, &filter, quantity, fit);
            if found.is_some() {
                return found;
            }
            from = row + 1;
        }
    }

    /// The best seats of one row.
    fn best_of_row(&self, row: usize, filter: &Filter, quantity: u32, fit: Fit) -> Option<Range<SeatNo>> {
        let layout = &self.info.seating.layout;
        let range = layout.row_range(row);
        let best = layout.sections()[usize::from(layout.row_section(row))].best;
        let ideal = match best {
            Best::Left => range.start,
            Best::Right => range.end.saturating_sub(quantity),
            // The group's middle on the row's.
            Best::Center => (range.start + range.end).saturating_sub(quantity) / 2,
        };
        let distance = |first: SeatNo| match best {
            Best::Left => i64::from(first),
            Best::Right => -i64::from(first),
            Best::Center => {
                (2 * i64::from(first) + i64::from(quantity) - i64::from(range.start + range.end)).abs()
            }
        };
        let mut found: Option<(i64, SeatNo)> = None;
        self.each_piece(row, filter, |piece| {
            let fits = if piece.together { piece.len() == quantity } else { piece.len() >= quantity };
            if !fits {
                return;
            }
            // At most two places to begin leave a single seat, so the best of the others is one of the next
            // five.
            let last = piece.seats.end - quantity;
            let near = ideal.clamp(piece.seats.start, last);
            for first in near.saturating_sub(2).max(piece.seats.start)..=(near + 2).min(last) {
                if fit == Fit::AtAll || piece.leaves_no_single(first, quantity) {
                    let begin = (distance(first), first);
                    found = Some(found.map_or(begin, |least| least.min(begin)));
                }
            }
        });
        found.map(|(_, first)| first..first + quantity)
    }

    /// The finder for a filter, up to date. The last ones that were used are kept.
    fn finder(&mut self, filter: Filter) -> &Finder {
        let mut finders = std::mem::take(&mut self.derived.finders);
        let known = finders.iter().position(|finder| finder.filter == filter);
        let mut finder = match known.map(|index| finders.remove(index)) {
            Some(finder) if !finder.is_worn() => finder,
            _ => Finder::new(self, filter),
        };
        finder.refresh(self);
        let rows = self.info.seating.layout.row_count().max(1);
        finders.truncate((MOST_FINDER_ROWS / rows).clamp(1, MOST_FINDERS) - 1);
        finders.insert(0, finder);
        self.derived.finders = finders;
        &self.derived.finders[0]
    }

    /// For wishes that are rare: looks at every row that can have them.
    fn best_by_search(
        &self,
        wanted: &WantedBest,
        filter: &Filter,
        chosen: &[SeatNo],
    ) -> Result<Vec<SeatNo>, Rejection> {
        let quantity = wanted.ticket_types.len() as u32;
        let layout = &self.info.seating.layout;
        let first_rank = layout.ranks().first().copied().unwrap_or_default();
        let mut best: Option<(Order, SeatNo)> = None;
        let mut all = Vec::new();
        for row in (0..layout.row_count()).filter(|&row| self.can_have(row, &wanted.attributes)) {
            let pieces = self.pieces(row, filter).into_iter().flat_map(|piece| without(piece, chosen));
            for piece in pieces {
                best = best.into_iter().chain(self.orders(row, &piece, quantity, wanted)).min();
                all.push(piece);
            }
            // What comes behind is no better.
            if best.is_some_and(|(order, _)| !order.leaves_single && order.rank == first_rank) {
                break;
            }
        }
        if let Some((_, first)) = best {
            return Ok((first..first + quantity).collect());
        }
        all.retain(|piece| !piece.together);
        let may_be_apart = wanted.split && wanted.attributes.is_empty();
        let apart = may_be_apart.then(|| spread(&all, quantity)).flatten();
        apart.ok_or(Rejection::NoBlockFree)
    }

    /// Whether a row has a seat with each of these attributes, free or not.
    fn can_have(&self, row: usize, wanted: &[(AttributeSet, u32)]) -> bool {
        let layout = &self.info.seating.layout;
        let has = wanted.is_empty() || {
            let all = layout.stretches(row).fold(0, |all, stretch| all | stretch.attributes);
            wanted.iter().all(|(attribute, _)| all & attribute != 0)
        };
        has && !layout.is_places(row)
    }

    /// Each place in a piece where a group could begin, in its order.
    fn orders(
        &self,
        row: usize,
        piece: &Piece,
        quantity: u32,
        wanted: &WantedBest,
    ) -> impl Iterator<Item = (Order, SeatNo)> {
        let layout = &self.info.seating.layout;
        let middle = i64::from(layout.row_range(row).start + layout.row_range(row).end);
        let fits = if piece.together { piece.len() == quantity } else { piece.len() >= quantity };
        let begins = if fits { piece.seats.start..piece.seats.end - quantity + 1 } else { 0..0 };
        begins.filter_map(move |first| {
            let seats = first..first + quantity;
            let misfits = self.misfits(seats.clone(), &wanted.attributes)?;
            let order = Order {
                leaves_single: !piece.leaves_no_single(first, quantity),
                rank: seats.map(|seat_no| layout.rank(seat_no)).max().unwrap_or_default(),
                row,
                misfits,
                off_middle: (2 * i64::from(first) + i64::from(quantity) - middle).unsigned_abs(),
            };
            Some((order, first))
        })
    }

    /// How many of these seats suit the wish badly: wheelchair seats beyond it, and where it asks for such,
    /// seats that are no companion's. `None` if they have not all that it asks for.
    fn misfits(&self, seats: Range<SeatNo>, wanted: &[(AttributeSet, u32)]) -> Option<u32> {
        let layout = &self.info.seating.layout;
        let sets: Vec<_> = seats.map(|seat_no| layout.attributes_of(seat_no)).collect();
        let having = |bits: AttributeSet| sets.iter().filter(|&&set| set & bits != 0).count() as u32;
        if wanted.iter().any(|&(attribute, count)| having(attribute) < count) {
            return None;
        }
        let wheelchairs: u32 = wanted.iter().filter(|(bit, _)| *bit == WHEELCHAIR).map(|(_, n)| n).sum();
        let others = if wheelchairs > 0 { sets.len() as u32 - having(SPECIAL) } else { 0 };
        Some(having(WHEELCHAIR).saturating_sub(wheelchairs) + others)
    }
}

/// What makes one place in a row better than another, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    leaves_single: bool,
    rank: u8,
    row: usize,
    misfits: u32,
    off_middle: u64,
}

/// What is left of a piece when some of its seats are taken.
fn without(piece: Piece, taken: &[SeatNo]) -> Vec<Piece> {
    let mut inside: Vec<_> = taken.iter().copied().filter(|seat_no| piece.room.contains(seat_no)).collect();
    if inside.is_empty() {
        return vec![piece];
    }
    if piece.together {
        return Vec::new();
    }
    inside.sort_unstable();
    let begins = std::iter::once(piece.room.start).chain(inside.iter().map(|seat_no| seat_no + 1));
    let ends = inside.iter().copied().chain([piece.room.end]);
    let rooms = begins.zip(ends).map(|(start, end)| start..end);
    let cut = rooms.map(|room| {
        let seats = piece.seats.start.max(room.start)..piece.seats.end.min(room.end);
        Piece { seats, room, together: false }
    });
    cut.filter(|piece| !piece.seats.is_empty()).collect()
}

/// So many seats out of the fewest pieces, and of such the ones that lie nearest to each other.
fn spread(pieces: &[Piece], quantity: u32) -> Option<Vec<SeatNo>> {
    let mut longest: Vec<_> = pieces.iter().collect();
    longest.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let mut sum = 0;
    let fewest = 1 + longest.iter().position(|piece| {
        sum += piece.len();
        sum >= quantity
    })?;
    let near = (fewest..=pieces.len().min(MOST_SPREAD)).find_map(|width| {
        pieces.windows(width).find_map(|window| enough(window.iter().collect(), fewest, quantity))
    });
    let parts = near.or_else(|| enough(longest, fewest, quantity))?;
    Some(take_from(parts, quantity))
}

/// The longest pieces, if so few have enough seats.
fn enough(mut pieces: Vec<&Piece>, most: usize, quantity: u32) -> Option<Vec<&Piece>> {
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces.truncate(most);
    (pieces.iter().map(|piece| piece.len()).sum::<u32>() >= quantity).then_some(pieces)
}

/// All seats of the first pieces, and what is missing from the last.
fn take_from(pieces: Vec<&Piece>, quantity: u32) -> Vec<SeatNo> {
    let mut seats = Vec::with_capacity(quantity as usize);
    for piece in pieces {
        let missing = quantity - seats.len() as u32;
        let wanted = missing.min(piece.len());
        let last = piece.seats.end - wanted;
        let well = [piece.seats.start, last].into_iter().find(|&at| piece.leaves_no_single(at, wanted));
        let first = well.unwrap_or(piece.seats.start);
        seats.extend(first..first + wanted);
    }
    seats.sort_unstable();
    seats
}
