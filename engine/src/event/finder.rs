//! Finds the first row that has room for so many neighbours, without a look at the rows before it.

use super::Event;
use super::pieces::{Filter, Piece};

/// Sizes of groups for which there is room: bit `n` for `n` seats beside one another, the last bit for that
/// many and more.
type Sizes = u64;
const LAST_BIT: u32 = Sizes::BITS - 1;

/// For which groups there is room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Room {
    /// With no seat left single.
    well: Sizes,
    /// In any way.
    at_all: Sizes,
}

/// How a group must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// So that no seat is left single.
    Well,
    /// In any way.
    AtAll,
}

/// For one filter: the room in each row, and above the rows, as a binary tree, what any of the rows below
/// has.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    pub(super) filter: Filter,
    /// The root is 1, the children of `n` are `2n` and `2n + 1`, the rows are the last half.
    tree: Vec<Room>,
    /// Rows that have changed since they were looked at.
    stale: Vec<u32>,
}

impl Finder {
    /// Looks at every row.
    pub(super) fn new(event: &Event, filter: Filter) -> Self {
        let rows = event.info.seating.layout.row_count();
        let leaves = rows.next_power_of_two();
        let mut tree = vec![Room::default(); 2 * leaves];
        for row in 0..rows {
            tree[leaves + row] = Room::of(event, row, &filter);
        }
        for node in (1..leaves).rev() {
            tree[node] = tree[2 * node].or(tree[2 * node + 1]);
        }
        Self { filter, tree, stale: Vec::new() }
    }

    /// Takes note that seats of a row have changed.
    pub(super) fn note(&mut self, row: usize) {
        if self.stale.last() != Some(&(row as u32)) {
            self.stale.push(row as u32);
        }
    }

    /// Whether more rows were noted than there are, so that it is better made anew.
    pub(super) fn is_worn(&self) -> bool {
        self.stale.len() > self.tree.len()
    }

    /// Looks at the rows again that have changed.
    pub(super) fn refresh(&mut self, event: &Event) {
        let leaves = self.tree.len() / 2;
        let mut stale = std::mem::take(&mut self.stale);
        stale.sort_unstable();
        stale.dedup();
        for row in stale.drain(..) {
            let mut node = leaves + row as usize;
            self.tree[node] = Room::of(event, row as usize, &self.filter);
            while node > 1 {
                node /= 2;
                let room = self.tree[2 * node].or(self.tree[2 * node + 1]);
                if std::mem::replace(&mut self.tree[node], room) == room {
                    break;
                }
            }
        }
        self.stale = stale;
    }

    /// Whether not one seat is free.
    pub(super) fn is_empty(&self) -> bool {
        self.tree[1].at_all == 0
    }

    /// The first row at `from` or behind it that may have room.
    pub(super) fn next_row(&self, quantity: u32, fit: Fit, from: usize) -> Option<usize> {
        let size = bit(quantity);
        let fits = |node: usize| match fit {
            Fit::Well => self.tree[node].well & size != 0,
            Fit::AtAll => self.tree[node].at_all & size != 0,
        };
        let leaves = self.tree.len() / 2;
        let mut node = leaves + from;
        if from >= leaves {
            return None;
        }
        // Up while nothing at or behind this place fits, then down to the first that does.
        while !fits(node) {
            while node % 2 == 1 {
                node /= 2;
                if node <= 1 {
                    return None;
                }
            }
            node += 1;
        }
        while node < leaves {
            node = if fits(2 * node) { 2 * node } else { 2 * node + 1 };
        }
        Some(node - leaves)
    }
}

impl Room {
    fn of(event: &Event, row: usize, filter: &Filter) -> Self {
        let mut room = Self::default();
        event.each_piece(row, filter, |piece| room = room.or(Self::of_piece(&piece)));
        room
    }

    fn of_piece(piece: &Piece) -> Self {
        let len = piece.len();
        if piece.together {
            return Self { well: bit(len), at_all: bit(len) };
        }
        let at_all = up_to(len);
        // At most two places to begin leave a single seat, so a group that has three has a good one.
        let begins_well = |first, quantity| piece.leaves_no_single(first, quantity);
        let mut well = up_to(len.saturating_sub(2));
        if len >= 2 && (0..2).any(|by| begins_well(piece.seats.start + by, len - 1)) {
            well |= bit(len - 1);
        }
        if begins_well(piece.seats.start, len) {
            well |= bit(len);
        }
        Self { well, at_all }
    }

    fn or(self, other: Self) -> Self {
        Self { well: self.well | other.well, at_all: self.at_all | other.at_all }
    }
}

fn bit(quantity: u32) -> Sizes {
    1 << quantity.min(LAST_BIT)
}

/// The bits 1 to `quantity`.
fn up_to(quantity: u32) -> Sizes {
    if quantity >= LAST_BIT { Sizes::MAX & !1 } else { (1 << (quantity + 1)) - 2 }
}
