//! Scenarios of the protocol are written as lines: an input, `=>`, and what the owner asks for. See `check`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::*;
use crate::ports::Store;
use crate::testing::{MemoryStore, event_info, random_batch_id};
use crate::words::{
    Batch, Caller, Change, Command, EndedKey, EventId, EventPatch, KeyHash, Outcome, ReservationId, Seating,
    UserId,
};

/// What is heard of a command that is dropped unanswered.
type Dropped = Rc<RefCell<Vec<String>>>;

/// A caller's command. One that is poisoned panics when the rules look at it.
struct TestTicket {
    name: char,
    command: Command,
    came: Duration,
    is_poisoned: bool,
    stage: &'static str,
    dropped: Dropped,
}

impl Ticket for TestTicket {
    fn command(&self) -> &Command {
        assert!(!self.is_poisoned, "poisoned");
        &self.command
    }

    fn came(&self) -> Duration {
        self.came
    }

    fn applying(&mut self) {
        self.stage = "crashed";
    }

    fn applied(&mut self) {
        self.stage = "not taken";
    }

    fn appending(&mut self) {
        self.stage = "unknown";
    }
}

impl Drop for TestTicket {
    fn drop(&mut self) {
        if !self.stage.is_empty() {
            self.dropped.borrow_mut().push(format!("{} {}", self.name, self.stage));
        }
    }
}

/// An owner with a store that does what a line says.
struct Stage {
    owner: Owner<TestTicket, char>,
    store: MemoryStore,
    id: EventId,
    /// What the owner has given to the store.
    under_way: Option<Arc<Batch>>,
    doubtful_seq: Option<u64>,
    looked_for: Vec<KeyHash>,
    seconds: u32,
    named: HashMap<char, ReservationId>,
    dropped: Dropped,
}

const PACE: Pace = Pace {
    batch_commands: 4,
    tick: Duration::from_millis(100),
    idle_after: Duration::from_secs(300),
    ended_keys: 10,
};

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000).plus_s(seconds)
}

fn wait_for<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(call)
}

impl Stage {
    /// An event of 10 seats, whose holds last a minute.
    fn new(pace: Pace) -> Self {
        let info = event_info(at(0), 1, Seating::of_seats(10, 500));
        let id = info.id;
        let store = MemoryStore::new();
        wait_for(store.create_event(&info)).expect("it is new");
        let owned = activate(&store, id, pace).expect("it is there");
        Self {
            owner: Owner::new(owned, pace, Duration::ZERO),
            store,
            id,
            under_way: None,
            doubtful_seq: None,
            looked_for: Vec::new(),
            seconds: 0,
            named: HashMap::new(),
            dropped: Dropped::default(),
        }
    }

