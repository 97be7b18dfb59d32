//! The rules: what each command needs, in the order in which it is refused.

use std::sync::Arc;

use super::live::LiveReservation;
use super::{Event, key_hash, request_hash};
use crate::words::{
    Caller, Change, Command, Conflict, ConflictReason, EventPatch, HoldLimit, Invalid, Outcome, Rejection,
    Reservation, ReservationId, ReservationStatus, SeatNo, Timestamp, UserId,
};

/// What a command did: its outcome, and the change that it made, if it made one.
pub(crate) type Applied = (Outcome, Option<Change>);

impl Event {
    /// Decides a command at the time `now`. A rejection leaves the event as it was.
    ///
    /// A reservation that has ended is unknown here and answered [`Rejection::ReservationNotFound`]: how it
    /// ended is in the store, and [`ended`] decides.
    pub fn apply(
        &mut self,
        command: &Command,
        now: Timestamp,
    ) -> Result<(Outcome, Option<Change>), Rejection> {
        if self.deleted {
            return Err(Rejection::EventNotFound);
        }
        match command {
            Command::Reserve { user_id, seats, idempotency_key } => {
                self.reserve(*user_id, seats, idempotency_key.as_deref(), now)
            }
            Command::Confirm(id, caller) => self.confirm(*id, *caller, now),
            Command::Cancel(id, caller) => self.cancel(*id, *caller, now),
            Command::Extend(id, caller) => self.extend(*id, *caller, now),
            Command::Amend(patch) => self.amend(patch, now),
            Command::Delete => self.delete(now),
        }
    }

    fn reserve(
        &mut self,
        user_id: UserId,
        seats: &[SeatNo],
        key: Option<&str>,
        now: Timestamp,
    ) -> Result<Applied, Rejection> {
        // A retry is no conflict, whatever has changed since.
        if let Some(replayed) = self.replayed(user_id, seats, key)? {
            return Ok((replayed, None));
        }
        let details = &self.info.details;
        check_seats(seats, details.max_seats_per_reservation)?;
        let unknown: Vec<_> = seats.iter().copied().filter(|&no| !self.info.layout.contains(no)).collect();
        if !unknown.is_empty() {
            return Err(Rejection::SeatNotFound(unknown));
        }
        if now >= details.end_at {
            return Err(Rejection::EventEnded(details.end_at));
        }
        let conflicts = self.conflicts(user_id, seats);
        if !conflicts.is_empty() {
            return Err(Rejection::SeatUnavailable(conflicts));
        }
        let change = Change::Reserved {
            id: ReservationId::next(self.info.id, self.last_reservation_id, now),
            user_id,
            seats: seats.to_vec(),
            total_minor: self.info.layout.total_minor(seats),
            expires_at: now.plus_s(details.hold_ttl_s),
            idempotency_key: key.map(str::to_owned),
        };
        self.made(change, now)
    }

    fn replayed(
        &self,
        user_id: UserId,
        seats: &[SeatNo],
        key: Option<&str>,
    ) -> Result<Option<Outcome>, Rejection> {
        let Some(key) = key else { return Ok(None) };
        let Some(key_use) = self.keys.get(&key_hash(user_id, key)) else { return Ok(None) };
        if key_use.request_hash != request_hash(seats) {
            return Err(Rejection::IdempotencyKeyReused);
        }
        let id = self.info.id.reservation(key_use.reservation_no);
        Ok(Some(Outcome::Replayed(id, self.reservation(id).map(Arc::new))))
    }

    fn conflicts(&self, user_id: UserId, seats: &[SeatNo]) -> Vec<Conflict> {
        let conflict = |&seat_no: &SeatNo| {
            let id = self.holder(seat_no)?;
            let reason = match self.live(id)? {
                live if live.user_id == user_id => ConflictReason::Yours(id),
                live if live.status == ReservationStatus::Confirmed => ConflictReason::Confirmed,
                _ => ConflictReason::Reserved,
            };
            Some(Conflict { seat_no, reason })
        };
        seats.iter().filter_map(conflict).collect()
    }

