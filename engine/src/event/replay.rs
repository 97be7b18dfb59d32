//! Replay: the state that a journal leads to, with a check that each of its changes was possible.

use std::sync::Arc;

use super::Event;
use super::house::check_allocations;
use super::live::LiveReservation;
use crate::words::{
    Change, JournalRow, Reservation, ReservationId, ReservationStatus, SeatNo, TicketTypeNo, Timestamp,
};

/// A journal that no correct owner can have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReplayError {
    #[error("batch {found} follows batch {after}: the journal has a gap")]
    Gap { after: u64, found: u64 },
    #[error("batch {seq}: reservation {id} takes seat {seat_no}, which the event does not have")]
    NoSuchSeat { seq: u64, id: ReservationId, seat_no: SeatNo },
    #[error("batch {seq}: reservation {id} takes seat {seat_no}, which reservation {holder} has")]
    SeatTaken { seq: u64, id: ReservationId, seat_no: SeatNo, holder: ReservationId },
    #[error("batch {seq}: reservation {id} totals {total_minor}, its seats cost {prices_minor}")]
    WrongTotal { seq: u64, id: ReservationId, total_minor: i64, prices_minor: i64 },
    #[error("batch {seq}: a seat of reservation {id} is not sold as its ticket type")]
    NoPrice { seq: u64, id: ReservationId },
    #[error("batch {seq}: allocations or sections do not fit the event")]
    Info { seq: u64 },
    #[error("batch {seq}: reservation {id} is another event's")]
    OtherEvent { seq: u64, id: ReservationId },
    #[error("batch {seq}: reservation {id} is changed to {change}, but has ended or never was")]
    NotLive { seq: u64, id: ReservationId, change: &'static str },
    #[error("batch {seq}: reservation {id} comes after a later one")]
    OutOfOrder { seq: u64, id: ReservationId },
    #[error("batch {seq}: reservation {id} is extended until {expires_at}, and lasted as long before")]
    NotLonger { seq: u64, id: ReservationId, expires_at: Timestamp },
    #[error("batch {seq}: the event is deleted while reservations are live, or changed after")]
    Deleted { seq: u64 },
}

impl ReplayError {
    /// The number of the invariant that such a journal breaks.
    pub fn invariant(&self) -> u8 {
        match self {
            Self::Gap { .. } => 4,
            Self::NoSuchSeat { .. } | Self::SeatTaken { .. } => 1,
            Self::WrongTotal { .. } | Self::NoPrice { .. } => 8,
            Self::OtherEvent { .. }
            | Self::Info { .. }
            | Self::NotLive { .. }
            | Self::OutOfOrder { .. }
            | Self::NotLonger { .. }
            | Self::Deleted { .. } => 5,
        }
    }
}

impl Event {
    /// Applies the next row of the event's journal, and returns each changed reservation as it is after each
    /// of its changes.
    pub fn replay(&mut self, row: &JournalRow) -> Result<Vec<Arc<Reservation>>, ReplayError> {
        if row.seq != self.version + 1 {
            return Err(ReplayError::Gap { after: self.version, found: row.seq });
        }
        let mut rows = Vec::with_capacity(row.changes.len());
        for change in &row.changes {
            self.check_replayed(change, row.seq)?;
            rows.extend(self.play(change, row.decided_at));
        }
        self.close_batch(row.decided_at);
        self.ordered_at = Some(row.ordered_at);
        Ok(rows)
    }

    fn check_replayed(&self, change: &Change, seq: u64) -> Result<(), ReplayError> {
        if self.deleted {
            return Err(ReplayError::Deleted { seq });
        }
        match change {
            Change::Reserved { id, seats, total_minor, terms, .. } => {
                let types = terms.as_ref().map_or(&[][..], |terms| &terms.ticket_types);
                self.check_reserved(*id, seats, types, *total_minor, seq)
            }
            Change::Confirmed { id } => self.check_pending(*id, "confirmed", seq).map(drop),
            Change::Extended { id, expires_at } => {
                let live = self.check_pending(*id, "extended", seq)?;
                if live.expires_at < *expires_at {
                    Ok(())
                } else {
                    Err(ReplayError::NotLonger { seq, id: *id, expires_at: *expires_at })
                }
            }
            Change::Expired { id } => self.check_pending(*id, "expired", seq).map(drop),
            Change::Cancelled { id } if self.live(*id).is_some() => Ok(()),
            Change::Cancelled { id } => Err(ReplayError::NotLive { seq, id: *id, change: "cancelled" }),
            Change::Amended { .. } => Ok(()),
            Change::Allocated { allocations }
                if check_allocations(allocations, self.info.seating.seats()).is_ok() =>
            {
                Ok(())
            }
            Change::SectionsAdded { seating } if self.check_added(seating).is_ok() => Ok(()),
            Change::Allocated { .. } | Change::SectionsAdded { .. } => Err(ReplayError::Info { seq }),
            Change::Deleted if self.reservations.is_empty() => Ok(()),
            Change::Deleted => Err(ReplayError::Deleted { seq }),
        }
    }

    fn check_reserved(
        &self,
        id: ReservationId,
        seats: &[SeatNo],
        ticket_types: &[TicketTypeNo],
        total_minor: i64,
        seq: u64,
    ) -> Result<(), ReplayError> {
        self.number(id).ok_or(ReplayError::OtherEvent { seq, id })?;
        if self.last_reservation_id >= Some(id) {
            return Err(ReplayError::OutOfOrder { seq, id });
        }
        for &seat_no in seats {
            if !self.info.seating.layout.contains(seat_no) {
                return Err(ReplayError::NoSuchSeat { seq, id, seat_no });
            }
            if let Some(holder) = self.holder(seat_no) {
                return Err(ReplayError::SeatTaken { seq, id, seat_no, holder });
            }
        }
        let prices_minor = self.info.seating.total_minor(seats, ticket_types);
        let prices_minor = prices_minor.ok_or(ReplayError::NoPrice { seq, id })?;
        if prices_minor != total_minor {
            return Err(ReplayError::WrongTotal { seq, id, total_minor, prices_minor });
        }
        Ok(())
    }

    fn check_pending(
        &self,
        id: ReservationId,
        change: &'static str,
        seq: u64,
    ) -> Result<&LiveReservation, ReplayError> {
        match self.live(id) {
            Some(live) if live.status == ReservationStatus::Pending => Ok(live),
            _ => Err(ReplayError::NotLive { seq, id, change }),
        }
    }
}