    fn input(&mut self, text: &str) -> Input<TestTicket, char> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "take" => Input::Commands(rest.split(", ").map(|command| self.ticket(command)).collect()),
            "read" => Input::ReadMap(rest.chars().next().expect("a reader's name")),
            "tick" => {
                self.seconds += rest.parse::<u32>().expect("seconds");
                Input::Tick
            }
            "drain" => Input::Drain,
            "unused" => Input::Unused,
            "append" => Input::Appended(self.appended(rest)),
            "epoch" => Input::Epoch(self.epoch(rest)),
            "keys" => Input::EndedKeys(self.keys(rest)),
            "reload" => Input::Reloaded(Box::new(self.reloaded(rest))),
            other => panic!("no such input: {other}"),
        }
    }

    /// `a reserve 1`, `b confirm a`, `c rename X`, `d delete`, `e poison`.
    fn ticket(&self, text: &str) -> TestTicket {
        let words: Vec<_> = text.split(' ').collect();
        let name = text.chars().next().expect("a caller's name");
        let of = || self.named[&words[2].chars().next().expect("a reservation's name")];
        let command = match words[1] {
            "reserve" => Command::reserve(
                UserId::new(uuid::Uuid::from_u128(name.into())),
                vec![words[2].parse().expect("a seat")],
                Some(name.to_string()),
            ),
            "confirm" => Command::Confirm(of(), Caller::Admin),
            "cancel" => Command::Cancel(of(), Caller::Admin),
            "rename" => {
                Command::Amend(EventPatch { name: Some(words[2].to_owned()), ..EventPatch::default() })
            }
            "delete" | "poison" => Command::Delete,
            other => panic!("no such command: {other}"),
        };
        let (is_poisoned, dropped) = (words[1] == "poison", Rc::clone(&self.dropped));
        let came = Duration::from_secs(self.seconds.into());
        TestTicket { name, command, came, is_poisoned, stage: "not taken", dropped }
    }

    fn appended(&mut self, outcome: &str) -> Result<(), AppendError> {
        let batch = self.under_way.take().expect("a batch is at the store");
        if matches!(outcome, "committed" | "unknown, written") {
            wait_for(self.store.append(&batch)).expect("it is the owner's");
        }
        match outcome {
            "committed" => Ok(()),
            "fenced" => Err(AppendError::Fenced),
            "aborted" => Err(AppendError::Aborted("why".to_owned())),
            "unknown, written" | "unknown, lost" => Err(AppendError::Unknown("why".to_owned())),
            other => panic!("no such outcome: {other}"),
        }
    }

    fn epoch(&self, found: &str) -> Result<Option<u64>, Fault> {
        match found {
            "same" => Ok(Some(self.owner.owned.epoch)),
            "raised" => Ok(Some(self.owner.owned.epoch + 1)),
            "gone" => Ok(None),
            "unavailable" => Err(Fault::Unavailable("why".to_owned())),
            other => panic!("no such epoch: {other}"),
        }
    }

    fn keys(&self, found: &str) -> Result<Vec<EndedKey>, Fault> {
        match found {
            "found" => Ok(wait_for(self.store.ended_keys(self.id, &self.looked_for)).expect("it is up")),
            "unavailable" => Err(Fault::Unavailable("why".to_owned())),
            other => panic!("no such answer: {other}"),
        }
    }

    fn reloaded(&mut self, outcome: &str) -> Result<Reloaded, CallError> {
        let batch_at = |seq| wait_for(self.store.batch_at(self.id, seq)).expect("it is up");
        match outcome {
            "done" => Ok(Reloaded {
                owned: activate(&self.store, self.id, self.owner.pace),
                batch_at: self.doubtful_seq.and_then(batch_at),
            }),
            "unavailable" => Err(Fault::Unavailable("why".to_owned()).into()),
            "elsewhere" => Err(CallError::Elsewhere("another node".to_owned())),
            other => panic!("no such reload: {other}"),
        }
    }

    /// Gives the owner what the text says, and describes what it asks for.
    fn run(&mut self, text: &str) -> String {
        let input = self.input(text);
        let now = Now { monotonic: Duration::from_secs(self.seconds.into()), batch_id: random_batch_id() };
        let mut told = Vec::new();
        match catch_unwind(AssertUnwindSafe(|| self.owner.step(input, now))) {
            Ok(effects) => {
                for effect in effects {
                    self.describe(effect, &mut told);
                }
            }
            Err(_) => told.push("panic".to_owned()),
        }
        told.append(&mut self.dropped.borrow_mut());
        told.join("; ")
    }

    fn describe(&mut self, effect: Effect<TestTicket, char>, told: &mut Vec<String>) {
        told.push(match effect {
            Effect::Append(batch) => {
                let kinds: Vec<_> = batch.changes.iter().map(kind).collect();
                let text = format!("append {} {}", batch.seq, kinds.join(" "));
                self.under_way = Some(batch);
                text
            }
            Effect::LookForEpoch => "look".to_owned(),
            Effect::LookForKeys(keys) => {
                self.looked_for = keys;
                format!("look for keys: {}", self.looked_for.len())
            }
            Effect::Reload { after, doubtful_seq } => {
                self.doubtful_seq = doubtful_seq;
                let doubtful = doubtful_seq.map_or(String::new(), |seq| format!(" for {seq}"));
                format!("reload in {} ms{doubtful}", after.as_millis())
            }
            Effect::Show(view) => format!("show {}", view.version),
            Effect::ShowEpoch(u64::MAX) => "hide epoch".to_owned(),
            Effect::ShowEpoch(epoch) => format!("epoch {epoch}"),
            Effect::ShowMap(readers, map) => {
                format!("{} sees {}", readers.into_iter().collect::<String>(), map.version)
            }
            Effect::Answer(answers) => {
                return told.extend(answers.into_iter().map(|(ticket, answer)| self.answer(ticket, answer)));
            }
            Effect::Close => "close".to_owned(),
            Effect::EndIfUnused => "end if unused".to_owned(),
            Effect::End => "end".to_owned(),
        });
    }

    fn answer(&mut self, mut ticket: TestTicket, answer: Answer) -> String {
        ticket.stage = "";
        let text = match answer {
            Answer::Done { outcome, .. } => {
                if let (Command::Reserve { .. }, Some(row)) = (&ticket.command, outcome.reservation()) {
                    self.named.insert(ticket.name, row.id);
                }
                match outcome {
                    Outcome::Reservation(row) => format!("{:?} in {}", row.status, row.seq).to_lowercase(),
                    other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_lowercase(),
                }
            }
            Answer::Rejected { seq, .. } => format!("refused at {seq}"),
            Answer::Fault(Fault::Unavailable(_)) => "unavailable".to_owned(),
            Answer::Fault(fault) => format!("{fault:?}").split('(').next().unwrap_or_default().to_lowercase(),
            Answer::NotTaken => "not taken".to_owned(),
            Answer::Crashed => "crashed".to_owned(),
        };
        format!("{} {text}", ticket.name)
    }
}

