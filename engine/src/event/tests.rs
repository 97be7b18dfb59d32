//! Scenarios are written as lines: a command, and what comes back. See `check`.

use super::*;
use crate::event::OpenBatch;
use crate::testing::{event_info, random_batch_id};
use crate::words::{
    Caller, Command, ConflictReason, EventDetails, EventId, EventPatch, HoldLimit, JournalRow, Outcome,
    Rejection, Seating, UserId,
};
use uuid::Uuid;

const START_MICROS: i64 = 1_800_000_000_000_000;
const HOLD_TTL_S: u32 = 100;
const MAX_HOLD_S: u32 = 250;
const END_S: u32 = 10_000;

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_micros(START_MICROS).plus_s(seconds)
}

fn info() -> EventInfo {
    let layout = Seating::of_sections([("Arena".into(), 1, 4, 900), ("Stand".into(), 1, 4, 500)]);
    let mut info = event_info(at(0), 1, layout);
    info.details = EventDetails {
        start_at: at(END_S - 100),
        end_at: at(END_S),
        hold_ttl_s: HOLD_TTL_S,
        max_hold_s: MAX_HOLD_S,
        max_seats_per_reservation: 3,
        ..info.details
    };
    info
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

/// An event under test: commands come at seconds after its creation, reservations are named by a letter.
struct Stage {
    event: Event,
    named: HashMap<char, ReservationId>,
}

impl Stage {
    fn new() -> Self {
        Self { event: Event::new(info()), named: HashMap::new() }
    }

    /// Runs one line, such as `@5 u1 reserve A 1,2 key` or `@7 u1 confirm A`, and describes what came back.
    fn run(&mut self, line: &str) -> String {
        let words: Vec<_> = line.split_whitespace().collect();
        let now = at(words[0].trim_start_matches('@').parse().expect("a line starts with its second"));
        self.event.expire(now, usize::MAX);
        let (command, name) = self.parse(&words[1..]);
        let result = self.event.apply(&command, now).map(|(outcome, change)| (outcome, change.is_some()));
        if let (Ok((Outcome::Reservation(reservation), _)), Some(name)) = (&result, name) {
            self.named.insert(name, reservation.id);
        }
        self.describe(result)
    }

    fn parse(&self, words: &[&str]) -> (Command, Option<char>) {
        let caller = match words[0] {
            "admin" => Caller::Admin,
            user_word => Caller::User(user(user_word[1..].parse().expect("a user is u and a number"))),
        };
        let name = words.get(2).and_then(|word| word.chars().next());
        let id = name.and_then(|name| self.named.get(&name).copied());
        let unknown = ReservationId::next(self.event.info.id, None, at(9_999));
        let command = match words[1] {
            "reserve" => {
                let Caller::User(user_id) = caller else { panic!("a user reserves") };
                let seats =
                    words[3].split(',').filter(|no| *no != "-").map(|no| no.parse().expect("a seat number"));
                let idempotency_key = words.get(4).map(|key| key.to_string());
                return (Command::reserve(user_id, seats.collect(), idempotency_key), name);
            }
            "confirm" => Command::Confirm(id.unwrap_or(unknown), caller),
            "cancel" => Command::Cancel(id.unwrap_or(unknown), caller),
            "extend" => Command::Extend(id.unwrap_or(unknown), caller),
            "delete" => Command::Delete,
            "rename" => Command::Amend(EventPatch { name: Some(words[2].into()), ..EventPatch::default() }),
            "end" => {
                let end_at = at(words[2].parse().expect("a second"));
                Command::Amend(EventPatch { end_at: Some(end_at), ..EventPatch::default() })
            }
            other => panic!("no such command: {other}"),
        };
        (command, None)
    }

    /// The letter of a reservation.
    fn name(&self, id: ReservationId) -> char {
        *self.named.iter().find(|(_, named)| **named == id).expect("it has a name").0
    }

    fn describe(&self, result: Result<(Outcome, bool), Rejection>) -> String {
        match result {
            Ok((Outcome::Reservation(row), changed)) => {
                let until = row.expires_at.since(at(0)).as_secs();
                let status = format!("{:?}", row.status).to_lowercase();
                let same = if changed { "" } else { " unchanged" };
                format!("{status} {} until {until}{same}", row.total_minor)
            }
            Ok((Outcome::Replayed(_, Some(row)), _)) => format!("replayed {:?}", row.status).to_lowercase(),
            Ok((Outcome::Replayed(_, None), _)) => "replayed ended".into(),
            Ok((Outcome::Amended, changed)) => if changed { "amended" } else { "unchanged" }.into(),
            Ok((Outcome::Deleted, _)) => "deleted".into(),
            Err(Rejection::EventNotFound) => "event not found".into(),
            Err(Rejection::SeatNotFound(seats)) => format!("no seat {seats:?}"),
            Err(Rejection::ReservationNotFound) => "not found".into(),
            Err(Rejection::SeatUnavailable(conflicts)) => {
                let each = conflicts.iter().map(|conflict| match conflict.reason {
                    ConflictReason::Yours(id) => format!("{} yours by {}", conflict.seat_no, self.name(id)),
                    reason => format!("{} {reason:?}", conflict.seat_no).to_lowercase(),
                });
                format!("unavailable {}", each.collect::<Vec<_>>().join(", "))
            }
            Err(Rejection::ReservationExpired(_)) => "expired".into(),
            Err(Rejection::ReservationCancelled) => "cancelled".into(),
            Err(Rejection::HoldLimitReached(HoldLimit::MaxHold(_))) => "held long enough".into(),
            Err(Rejection::HoldLimitReached(HoldLimit::Confirmed)) => "nothing to extend".into(),
            Err(Rejection::EventInUse) => "in use".into(),
            Err(Rejection::EventEnded(_)) => "event ended".into(),
            Err(Rejection::IdempotencyKeyReused) => "key reused".into(),
            Err(Rejection::Invalid(invalid)) => invalid.to_string(),
            Err(other) => other.to_string(),
        }
    }
}

/// Runs a scenario: each line is a command, `->`, and what must come back. A rejection must leave the event
/// exactly as it was.
#[track_caller]
fn check(scenario: &str) {
    let mut stage = Stage::new();
    for line in scenario.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (command, expected) = line.split_once("->").expect("a line has ->");
        let now: u32 =
            command.trim_start_matches('@').split(' ').next().and_then(|s| s.parse().ok()).expect("a second");
        let mut before = stage.event.clone();
        before.expire(at(now), usize::MAX);
        let answer = stage.run(command);
        assert_eq!(answer, expected.trim(), "after: {command}\nin:{scenario}");
        let effects = ["pending", "confirmed", "cancelled ", "amended", "deleted"];
        let had_effect =
            effects.iter().any(|word| answer.starts_with(word)) && !answer.ends_with("unchanged");
        assert_eq!(stage.event != before, had_effect, "effect of: {command}\nin:{scenario}");
    }
}

