//! The rules: what each command needs, in the order in which it is refused.

use std::sync::Arc;

use super::Event;
use super::live::LiveReservation;
use crate::words::{
    Caller, Change, Command, EventPatch, HoldLimit, Outcome, Rejection, Reservation, ReservationId,
    ReservationStatus, Timestamp,
};

/// What a command did: its outcome, and the change that it made, if it made one.
pub(crate) type Applied = (Outcome, Option<Change>);

/// When a command came, and when it is decided.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) came_at: Timestamp,
    pub(super) now: Timestamp,
}

impl Event {
    /// Decides a command that came just now, at the time `now`. See [`decide`](Self::decide).
    pub fn apply(
        &mut self,
        command: &Command,
        now: Timestamp,
    ) -> Result<(Outcome, Option<Change>), Rejection> {
        self.decide(command, now, now)
    }

    /// Decides a command at the time `now`. What must not have run out is judged by the time at which the
    /// command came: nobody loses a hold because others took long. A rejection leaves the event as it was.
    ///
    /// A reservation that has ended is unknown here and answered [`Rejection::ReservationNotFound`]: how it
    /// ended is in the store, and [`ended`] decides.
    pub fn decide(
        &mut self,
        command: &Command,
        came_at: Timestamp,
        now: Timestamp,
    ) -> Result<(Outcome, Option<Change>), Rejection> {
        if self.deleted {
            return Err(Rejection::EventNotFound);
        }
        let at = Times { came_at, now };
        match command {
            Command::Reserve { user_id, wish, caller, idempotency_key } => {
                self.reserve(*user_id, wish, *caller, idempotency_key.as_deref(), at)
            }
            Command::Confirm(id, caller) => self.confirm(*id, *caller, at),
            Command::Cancel(id, caller) => self.cancel(*id, *caller, at),
            Command::Extend(id, caller) => self.extend(*id, *caller, at),
            Command::Amend(patch) => self.amend(patch, now),
            Command::Allocate { allocations, if_version, instead_of } => {
                self.allocate(allocations, *if_version, instead_of.as_deref(), now)
            }
            Command::AddSections { to, seating } => self.add_sections(*to, seating, now),
            Command::Delete => self.delete(now),
        }
    }

    fn confirm(&mut self, id: ReservationId, caller: Caller, at: Times) -> Result<Applied, Rejection> {
        let live = self.callers(id, caller, at.came_at)?;
        if live.status == ReservationStatus::Confirmed {
            return Ok((Outcome::Reservation(Arc::new(live.row(id))), None));
        }
        self.made(Change::Confirmed { id }, at.now)
    }

    fn cancel(&mut self, id: ReservationId, caller: Caller, at: Times) -> Result<Applied, Rejection> {
        self.callers(id, caller, at.came_at)?;
        self.made(Change::Cancelled { id }, at.now)
    }

    fn extend(&mut self, id: ReservationId, caller: Caller, at: Times) -> Result<Applied, Rejection> {
        let live = self.callers(id, caller, at.came_at)?;
        if live.status == ReservationStatus::Confirmed {
            return Err(Rejection::HoldLimitReached(HoldLimit::Confirmed));
        }
        let details = &self.info.details;
        if at.came_at >= details.end_at {
            return Err(Rejection::EventEnded(details.end_at));
        }
        let last_end = live.created_at.plus_s(details.max_hold_s);
        if live.expires_at >= last_end {
            return Err(Rejection::HoldLimitReached(HoldLimit::MaxHold(live.expires_at)));
        }
        let expires_at = at.now.plus_s(details.hold_ttl_s).min(last_end);
        if expires_at <= live.expires_at {
            // The hold lasts that long already: never shorten it.
            return Ok((Outcome::Reservation(Arc::new(live.row(id))), None));
        }
        self.made(Change::Extended { id, expires_at }, at.now)
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

    /// A reservation that still had its seats at `came_at` and is the caller's.
    fn callers(
        &self,
        id: ReservationId,
        caller: Caller,
        came_at: Timestamp,
    ) -> Result<&LiveReservation, Rejection> {
        let live = self.live(id).ok_or(Rejection::ReservationNotFound)?;
        if !caller.may_act_for(live.user_id) {
            return Err(Rejection::ReservationNotFound);
        }
        if live.status == ReservationStatus::Pending && live.expires_at <= came_at {
            return Err(Rejection::ReservationExpired(live.expires_at));
        }
        Ok(live)
    }

    /// Past this point nothing can fail.
    pub(super) fn made(&mut self, change: Change, now: Timestamp) -> Result<Applied, Rejection> {
        let reservation = self.play(&change, now).ok_or(Rejection::ReservationNotFound)?;
        Ok((Outcome::Reservation(reservation), Some(change)))
    }
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