fn activate(store: &MemoryStore, id: EventId, pace: Pace) -> Option<Owned> {
    wait_for(store.activate(id, "this node", pace.ended_keys as u32))
        .expect("it is up")
        .map(|snapshot| Owned::restore(snapshot, Anchor { wall: at(0), monotonic: Duration::ZERO }))
}

fn kind(change: &Change) -> String {
    format!("{change:?}").split([' ', '{']).next().unwrap_or_default().to_lowercase()
}

/// Runs a scenario. A line without an effect ends in `=>`.
#[track_caller]
fn check(scenario: &str) {
    check_with(PACE, scenario);
}

#[track_caller]
fn check_with(pace: Pace, scenario: &str) {
    let mut stage = Stage::new(pace);
    for line in scenario.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (input, expected) = line.split_once("=>").expect("a line has =>");
        assert_eq!(stage.run(input.trim()), expected.trim(), "after: {input}\nin:{scenario}");
    }
}

#[test]
fn a_batch_is_answered_after_its_commit_and_the_queue_fills_meanwhile() {
    check(
        "take a reserve 1, b reserve 1 => append 1 reserved
         take c reserve 2, d reserve 3 =>
         read m =>
         append committed => show 1; a pending in 1; b refused at 1; m sees 1; append 2 reserved reserved
         tick 1 =>
         append committed => show 2; c pending in 2; d pending in 2
         tick 1 =>",
    );
}

#[test]
fn a_batch_takes_so_many_commands_and_no_more() {
    check(
        "take a reserve 1, b reserve 2, c reserve 1, d reserve 3, e reserve 4 => append 1 reserved reserved reserved
         append committed => show 1; a pending in 1; b pending in 1; c refused at 1; d pending in 1; append 2 reserved
         append committed => show 2; e pending in 2",
    );
}

#[test]
fn what_runs_out_is_written_before_what_asks() {
    check(
        "take a reserve 1 => append 1 reserved
         append committed => show 1; a pending in 1
         tick 59 =>
         tick 1 => append 2 expired
         take b reserve 1 =>
         append committed => show 2; append 3 reserved
         append committed => show 3; b pending in 3",
    );
}

/// More than a batch takes: still nobody is refused a seat whose hold has run out.
#[test]
fn all_that_has_run_out_is_written_before_what_asks() {
    check(
        "take a reserve 1, b reserve 2, c reserve 3, d reserve 4 => append 1 reserved reserved reserved reserved
         append committed => show 1; a pending in 1; b pending in 1; c pending in 1; d pending in 1
         take e reserve 5 => append 2 reserved
         append committed => show 2; e pending in 2
         tick 60 => append 3 expired expired expired expired
         take f reserve 5 =>
         append committed => show 3; append 4 expired reserved
         append committed => show 4; f pending in 4",
    );
}

/// Nobody loses a hold because the store took long.
#[test]
fn a_command_is_judged_by_the_time_at_which_it_came() {
    check(
        "take a reserve 1, b reserve 2 => append 1 reserved reserved
         append committed => show 1; a pending in 1; b pending in 1
         take c reserve 3 => append 2 reserved
         tick 59 =>
         take d confirm a =>
         tick 1 =>
         take e confirm b =>
         append committed => show 2; c pending in 2; append 3 confirmed expired expired
         append committed => show 3; d confirmed in 3; e refused at 3",
    );
}

const ONE_KEY: Pace = Pace { ended_keys: 1, ..PACE };