#[test]
fn a_hold_takes_seats_and_totals_their_prices() {
    check("@1 u1 reserve A 1,5 -> pending 1400 until 101");
    check("@1 u1 reserve A 8 -> pending 500 until 101");
}

/// Invariant 1: a seat has at most one holder.
#[test]
fn invariant_1_a_seat_has_at_most_one_holder() {
    check(
        "@1 u1 reserve A 1,2 -> pending 1800 until 101
         @2 u2 reserve B 2,3 -> unavailable 2 reserved
         @2 u1 reserve B 1 -> unavailable 1 yours by A
         @3 u1 confirm A -> confirmed 1800 until 101
         @4 u2 reserve B 2,1,3 -> unavailable 2 confirmed, 1 confirmed
         @5 u2 reserve C 3 -> pending 900 until 105",
    );
}

#[test]
fn reservations_are_refused_in_the_order_of_the_rules() {
    check(
        "@1 u1 reserve A 1 key -> pending 900 until 101
         @2 u1 reserve B 1,1,99 key -> key reused
         @2 u1 reserve B - -> no seat is asked for
         @2 u1 reserve B 1,2,3,99 -> 4 seats are asked for, 3 are allowed
         @2 u1 reserve B 1,99,1 -> a seat is asked for twice
         @10000 u1 reserve B 99,0 -> no seat [99, 0]
         @10000 u1 reserve B 1 -> event ended
         @9999 u1 reserve B 1 -> pending 900 until 10099
         @9999 u1 reserve B 1 -> unavailable 1 yours by B
         @9999 u1 delete -> in use
         @9999 u1 cancel B -> cancelled 900 until 10099
         @9999 u1 delete -> deleted
         @9999 u1 reserve B 1 -> event not found
         @9999 u1 confirm B -> event not found
         @9999 u1 rename X -> event not found",
    );
}

