//! The batch under construction: changes in, their net effect on the tables out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Closed, Event};
use crate::mutation::{Mutation, mutated};
use crate::words::{Batch, BatchId, Change, Reservation, ReservationId, SeatNo, Timestamp};

/// Collects the changes of one batch. A reservation or seat that changes more than once in it is written
/// once, as it is in the end.
#[derive(Debug, Default)]
pub struct OpenBatch {
    changes: Vec<Change>,
    rows: Vec<Row>,
    row_of: HashMap<ReservationId, usize>,
    seats: HashMap<SeatNo, Holders>,
}

#[derive(Debug)]
struct Row {
    reservation: Arc<Reservation>,
    created: bool,
}

#[derive(Debug)]
struct Holders {
    before: Option<ReservationId>,
    after: Option<ReservationId>,
}

impl OpenBatch {
    /// Adds a change, with the reservation as it is after it (`None` for changes of the event itself).
    pub fn push(&mut self, change: Change, reservation: Option<Arc<Reservation>>) {
        if let Some(reservation) = reservation {
            self.note_seats(&change, &reservation);
            self.note_row(matches!(change, Change::Reserved { .. }), reservation);
        }
        self.changes.push(change);
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Closes the batch: it becomes the next one of the event's journal.
    pub fn close(self, event: &mut Event, epoch: u64, batch_id: BatchId, decided_at: Timestamp) -> Batch {
        let info_changed = self.changes.iter().any(Change::is_of_info);
        let (created, updated): (Vec<_>, Vec<_>) = self.rows.into_iter().partition(|row| row.created);
        let (released, claimed) = net_claims(self.seats);
        let ended = created.iter().chain(&updated).map(|row| &row.reservation);
        let ended_keys =
            ended.filter(|row| !row.status.is_live()).filter_map(|row| row.ended_key()).collect();
        let next_expires_at = event.next_expires_at();
        let Closed { seq, ordered_at, due_at } = event.close_batch(decided_at);
        Batch {
            event_id: event.info().id,
            batch_id,
            seq,
            epoch,
            decided_at,
            ordered_at,
            changes: self.changes,
            created: created.into_iter().map(|row| row.reservation).collect(),
            updated: updated.into_iter().map(|row| row.reservation).collect(),
            released,
            claimed,
            counts: event.counts(),
            ended_keys,
            next_expires_at,
            due_at,
            info: info_changed.then(|| Arc::clone(event.info())),
            deleted: event.is_deleted(),
        }
    }

    fn note_row(&mut self, created: bool, reservation: Arc<Reservation>) {
        match self.row_of.get(&reservation.id) {
            Some(&index) => self.rows[index].reservation = reservation,
            None => {
                self.row_of.insert(reservation.id, self.rows.len());
                self.rows.push(Row { reservation, created });
            }
        }
    }

    fn note_seats(&mut self, change: &Change, reservation: &Reservation) {
        let (before, after) = match change {
            Change::Expired { .. } if mutated(Mutation::ClaimNotReleased) => return,
            Change::Reserved { .. } => (None, Some(reservation.id)),
            Change::Cancelled { .. } | Change::Expired { .. } => (Some(reservation.id), None),
            _ => return,
        };
        for &seat_no in &reservation.seats {
            self.seats.entry(seat_no).or_insert(Holders { before, after }).after = after;
        }
    }
}

/// The claims that end and those that begin, each in the order of their seats.
fn net_claims(seats: HashMap<SeatNo, Holders>) -> (Vec<SeatNo>, Vec<(SeatNo, ReservationId)>) {
    let mut released = Vec::new();
    let mut claimed = Vec::with_capacity(seats.len());
    for (seat_no, holders) in seats {
        if holders.before == holders.after {
            continue;
        }
        if holders.before.is_some() {
            released.push(seat_no);
        }
        claimed.extend(holders.after.map(|id| (seat_no, id)));
    }
    released.sort_unstable();
    claimed.sort_unstable();
    (released, claimed)
}
