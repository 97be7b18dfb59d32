//! The rules of a reserve: which seats a wish gets, or why none.

use super::Event;
use super::keys::{KeyUse, RETENTION_S};
use super::rules::{Applied, Times};
use crate::words::{
    Caller, Change, Conflict, ConflictReason, Invalid, KILL, KeyHash, OrphanRule, Outcome, Rejection,
    RequestHash, ReservationId, ReservationNo, ReservationStatus, SeatNo, Terms, TicketTypeNo, Timestamp,
    UserId, Wish,
};

/// What a wish gets.
#[derive(Default)]
struct Chosen {
    seats: Vec<SeatNo>,
    ticket_types: Vec<TicketTypeNo>,
}

impl Event {
    pub(super) fn reserve(
        &mut self,
        user_id: UserId,
        wish: &Wish,
        caller: Caller,
        key: Option<&str>,
        at: Times,
    ) -> Result<Applied, Rejection> {
        let now = at.now;
        // A retry is no conflict, whatever has changed since.
        if let Some(replayed) = self.replayed(user_id, wish, key, now)? {
            return Ok((replayed, None));
        }
        check_wish(wish, self.info.details.max_seats_per_reservation)?;
        let layout = &self.info.seating.layout;
        let unknown: Vec<_> = wish.seats.iter().copied().filter(|&no| !layout.contains(no)).collect();
        if !unknown.is_empty() {
            return Err(Rejection::SeatNotFound(unknown));
        }
        if at.came_at >= self.info.details.end_at {
            return Err(Rejection::EventEnded(self.info.details.end_at));
        }
        let chosen = self.choose(user_id, wish, caller)?;
        let total_minor = self.info.seating.total_minor(&chosen.seats, &chosen.ticket_types);
        let change = Change::Reserved {
            id: ReservationId::next(self.info.id, self.last_reservation_id, now),
            user_id,
            total_minor: total_minor.ok_or_else(|| self.not_sold_as(&chosen))?,
            expires_at: now.plus_s(self.info.details.hold_ttl_s),
            idempotency_key: key.map(str::to_owned),
            terms: terms(wish, chosen.ticket_types),
            seats: chosen.seats,
        };
        self.made(change, now)
    }

    fn choose(&mut self, user_id: UserId, wish: &Wish, caller: Caller) -> Result<Chosen, Rejection> {
        let conflicts = self.conflicts(user_id, wish, caller);
        if !conflicts.is_empty() {
            return Err(Rejection::SeatUnavailable(conflicts));
        }
        self.check_together(&wish.seats)?;
        if self.info.details.rules.orphan_rule == OrphanRule::Refuse {
            self.check_singles(&wish.seats)?;
        }
        if wish.is_plain() {
            return Ok(Chosen { seats: wish.seats.clone(), ticket_types: Vec::new() });
        }
        let channel = wish.channel.as_deref().filter(|channel| may_use(caller, channel));
        let mut chosen = Chosen::default();
        let types = wish.ticket_types.iter().copied().chain(std::iter::repeat(0));
        chosen.add(&wish.seats, types);
        for wanted in &wish.places {
            let places = self.free_places(wanted.section, wanted.quantity, channel, &chosen.seats);
            let left = places.len() as u32;
            if left < wanted.quantity {
                return Err(Rejection::SoldOut { wanted: wanted.quantity, left });
            }
            chosen.add(&places, std::iter::repeat(wanted.ticket_type));
        }
        if let Some(wanted) = &wish.best {
            let seats = self.best_available(wanted, channel, &chosen.seats)?;
            chosen.add(&seats, wanted.ticket_types.iter().copied());
        }
        Ok(chosen)
    }

    fn conflicts(&self, user_id: UserId, wish: &Wish, caller: Caller) -> Vec<Conflict> {
        let conflict = |&seat_no: &SeatNo| {
            let Some(id) = self.holder(seat_no) else {
                let channel = self.seats.channel(seat_no)?;
                let reason = ConflictReason::NotForSale;
                return (!may_use(caller, channel)).then_some(Conflict { seat_no, reason });
            };
            let reason = match self.live(id)? {
                live if live.user_id == user_id => ConflictReason::Yours(id),
                live if live.status == ReservationStatus::Confirmed => ConflictReason::Confirmed,
                _ => ConflictReason::Reserved,
            };
            Some(Conflict { seat_no, reason })
        };
        wish.seats.iter().filter_map(conflict).collect()
    }