#[test]
fn a_hold_ends_confirmed_cancelled_or_expired() {
    check(
        "@1 u1 reserve A 1 -> pending 900 until 101
         @2 u1 confirm A -> confirmed 900 until 101
         @3 u1 confirm A -> confirmed 900 until 101 unchanged
         @500 u1 confirm A -> confirmed 900 until 101 unchanged
         @501 u1 cancel A -> cancelled 900 until 101
         @502 u1 cancel A -> not found
         @503 u2 reserve B 1 -> pending 900 until 603
         @602 u2 confirm B -> confirmed 900 until 603",
    );
    check(
        "@1 u1 reserve A 1 -> pending 900 until 101
         @101 u1 confirm A -> not found
         @101 u2 reserve B 1 -> pending 900 until 201",
    );
}

#[test]
fn an_extension_never_passes_the_longest_hold_and_never_shortens() {
    check(
        "@1 u1 reserve A 1 -> pending 900 until 101
         @1 u1 extend A -> pending 900 until 101 unchanged
         @90 u1 extend A -> pending 900 until 190
         @180 u1 extend A -> pending 900 until 251
         @181 u1 extend A -> held long enough
         @182 u1 confirm A -> confirmed 900 until 251
         @183 u1 extend A -> nothing to extend
         @251 u1 confirm A -> confirmed 900 until 251 unchanged",
    );
}

#[test]
fn nobody_sees_or_changes_what_is_somebody_elses_except_an_administrator() {
    check(
        "@1 u1 reserve A 1 -> pending 900 until 101
         @2 u2 confirm A -> not found
         @2 u2 cancel A -> not found
         @2 u2 extend A -> not found
         @2 u1 confirm Z -> not found
         @3 admin extend A -> pending 900 until 103
         @4 admin confirm A -> confirmed 900 until 103
         @5 admin cancel A -> cancelled 900 until 103",
    );
}

/// Invariant 6: one idempotency key, one effect.
#[test]
fn invariant_6_one_key_one_effect() {
    check(
        "@1 u1 reserve A 1,2 key -> pending 1800 until 101
         @2 u1 reserve A 1,2 key -> replayed pending
         @2 u1 reserve A 2,1 key -> replayed pending
         @3 u1 reserve B 3 key -> key reused
         @4 u2 reserve C 3 key -> pending 900 until 104
         @5 u1 confirm A -> confirmed 1800 until 101
         @6 u1 reserve A 1,2 key -> replayed confirmed
         @7 u1 cancel A -> cancelled 1800 until 101
         @8 u1 reserve A 1,2 key -> replayed ended
         @9 u1 reserve D 1 other -> pending 900 until 109
         @9 u1 reserve E 4 rejected,not -> pending 900 until 109",
    );
    // A rejection is not remembered: the key is still free.
    check(
        "@1 u1 reserve A 1 -> pending 900 until 101
         @2 u2 reserve B 1 key -> unavailable 1 reserved
         @3 u2 reserve B 2 key -> pending 900 until 103",
    );
}

#[test]
fn details_change_for_what_comes_after() {
    check(
        "@1 u1 rename Jazz -> amended
         @1 u1 rename Jazz -> unchanged
         @1 u1 end 1 -> the event ends before it begins
         @2 u1 end 9950 -> amended
         @9950 u1 reserve A 1 -> event ended",
    );
}