/// One key of a reservation that has ended is in memory, the others are in the store alone.
#[test]
fn a_key_that_is_not_in_memory_is_looked_for_in_the_store() {
    check_with(
        ONE_KEY,
        "take a reserve 1, b reserve 2 => append 1 reserved reserved
         append committed => show 1; a pending in 1; b pending in 1
         take c cancel a, d cancel b => append 2 cancelled cancelled
         append committed => show 2; c cancelled in 2; d cancelled in 2
         take b reserve 2, a reserve 1, e reserve 3, f cancel a => look; look for keys: 2
         epoch same => b replayed; f refused at 2
         take g reserve 4, h reserve 5 =>
         keys found => append 3 reserved
         append committed => show 3; a replayed; e pending in 3; look for keys: 2
         keys unavailable => g unavailable; h unavailable
         take e reserve 3 => look
         epoch same => e replayed",
    );
}

#[test]
fn what_was_looked_for_before_a_reload_is_looked_for_again() {
    check_with(
        ONE_KEY,
        "take a reserve 1, b reserve 2 => append 1 reserved reserved
         append committed => show 1; a pending in 1; b pending in 1
         take c cancel a, d cancel b => append 2 cancelled cancelled
         append committed => show 2; c cancelled in 2; d cancelled in 2
         take e reserve 3 => look for keys: 1
         take f rename X => append 3 amended
         append aborted => f unavailable; hide epoch; reload in 50 ms
         keys found =>
         reload done => epoch 2; show 2; look for keys: 1
         keys found => append 3 reserved
         append committed => show 3; e pending in 3",
    );
}

/// Answers that changed nothing need an owner that is one still.
#[test]
fn an_epoch_is_looked_for_before_an_answer_that_changed_nothing() {
    check(
        "take a reserve 1 => append 1 reserved
         append committed => show 1; a pending in 1
         take b reserve 1, a reserve 1 => look
         take c reserve 2 =>
         read m =>
         epoch same => b refused at 1; a replayed; m sees 1; append 2 reserved
         append committed => show 2; c pending in 2
         take b reserve 1 => look
         epoch unavailable => b unavailable
         take b reserve 1 => look
         take d reserve 3 =>
         epoch raised => b not taken; end; d not taken
         take e reserve 4 =>",
    );
    check("take a reserve 99 => look \n epoch gone => a not taken; end");
}

#[test]
fn an_append_that_is_unknown_and_found_is_a_success() {
    check(
        "take a reserve 1, b reserve 1 => append 1 reserved
         append unknown, written => hide epoch; reload in 0 ms for 1
         take c reserve 2 =>
         read m =>
         reload done => a pending in 1; b refused at 1; epoch 2; show 1; m sees 1; append 2 reserved
         append committed => show 2; c pending in 2",
    );
}

#[test]
fn an_append_that_is_unknown_and_not_found_did_nothing() {
    check(
        "take a reserve 1, b reserve 1 => append 1 reserved
         append unknown, lost => hide epoch; reload in 0 ms for 1
         reload done => a unavailable; b unavailable; epoch 2; show 0
         take c reserve 1 => append 1 reserved
         append committed => show 1; c pending in 1",
    );
}

#[test]
fn an_append_that_stays_unknown_is_said_to_be() {
    check(
        "take a reserve 1 => append 1 reserved
         append unknown, written => hide epoch; reload in 0 ms for 1
         take b reserve 2 =>
         reload unavailable => reload in 100 ms for 1
         reload unavailable => reload in 200 ms for 1
         reload unavailable => reload in 400 ms for 1
         reload unavailable => reload in 800 ms for 1
         reload unavailable => reload in 1600 ms for 1
         reload unavailable => a unknown; end; b not taken",
    );
    check(
        "take a reserve 1 => append 1 reserved
         append unknown, written => hide epoch; reload in 0 ms for 1
         reload unavailable => reload in 100 ms for 1
         reload done => a pending in 1; epoch 2; show 1",
    );
    check(
        "take a reserve 1 => append 1 reserved
         append unknown, written => hide epoch; reload in 0 ms for 1
         reload elsewhere => a unknown; end",
    );
}

#[test]
fn a_deletion_that_is_unknown_and_found_ends_the_event() {
    check(
        "take a delete => append 1 deleted
         append unknown, written => hide epoch; reload in 0 ms for 1
         take b reserve 1 =>
         reload done => close; a deleted; end; b not taken",
    );
}