    /// Of seats that sell together, all must be wanted.
    fn check_together(&self, seats: &[SeatNo]) -> Result<(), Rejection> {
        let layout = &self.info.seating.layout;
        if !layout.has_together() {
            return Ok(());
        }
        let is_part = |&seat_no: &SeatNo| {
            let block = layout.sold_together_with(seat_no);
            block.is_some_and(|mut block| block.any(|other| !seats.contains(&other)))
        };
        let parts: Vec<_> = seats.iter().copied().filter(is_part).collect();
        if parts.is_empty() { Ok(()) } else { Err(Rejection::SoldTogether(parts)) }
    }

    /// No seat beside these may be left single that was not so before.
    fn check_singles(&self, seats: &[SeatNo]) -> Result<(), Rejection> {
        let layout = &self.info.seating.layout;
        for &seat_no in seats.iter().filter(|&&seat_no| !layout.is_place(seat_no)) {
            let Some(block) = layout.block_of(seat_no) else { continue };
            let is_left = |other: SeatNo| {
                block.contains(&other) && self.is_open(other, None) && !seats.contains(&other)
            };
            let beside = [seat_no - 1, seat_no + 1].into_iter().filter(|&other| is_left(other));
            if let Some(single) = beside.into_iter().find(|&other| !is_left(other - 1) && !is_left(other + 1))
            {
                return Err(Rejection::LeavesSingleSeat(single));
            }
        }
        Ok(())
    }

    fn not_sold_as(&self, chosen: &Chosen) -> Rejection {
        let types = chosen.ticket_types.iter().copied().chain(std::iter::repeat(0));
        let mut pairs = chosen.seats.iter().zip(types);
        let not_sold = pairs.find(|(seat_no, of)| self.info.seating.price_minor(**seat_no, *of).is_none());
        Rejection::TicketType(not_sold.map_or(0, |(seat_no, _)| *seat_no))
    }

    fn replayed(
        &self,
        user_id: UserId,
        wish: &Wish,
        key: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Outcome>, Rejection> {
        let Some(key) = key else { return Ok(None) };
        let (no, request_hash) = match self.keys.get(KeyHash::of(user_id, key)) {
            Some(KeyUse::Live(no)) => {
                let live = self.reservations.get(&no).map(|live| live.request_hash());
                (no, live.unwrap_or_else(|| panic!("a live key leads to no live reservation")))
            }
            Some(KeyUse::Ended(no, request_hash)) if self.is_remembered(no, now) => (no, request_hash),
            _ => return Ok(None),
        };
        if request_hash != RequestHash::of(wish) {
            return Err(Rejection::IdempotencyKeyReused);
        }
        let id = self.info.id.reservation(no);
        Ok(Some(Outcome::Replayed(id, self.reservation(id).map(std::sync::Arc::new))))
    }

    /// Whether the key of a reservation that has ended still counts.
    fn is_remembered(&self, no: ReservationNo, now: Timestamp) -> bool {
        no >= ReservationNo::of(self.info.id.first_reservation_at(now.minus_s(RETENTION_S)))
    }
}

impl Chosen {
    fn add(&mut self, seats: &[SeatNo], ticket_types: impl Iterator<Item = TicketTypeNo>) {
        self.seats.extend(seats);
        self.ticket_types.extend(ticket_types.take(seats.len()));
    }
}

/// Whether a caller may have what is set aside for a channel.
fn may_use(caller: Caller, channel: &str) -> bool {
    caller == Caller::Admin && channel != KILL
}

/// What is to be remembered of a wish besides its seats.
fn terms(wish: &Wish, mut ticket_types: Vec<TicketTypeNo>) -> Option<Box<Terms>> {
    if ticket_types.iter().all(|&of| of == 0) {
        ticket_types.clear();
    }
    (!wish.is_plain()).then(|| Box::new(Terms { ticket_types, request_hash: RequestHash::of(wish) }))
}

fn check_wish(wish: &Wish, most: u32) -> Result<(), Invalid> {
    let given = wish.quantity();
    if given == 0 {
        return Err(Invalid::NoSeats);
    }
    if given > most as usize {
        return Err(Invalid::TooManySeats { given, most });
    }
    let mut sorted = wish.seats.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) { Err(Invalid::RepeatedSeat) } else { Ok(()) }
}