#[test]
fn what_ended_is_decided_by_how_it_ended() {
    let mut stage = Stage::new();
    stage.run("@1 u1 reserve A 1");
    let mut row = stage.event.reservation(stage.named[&'A']).expect("it is held");
    let own = Caller::User(user(1));
    let cases = [
        (ReservationStatus::Cancelled, Command::Cancel(row.id, own), "Ok(())"),
        (ReservationStatus::Cancelled, Command::Confirm(row.id, own), "Err(ReservationCancelled)"),
        (ReservationStatus::Cancelled, Command::Extend(row.id, Caller::Admin), "Err(ReservationCancelled)"),
        (ReservationStatus::Expired, Command::Cancel(row.id, own), "Err(ReservationExpired"),
        (ReservationStatus::Expired, Command::Confirm(row.id, own), "Err(ReservationExpired"),
        (
            ReservationStatus::Expired,
            Command::Confirm(row.id, Caller::User(user(2))),
            "Err(ReservationNotFound)",
        ),
        (ReservationStatus::Expired, Command::Delete, "Err(ReservationNotFound)"),
    ];
    for (status, command, expected) in cases {
        row.status = status;
        let answer = format!("{:?}", ended(&command, &row));
        assert!(answer.starts_with(expected), "{status:?} {command:?} gives {answer}");
    }
}

#[test]
fn a_batch_writes_each_seat_and_reservation_once_as_it_is_in_the_end() {
    let mut event = Event::new(info());
    let mut first = OpenBatch::default();
    let held = reserve(&mut event, &mut first, 1, 1, &[1, 2]);
    first.close(&mut event, 1, random_batch_id(), at(1));

    let mut batch = OpenBatch::default();
    apply(&mut event, &mut batch, 2, Command::Cancel(held, Caller::Admin));
    let taken_over = reserve(&mut event, &mut batch, 2, 2, &[2, 3]);
    let come_and_gone = reserve(&mut event, &mut batch, 2, 3, &[4]);
    apply(&mut event, &mut batch, 2, Command::Cancel(come_and_gone, Caller::Admin));
    apply(&mut event, &mut batch, 2, Command::Confirm(taken_over, Caller::Admin));
    let batch = batch.close(&mut event, 7, random_batch_id(), at(2));

    assert_eq!((batch.seq, batch.epoch, batch.changes.len()), (2, 7, 5));
    assert_eq!(batch.released, [1, 2]);
    assert_eq!(batch.claimed, [(2, taken_over), (3, taken_over)]);
    let rows = |rows: &[Arc<Reservation>]| rows.iter().map(|row| (row.id, row.status)).collect::<Vec<_>>();
    let created = [(taken_over, ReservationStatus::Confirmed), (come_and_gone, ReservationStatus::Cancelled)];
    assert_eq!(rows(&batch.created), created);
    assert_eq!(rows(&batch.updated), [(held, ReservationStatus::Cancelled)]);
    assert_eq!(batch.counts, SeatCounts { confirmed: 2, ..SeatCounts::default() });
    assert_eq!(batch.next_expires_at, None);
}

#[test]
fn a_journal_that_sells_a_seat_twice_is_refused() {
    let mut event = Event::new(info());
    let mut batch = OpenBatch::default();
    let holder = reserve(&mut event, &mut batch, 1, 1, &[1]);
    let mut row = batch.close(&mut event, 1, random_batch_id(), at(1)).journal_row();
    let Change::Reserved { id, .. } = &mut row.changes[0] else { panic!("the change is a hold") };
    *id = ReservationId::next(event.info.id, Some(holder), at(2));
    let second = *id;
    row.seq = 2;
    assert_eq!(event.replay(&row), Err(ReplayError::SeatTaken { seq: 2, id: second, seat_no: 1, holder }));
    row.seq = 3;
    assert_eq!(event.replay(&row), Err(ReplayError::Gap { after: 1, found: 3 }));
}

