//! The checker is proved on histories made by hand: a good one passes, and each way to spoil it is caught.

use std::sync::Arc;
use std::time::Duration;

use engine::testing::{event_info, random_batch_id};
use engine::{
    Caller, Change, Command, ConflictReason, Event, EventId, EventRow, EventTables, JournalRow,
    ReservationId, ReservationStatus, SeatNo, SeatStatus, Seating, Timestamp, UserId,
};

use super::{EventRecord, Rule, Tolerances, check};
use crate::history::{Answer, Ask, Call, SeatMap, Seen};

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const HOLD_TTL_S: u32 = 10;
const TOLERANCES: Tolerances = Tolerances { expiry: Duration::from_secs(12), view: Duration::from_secs(5) };

/// A history in the making: a journal, and the log of clients who were told about it.
struct World {
    event: Event,
    now: Timestamp,
    journal: Vec<JournalRow>,
    calls: Vec<Call>,
    seat_maps: Vec<SeatMap>,
    reservations: Vec<engine::Reservation>,
    elapsed: Duration,
}

fn user() -> UserId {
    UserId::new(uuid::Uuid::nil())
}

fn another_user() -> UserId {
    UserId::new(uuid::Uuid::max())
}

impl World {
    fn new() -> Self {
        let mut info = event_info(START, 7, Seating::of_seats(10, 500));
        info.details.hold_ttl_s = HOLD_TTL_S;
        info.details.max_hold_s = 2 * HOLD_TTL_S;
        Self {
            event: Event::new(info),
            now: START.plus_s(1),
            journal: Vec::new(),
            calls: Vec::new(),
            seat_maps: Vec::new(),
            reservations: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    fn id(&self) -> EventId {
        self.event.info().id
    }

    /// Decides commands and expiries as one batch, and returns its changes.
    fn batch(&mut self, commands: &[Command]) -> Vec<Change> {
        let mut trial = self.event.clone();
        let mut changes: Vec<_> = trial.expire(self.now, 100).into_iter().map(|(change, _)| change).collect();
        for command in commands {
            changes.extend(trial.apply(command, self.now).unwrap().1);
        }
        self.write(changes.clone());
        changes
    }

    fn write(&mut self, changes: Vec<Change>) {
        let row = JournalRow {
            seq: self.event.version() + 1,
            batch_id: random_batch_id(),
            epoch: 1,
            decided_at: self.now,
            ordered_at: self.now,
            changes,
        };
        for reservation in self.event.replay(&row).unwrap() {
            self.reservations.retain(|known| known.id != reservation.id);
            self.reservations.push((*reservation).clone());
        }
        self.journal.push(row);
    }

    /// Logs a call that came after all others.
    fn log(&mut self, ask: Ask, answer: Answer) {
        self.elapsed += Duration::from_millis(10);
        let sent_at = self.elapsed;
        self.elapsed += Duration::from_millis(10);
        let (ended_at, decided_by) = (self.elapsed, Some("http://a".to_owned()));
        let (ask, attempt, asked_node) = (Arc::new(ask), 0, 0);
        self.calls.push(Call { ask, attempt, asked_node, sent_at, ended_at, decided_by, answer });
    }

    fn ask(&self, key: &str, seats: &[SeatNo]) -> Ask {
        self.ask_of(user(), key, seats)
    }

    fn ask_of(&self, user_id: UserId, key: &str, seats: &[SeatNo]) -> Ask {
        Ask::Reserve { event_id: self.id(), user_id, seats: seats.to_vec(), key: key.to_owned() }
    }

    /// Shows the seats as they are now.
    fn show_seats(&mut self) {
        let statuses = (1..=10).filter_map(|seat_no| self.event.seat_status(seat_no)).collect();
        self.seat_maps = vec![SeatMap { node: 0, version: self.event.version(), statuses }];
    }

    /// A reservation as it is now.
    fn seen(&self, id: ReservationId) -> Seen {
        let row = self.reservations.iter().find(|row| row.id == id).unwrap();
        Seen {
            id,
            user_id: row.user_id,
            seats: row.seats.clone(),
            status: row.status,
            total_minor: row.total_minor,
            expires_at: row.expires_at,
            seq: row.seq,
            replayed: false,
        }
    }

    /// Reserves seats in a batch of its own.
    fn reserve(&mut self, key: &str, seats: &[SeatNo]) -> ReservationId {
        let changes = self.batch(&[reserve_command(key, seats)]);
        let Some(Change::Reserved { id, .. }) = changes.last() else { panic!("not reserved: {changes:?}") };
        let (ask, seen) = (self.ask(key, seats), self.seen(*id));
        self.log(ask, Answer::Done(seen));
        *id
    }

    fn confirm(&mut self, id: ReservationId) {
        self.batch(&[Command::Confirm(id, Caller::Admin)]);
        let seen = self.seen(id);
        self.log(Ask::Confirm(id), Answer::Done(seen));
    }

    fn reject(&mut self, key: &str, seats: &[SeatNo], conflicts: &[(SeatNo, ConflictReason)]) {
        let (ask, seq) = (self.ask(key, seats), self.event.version());
        self.log(ask, rejected("seat_unavailable", seq, conflicts));
    }

    fn rules(&self) -> Vec<Rule> {
        let (journal, seat_maps) = (self.journal.clone(), self.seat_maps.clone());
        let record = EventRecord { tables: self.tables(), journal, seat_maps };
        let mut rules: Vec<Rule> = Vec::new();
        for finding in check(&self.calls, &[record], self.now, &TOLERANCES) {
            if !rules.contains(&finding.rule) {
                rules.push(finding.rule);
            }
        }
        rules
    }

    fn tables(&self) -> EventTables {
        let event = EventRow {
            info: (**self.event.info()).clone(),
            counts: self.event.counts(),
            version: self.journal.last().map_or(0, |row| row.seq),
            epoch: 1,
            owner: None,
            deleted: false,
        };
        let live = self.reservations.iter().filter(|row| row.status.is_live());
        let claims = live.flat_map(|row| row.seats.iter().map(|&seat_no| (seat_no, row.id))).collect();
        EventTables { event, reservations: self.reservations.clone(), claims }
    }

    fn last_seen(&mut self) -> &mut Seen {
        match &mut self.calls.last_mut().unwrap().answer {
            Answer::Done(seen) => seen,
            other => panic!("{other:?}"),
        }
    }
}

fn reserve_command(key: &str, seats: &[SeatNo]) -> Command {
    Command::reserve(user(), seats.to_vec(), Some(key.to_owned()))
}

fn rejected(code: &str, seq: u64, conflicts: &[(SeatNo, ConflictReason)]) -> Answer {
    Answer::Rejected { code: code.to_owned(), seq: Some(seq), conflicts: conflicts.to_vec() }
}

/// One of everything that a healthy run can have.
fn good() -> (World, ReservationId, ReservationId) {
    let mut world = World::new();
    let first = world.reserve("first", &[1, 2]);
    world.confirm(first);
    world.reject("other", &[2, 3], &[(2, ConflictReason::Yours(first))]);
    let ask = world.ask_of(another_user(), "theirs", &[2, 3]);
    world.log(ask, rejected("seat_unavailable", 2, &[(2, ConflictReason::Confirmed)]));
    let second = world.reserve("second", &[5]);
    let replay = Seen { replayed: true, ..world.seen(second) };
    let ask = world.ask("second", &[5]);
    world.log(ask, Answer::Done(replay));
    let ask = world.ask("unknown", &[9]);
    world.log(ask, Answer::Nothing("timeout".into()));
    let (reserved, confirmed, version) = (1, 2, world.event.version());
    world.log(Ask::View(world.id()), Answer::Viewed { version, reserved, confirmed, statuses: None });
    (world, first, second)
}

#[test]
fn a_good_history_passes() {
    let (mut world, first, second) = good();
    assert_eq!(world.rules(), []);
    // The hold runs out in the batch that gives its seat to another, after a rejection within that batch.
    world.now = world.now.plus_s(HOLD_TTL_S);
    let third = world.reserve("third", &[5]);
    let seq = world.event.version();
    world.log(Ask::Confirm(second), rejected("reservation_expired", seq, &[]));
    let seen = world.seen(second);
    world.log(Ask::Read(second), Answer::Done(seen));
    world.batch(&[Command::Extend(third, Caller::Admin), Command::Cancel(first, Caller::Admin)]);
    world.log(Ask::Extend(third), Answer::Nothing("reset".into()));
    let seen = world.seen(first);
    world.log(Ask::Cancel(first), Answer::Done(seen));
    world.log(Ask::Confirm(first), rejected("reservation_cancelled", world.event.version(), &[]));
    let ask = world.ask("first", &[3]);
    world.log(ask, rejected("idempotency_key_reused", world.event.version(), &[]));
    assert_eq!(world.rules(), []);
}

#[test]
fn an_unacknowledged_effect_passes_once() {
    let (mut world, ..) = good();
    world.batch(&[reserve_command("unknown", &[9])]);
    assert_eq!(world.rules(), []);
}

#[test]
fn a_lost_acknowledged_command_is_caught() {
    let (mut world, ..) = good();
    world.reserve("lost", &[7]);
    world.journal.pop();
    assert!(world.rules().contains(&Rule::Invariant(2)));
}

#[test]
fn a_lost_confirmation_is_caught() {
    let (mut world, _, second) = good();
    world.confirm(second);
    world.journal.last_mut().unwrap().changes = vec![];
    assert!(world.rules().contains(&Rule::Invariant(2)));
}

#[test]
fn a_double_sale_is_caught() {
    let (mut world, ..) = good();
    world.reserve("thief", &[8]);
    let row = world.journal.last_mut().unwrap();
    let Some(Change::Reserved { seats, .. }) = row.changes.first_mut() else { panic!() };
    *seats = vec![1];
    assert!(world.rules().contains(&Rule::Invariant(1)));
}

#[test]
fn a_wrong_seq_is_caught() {
    let (mut world, ..) = good();
    world.reserve("key", &[8]);
    world.last_seen().seq -= 1;
    assert!(world.rules().contains(&Rule::Invariant(2)));
}

#[test]
fn an_answer_with_another_content_is_caught() {
    let spoils: [fn(&mut Seen); 4] = [
        |seen| seen.status = ReservationStatus::Confirmed,
        |seen| seen.expires_at = seen.expires_at.plus_s(1),
        |seen| seen.total_minor += 1,
        |seen| seen.seats = vec![4],
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        let (mut world, ..) = good();
        world.reserve("key", &[8]);
        spoil(world.last_seen());
        assert_ne!(world.rules(), [], "spoil {number}");
    }
}

#[test]
fn reordered_decisions_are_caught() {
    let (mut world, ..) = good();
    // Asked for only after the answer to the last batch, but in the journal before it.
    world.batch(&[reserve_command("late", &[8])]);
    let late = world.reservations.last().unwrap().id;
    world.reserve("key", &[9]);
    let (ask, seen) = (world.ask("late", &[8]), world.seen(late));
    world.log(ask, Answer::Done(seen));
    assert_eq!(world.rules(), [Rule::RealTime]);
}

#[test]
fn a_stale_rejection_is_caught() {
    let (mut world, ..) = good();
    // It is confirmed since.
    let ask = world.ask_of(another_user(), "key", &[1]);
    world.log(ask, rejected("seat_unavailable", 1, &[(1, ConflictReason::Reserved)]));
    assert_eq!(world.rules(), [Rule::RealTime]);
}

#[test]
fn a_rejection_that_nothing_explains_is_caught() {
    let (mut world, ..) = good();
    world.reject("key", &[8], &[(8, ConflictReason::Reserved)]);
    assert_eq!(world.rules(), [Rule::Answers]);
}

#[test]
fn a_conflict_that_is_not_told_is_caught() {
    let (mut world, first, _) = good();
    world.reject("key", &[1, 2], &[(1, ConflictReason::Yours(first))]);
    assert_eq!(world.rules(), [Rule::Answers]);
}

#[test]
fn a_user_that_hears_of_anothers_reservation_is_caught() {
    let (mut world, first, _) = good();
    let ask = world.ask_of(another_user(), "key", &[1]);
    let seq = world.event.version();
    world.log(ask, rejected("seat_unavailable", seq, &[(1, ConflictReason::Yours(first))]));
    assert_eq!(world.rules(), [Rule::Answers]);
}

#[test]
fn a_user_that_does_not_hear_of_its_own_reservation_is_caught() {
    let (mut world, ..) = good();
    world.reject("key", &[1], &[(1, ConflictReason::Confirmed)]);
    assert_eq!(world.rules(), [Rule::Answers]);
}

#[test]
fn a_retry_that_is_refused_is_caught() {
    let (mut world, _, second) = good();
    world.reject("second", &[5], &[(5, ConflictReason::Yours(second))]);
    assert_eq!(world.rules(), [Rule::Answers]);
}

#[test]
fn a_stale_read_is_caught() {
    let (mut world, first, _) = good();
    let old = world.calls.iter().find_map(|call| match &call.answer {
        Answer::Done(seen) if seen.id == first => Some(seen.clone()),
        _ => None,
    });
    world.log(Ask::Read(first), Answer::Done(old.unwrap()));
    assert_eq!(world.rules(), [Rule::RealTime]);
}

#[test]
fn a_view_that_is_wrong_or_long_stale_is_caught() {
    let (mut world, ..) = good();
    let version = world.event.version();
    world.log(Ask::View(world.id()), Answer::Viewed { version, reserved: 9, confirmed: 0, statuses: None });
    assert_eq!(world.rules(), [Rule::Invariant(5)]);

    let (mut world, ..) = good();
    world.elapsed += Duration::from_secs(60);
    world
        .log(Ask::View(world.id()), Answer::Viewed { version: 1, reserved: 2, confirmed: 0, statuses: None });
    assert_eq!(world.rules(), [Rule::RealTime]);
}

#[test]
fn a_seat_map_that_is_wrong_or_stale_is_caught() {
    let spoils: [fn(&mut SeatMap); 4] = [
        |map| map.version -= 1,
        |map| map.statuses[8] = SeatStatus::Reserved,
        |map| map.statuses[4] = SeatStatus::Available,
        |map| map.statuses[0] = SeatStatus::Reserved,
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        let (mut world, ..) = good();
        world.show_seats();
        assert_eq!(world.rules(), []);
        spoil(&mut world.seat_maps[0]);
        assert_eq!(world.rules(), [Rule::Invariant(5)], "spoil {number}");
    }
}

#[test]
fn a_key_with_two_effects_is_caught() {
    let (mut world, ..) = good();
    world.batch(&[reserve_command("other key", &[8])]);
    let row = world.journal.last_mut().unwrap();
    let Some(Change::Reserved { seats, idempotency_key, .. }) = row.changes.first_mut() else { panic!() };
    (*seats, *idempotency_key) = (vec![5], Some("second".into()));
    assert!(world.rules().contains(&Rule::Invariant(6)));
}

#[test]
fn an_effect_of_a_refused_or_missing_request_is_caught() {
    let (mut world, ..) = good();
    world.batch(&[reserve_command("nobody", &[8])]);
    assert_eq!(world.rules(), [Rule::Invariant(3)]);

    let (mut world, ..) = good();
    world.batch(&[reserve_command("other", &[2 + 1])]);
    assert_eq!(world.rules(), [Rule::Invariant(3)]);
}

#[test]
fn a_hole_in_the_journal_is_caught() {
    let (mut world, ..) = good();
    world.journal.remove(1);
    assert!(world.rules().contains(&Rule::Invariant(4)));
}

#[test]
fn two_writers_of_one_epoch_are_caught() {
    let (mut world, ..) = good();
    world.reserve("key", &[8]);
    world.calls.last_mut().unwrap().decided_by = Some("http://b".into());
    assert_eq!(world.rules(), [Rule::Invariant(4)]);
}

#[test]
fn a_hold_that_does_not_end_is_caught() {
    let (mut world, ..) = good();
    world.now = world.now.plus_s(100);
    assert_eq!(world.rules(), [Rule::Invariant(7)]);
}

#[test]
fn an_early_expiry_is_caught() {
    let (mut world, _, second) = good();
    world.write(vec![Change::Expired { id: second }]);
    assert_eq!(world.rules(), [Rule::Answers]);
}

#[test]
fn what_was_done_may_not_be_said_to_be_undone() {
    let mut world = World::new();
    world.batch(&[reserve_command("key", &[1])]);
    let ask = world.ask("key", &[1]);
    world.log(ask.clone(), Answer::NotDone("503".to_owned()));
    assert_eq!(world.rules(), [Rule::Invariant(3)]);
    world.log(ask, Answer::Nothing("no answer".to_owned()));
    assert_eq!(world.rules(), []);
}

#[test]
fn an_impossible_answer_is_caught() {
    let (mut world, ..) = good();
    world.log(Ask::View(world.id()), Answer::Odd("500".into()));
    assert_eq!(world.rules(), [Rule::Answers]);
}