#[test]
fn a_deleted_event_is_closed_before_its_answer() {
    check(
        "take a delete, b reserve 1 => append 1 deleted
         take c reserve 1 =>
         append committed => show 1; close; a deleted; b refused at 1; end; c not taken",
    );
}

/// Invariant 4: each epoch has one writer.
#[test]
fn a_fenced_owner_ends_and_its_commands_were_not_taken() {
    check(
        "take a reserve 1 => append 1 reserved
         take b reserve 2 =>
         append fenced => a not taken; end; b not taken
         tick 1 =>",
    );
}

#[test]
fn aborted_batches_become_smaller_until_one_fits() {
    check(
        "take a reserve 1, b reserve 2, c reserve 3, d reserve 4 => append 1 reserved reserved reserved reserved
         append aborted => a unavailable; b unavailable; c unavailable; d unavailable; hide epoch; reload in 50 ms
         take e reserve 1, f reserve 2, g reserve 3 =>
         reload done => epoch 2; show 0; append 1 reserved reserved
         append aborted => e unavailable; f unavailable; hide epoch; reload in 50 ms
         take h reserve 4 =>
         reload done => epoch 3; show 0; append 1 reserved
         append committed => show 1; g pending in 1; append 2 reserved
         append committed => show 2; h pending in 2",
    );
    check(
        "take a reserve 1 => append 1 reserved
         append aborted => a unavailable; hide epoch; reload in 50 ms
         take b reserve 1 =>
         reload unavailable => end; b not taken",
    );
}

#[test]
fn a_drain_writes_what_waits_in_each_phase() {
    check("drain => close; end if unused \n tick 1 => end if unused \n unused => end \n tick 1 =>");
    check(
        "take a reserve 1 => append 1 reserved
         take b reserve 2 =>
         drain => close
         append committed => show 1; a pending in 1; append 2 reserved
         append committed => show 2; b pending in 2; end if unused
         unused => end",
    );
    check(
        "take a reserve 99 => look
         take b reserve 1 =>
         drain => close
         epoch same => a refused at 0; append 1 reserved
         append committed => show 1; b pending in 1; end if unused",
    );
    check(
        "take a reserve 1 => append 1 reserved
         append unknown, written => hide epoch; reload in 0 ms for 1
         take b reserve 2 =>
         drain => close
         reload done => a pending in 1; epoch 2; show 1; append 2 reserved
         append committed => show 2; b pending in 2; end if unused",
    );
    check("take a reserve 1 => append 1 reserved \n append fenced => a not taken; end \n drain => close");
}

#[test]
fn an_event_that_nobody_uses_leaves_memory() {
    check(
        "tick 300 =>
         tick 1 => end if unused
         take a reserve 1 => append 1 reserved
         append committed => show 1; a pending in 1
         take c confirm a => append 2 confirmed
         append committed => show 2; c confirmed in 2
         tick 300 =>
         read m => m sees 2
         tick 300 =>
         tick 1 => end if unused
         unused => end",
    );
}

/// Invariant 9: the command that crashes its event is the only one that hears of a crash.
#[test]
fn a_panic_in_a_rule_tells_each_caller_how_far_it_came() {
    let mut stage = Stage::new(PACE);
    assert_eq!(stage.run("take a reserve 1, b poison, c reserve 2"), "panic; b crashed; a not taken");
    drop(stage.owner);
    assert_eq!(stage.dropped.take(), ["c not taken"]);
}

#[test]
fn an_owner_that_is_dropped_with_a_batch_at_the_store_says_so() {
    let mut stage = Stage::new(PACE);
    stage.run("take a reserve 1, b reserve 1");
    stage.run("take c reserve 2");
    drop(stage.owner);
    stage.dropped.borrow_mut().sort();
    assert_eq!(stage.dropped.take(), ["a unknown", "b unknown", "c not taken"]);
}

#[test]
fn a_quiet_event_looks_at_the_clock_less_often() {
    let mut stage = Stage::new(PACE);
    let (tick, quiet) = (PACE.tick, Duration::from_secs(1));
    assert_eq!(stage.owner.next_tick(Duration::ZERO), quiet);
    stage.run("take a reserve 1");
    assert_eq!(
        [57, 59, 60].map(|second| stage.owner.next_tick(Duration::from_secs(second))),
        [quiet, tick, tick]
    );
    stage.run("drain");
    assert_eq!(stage.owner.next_tick(Duration::ZERO), tick);
}