/// Two events made in one millisecond give their first reservations the same number.
#[test]
fn another_events_reservation_is_not_found_also_if_its_number_is_known_here() {
    let mut event = Event::new(info());
    let own = reserve(&mut event, &mut OpenBatch::default(), 1, 1, &[1]);
    let foreign = ReservationId::next(EventId::mint(at(0), 2), None, at(1));
    assert_eq!(ReservationNo::of(foreign), ReservationNo::of(own));
    assert_ne!(foreign, own);

    let before = event.clone();
    assert_eq!(event.reservation(foreign), None);
    for command in [Command::Confirm, Command::Cancel, Command::Extend] {
        let answer = event.apply(&command(foreign, Caller::Admin), at(2));
        assert_eq!(answer.err(), Some(Rejection::ReservationNotFound));
    }

    let reserved = Change::Reserved {
        id: foreign,
        user_id: user(1),
        seats: vec![2],
        total_minor: 900,
        expires_at: at(100),
        idempotency_key: None,
        terms: None,
    };
    let other_event = ReplayError::OtherEvent { seq: 1, id: foreign };
    let not_live = |change| ReplayError::NotLive { seq: 1, id: foreign, change };
    for (change, expected) in [
        (reserved, other_event),
        (Change::Confirmed { id: foreign }, not_live("confirmed")),
        (Change::Extended { id: foreign, expires_at: at(300) }, not_live("extended")),
        (Change::Expired { id: foreign }, not_live("expired")),
        (Change::Cancelled { id: foreign }, not_live("cancelled")),
    ] {
        let row = JournalRow {
            seq: 1,
            epoch: 1,
            batch_id: random_batch_id(),
            decided_at: at(2),
            ordered_at: at(2),
            changes: vec![change],
        };
        assert_eq!(event.replay(&row), Err(expected));
    }
    assert_eq!(event, before);
}

fn apply(event: &mut Event, batch: &mut OpenBatch, second: u32, command: Command) -> Option<ReservationId> {
    let (outcome, change) = event.apply(&command, at(second)).ok()?;
    let reservation = outcome.reservation().cloned();
    let id = reservation.as_ref().map(|row| row.id);
    if let Some(change) = change {
        batch.push(change, reservation);
    }
    id
}

fn reserve(
    event: &mut Event,
    batch: &mut OpenBatch,
    second: u32,
    user_no: u128,
    seats: &[SeatNo],
) -> ReservationId {
    let command = Command::reserve(user(user_no), seats.to_vec(), None);
    apply(event, batch, second, command).expect("the seats are free")
}

mod properties {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::words::Batch;

    /// A step of an arbitrary history: some commands in one batch, after some time.
    #[derive(Debug, Clone)]
    struct Step {
        wait_s: u32,
        commands: Vec<Order>,
    }

    #[derive(Debug, Clone)]
    enum Order {
        Reserve {
            user_no: u128,
            seats: Vec<SeatNo>,
            key: Option<u8>,
        },
        /// What to do to which of the reservations so far.
        Change {
            kind: u8,
            which: usize,
            user_no: Option<u128>,
        },
        Amend {
            hold_ttl_s: u32,
        },
    }

    fn order() -> impl Strategy<Value = Order> {
        prop_oneof![
            4 => (1..4_u128, prop::collection::vec(0..10_u32, 0..4), prop::option::of(0..3_u8))
                .prop_map(|(user_no, seats, key)| Order::Reserve { user_no, seats, key }),
            5 => (0..3_u8, any::<usize>(), prop::option::of(1..4_u128))
                .prop_map(|(kind, which, user_no)| Order::Change { kind, which, user_no }),
            1 => (1..200_u32).prop_map(|hold_ttl_s| Order::Amend { hold_ttl_s }),
        ]
    }

    fn history() -> impl Strategy<Value = Vec<Step>> {
        let commands = prop::collection::vec(order(), 0..6);
        prop::collection::vec(
            (0..150_u32, commands).prop_map(|(wait_s, commands)| Step { wait_s, commands }),
            0..30,
        )
    }

    fn command(order: &Order, made: &[ReservationId], event_id: EventId) -> Command {
        match order {
            Order::Reserve { user_no, seats, key } => {
                Command::reserve(user(*user_no), seats.clone(), key.map(|key| key.to_string()))
            }
            Order::Change { kind, which, user_no } => {
                let unknown = ReservationId::next(event_id, None, at(0));
                let id = made.get(which % made.len().max(1)).copied().unwrap_or(unknown);
                let caller = user_no.map_or(Caller::Admin, |number| Caller::User(user(number)));
                match kind {
                    0 => Command::Confirm(id, caller),
                    1 => Command::Cancel(id, caller),
                    _ => Command::Extend(id, caller),
                }
            }
            Order::Amend { hold_ttl_s } => {
                Command::Amend(EventPatch { hold_ttl_s: Some(*hold_ttl_s), ..EventPatch::default() })
            }
        }
    }

    /// The tables, kept by batches alone, as a store keeps them.
    #[derive(Default)]
    struct Tables {
        reservations: BTreeMap<ReservationId, Reservation>,
        claims: BTreeMap<SeatNo, ReservationId>,
    }