    fn confirm(&mut self, id: ReservationId, caller: Caller, now: Timestamp) -> Result<Applied, Rejection> {
        let live = self.callers(id, caller, now)?;
        if live.status == ReservationStatus::Confirmed {
            return Ok((Outcome::Reservation(Arc::new(live.row(id))), None));
        }
        self.made(Change::Confirmed { id }, now)
    }

    fn cancel(&mut self, id: ReservationId, caller: Caller, now: Timestamp) -> Result<Applied, Rejection> {
        self.callers(id, caller, now)?;
        self.made(Change::Cancelled { id }, now)
    }

    fn extend(&mut self, id: ReservationId, caller: Caller, now: Timestamp) -> Result<Applied, Rejection> {
        let live = self.callers(id, caller, now)?;
        if live.status == ReservationStatus::Confirmed {
            return Err(Rejection::HoldLimitReached(HoldLimit::Confirmed));
        }
        let details = &self.info.details;
        let last_end = live.created_at.plus_s(details.max_hold_s);
        if live.expires_at >= last_end {
            return Err(Rejection::HoldLimitReached(HoldLimit::MaxHold(live.expires_at)));
        }
        let expires_at = now.plus_s(details.hold_ttl_s).min(last_end);
        if expires_at <= live.expires_at {
            // The hold lasts that long already: never shorten it.
            return Ok((Outcome::Reservation(Arc::new(live.row(id))), None));
        }
        self.made(Change::Extended { id, expires_at }, now)
    }

    fn amend(&mut self, patch: &EventPatch, now: Timestamp) -> Result<Applied, Rejection> {
        let details = patch.clone().apply(&self.info.details);
        details.check()?;
        if details == self.info.details {
            return Ok((Outcome::Amended, None));
        }
        let change = Change::Amended { details };
        self.play(&change, now);
        Ok((Outcome::Amended, Some(change)))
    }

    fn delete(&mut self, now: Timestamp) -> Result<Applied, Rejection> {
        if !self.reservations.is_empty() {
            return Err(Rejection::EventInUse);
        }
        self.play(&Change::Deleted, now);
        Ok((Outcome::Deleted, Some(Change::Deleted)))
    }

    /// A reservation that still has its seats at `now` and is the caller's.
    fn callers(
        &self,
        id: ReservationId,
        caller: Caller,
        now: Timestamp,
    ) -> Result<&LiveReservation, Rejection> {
        let live = self.live(id).ok_or(Rejection::ReservationNotFound)?;
        if !caller.may_act_for(live.user_id) {
            return Err(Rejection::ReservationNotFound);
        }
        if live.status == ReservationStatus::Pending && live.expires_at <= now {
            return Err(Rejection::ReservationExpired(live.expires_at));
        }
        Ok(live)
    }

    /// Past this point nothing can fail.
    fn made(&mut self, change: Change, now: Timestamp) -> Result<Applied, Rejection> {
        let reservation = self.play(&change, now).ok_or(Rejection::ReservationNotFound)?;
        Ok((Outcome::Reservation(reservation), Some(change)))
    }
}

fn check_seats(seats: &[SeatNo], most: u32) -> Result<(), Invalid> {
    if seats.is_empty() {
        return Err(Invalid::NoSeats);
    }
    if seats.len() > most as usize {
        return Err(Invalid::TooManySeats { given: seats.len(), most });
    }
    let mut sorted = seats.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) { Err(Invalid::RepeatedSeat) } else { Ok(()) }
}

/// Decides a command on a reservation that has ended.
pub(crate) fn ended(command: &Command, reservation: &Reservation) -> Result<(), Rejection> {
    if !command.caller().is_some_and(|caller| caller.may_act_for(reservation.user_id)) {
        return Err(Rejection::ReservationNotFound);
    }
    match (reservation.status, command) {
        (ReservationStatus::Cancelled, Command::Cancel(..)) => Ok(()),
        (ReservationStatus::Cancelled, _) => Err(Rejection::ReservationCancelled),
        _ => Err(Rejection::ReservationExpired(reservation.expires_at)),
    }
}