    impl Tables {
        fn append(&mut self, batch: &Batch) {
            for row in &batch.created {
                assert!(self.reservations.insert(row.id, (**row).clone()).is_none(), "created twice");
            }
            for row in &batch.updated {
                assert!(
                    self.reservations.insert(row.id, (**row).clone()).is_some(),
                    "updated before created"
                );
            }
            for seat_no in &batch.released {
                assert!(self.claims.remove(seat_no).is_some(), "released without a claim");
            }
            for (seat_no, id) in &batch.claimed {
                assert!(self.claims.insert(*seat_no, *id).is_none(), "claimed twice");
            }
        }
    }

    /// Plays a history; checks what must hold after every batch.
    fn play(history: &[Step]) -> (Event, Vec<JournalRow>, Tables) {
        let mut event = Event::new(info());
        let (mut journal, mut tables, mut made) = (Vec::new(), Tables::default(), Vec::new());
        let mut second = 0;
        for step in history {
            second += step.wait_s;
            let mut batch = OpenBatch::default();
            for (change, reservation) in event.expire(at(second), 2) {
                batch.push(change, reservation);
            }
            for order in &step.commands {
                let command = command(order, &made, event.info.id);
                made.extend(apply(&mut event, &mut batch, second, command));
            }
            if !batch.is_empty() {
                let batch = batch.close(&mut event, 1, random_batch_id(), at(second));
                tables.append(&batch);
                journal.push(batch.journal_row());
            }
            assert_holders(&event);
        }
        (event, journal, tables)
    }

    fn assert_holders(event: &Event) {
        let mut held = HashMap::new();
        for reservation in event.reservations() {
            let prices = reservation.seats.iter().filter_map(|&no| event.info.seating.price_minor(no, 0));
            assert_eq!(reservation.total_minor, prices.sum::<i64>(), "invariant 8");
            for &seat_no in &reservation.seats {
                assert_eq!(held.insert(seat_no, reservation.id), None, "invariant 1: seat {seat_no}");
            }
        }
        for seat_no in 1..=event.info.seating.seats() {
            assert_eq!(event.holder(seat_no), held.get(&seat_no).copied(), "seat {seat_no}");
        }
        let counts = event.counts();
        assert_eq!((counts.reserved + counts.confirmed) as usize, held.len(), "counts");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Invariants 1, 5 and 8: one holder a seat; journal, tables and memory say the same; money adds up.
        #[test]
        fn invariants_1_5_and_8_hold_over_any_history(history in history()) {
            let (event, journal, tables) = play(&history);
            let mut replayed = Event::new(info());
            for row in &journal {
                prop_assert_eq!(replayed.replay(row).err(), None);
            }
            prop_assert_eq!(&replayed, &event);

            let live: BTreeMap<_, _> = event.reservations().map(|row| (row.id, row)).collect();
            let stored = tables.reservations.iter().filter(|(_, row)| row.status.is_live());
            prop_assert_eq!(stored.map(|(id, row)| (*id, row.clone())).collect::<BTreeMap<_, _>>(), live);
            for seat_no in 1..=event.info.seating.seats() {
                prop_assert_eq!(event.holder(seat_no), tables.claims.get(&seat_no).copied());
            }
        }

        /// Invariant 7: every hold ends, and its seats with it.
        #[test]
        fn invariant_7_every_hold_ends(history in history()) {
            let (mut event, ..) = play(&history);
            event.expire(at(1_000_000), usize::MAX);
            prop_assert!(event.reservations().all(|row| row.status == ReservationStatus::Confirmed));
            prop_assert_eq!(event.counts().reserved, 0);
            prop_assert_eq!(event.next_expires_at(), None);
        }

        /// Invariant 3: what was rejected left no effect.
        #[test]
        fn invariant_3_a_rejection_leaves_no_effect(history in history(), order in order()) {
            let (mut event, ..) = play(&history);
            let made: Vec<_> = event.reservations().map(|row| row.id).collect();
            let before = event.clone();
            if event.apply(&command(&order, &made, event.info.id), at(5)).is_err() {
                prop_assert_eq!(event, before);
            }
        }
    }
}
