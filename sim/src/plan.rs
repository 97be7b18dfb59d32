//! What a seed does: how many of everything, and which faults when. A plan can be made smaller without
//! changing the rest of it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use engine::testing::new_event;
use engine::{Best, EngineConfig, LayoutBuilder, NewEvent, Prices, SeatSpec, Seating, Section, SectionNo};

use crate::clock::START;
use crate::dice::Dice;
use crate::store::PATIENCE as STORE_PATIENCE;

/// What is left of a seed's run; everything, if not said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The clients that stay away, a bit each.
    pub without_clients: u64,
    /// The faults that do not happen, a bit each.
    pub without_faults: u64,
    /// Milliseconds until the clients stop.
    pub millis: usize,
}

/// Whether a bit is set.
pub fn has(bits: u64, index: usize) -> bool {
    1u64.checked_shl(index as u32).is_some_and(|bit| bits & bit != 0)
}

impl Default for Limits {
    fn default() -> Self {
        Self { without_clients: 0, without_faults: 0, millis: usize::MAX }
    }
}

/// What happens to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A node is killed, and started again.
    Kill(usize),
    /// A node dies at one of its next calls to the outside (before it or after it), and is started again.
    Crash {
        /// Which node.
        node: usize,
        /// How many calls it still makes.
        calls: usize,
        /// Whether the last one is carried out.
        is_after: bool,
    },
    /// A node stops gracefully, and is started again.
    Drain(usize),
    /// A node is paused.
    Pause(usize),
    /// Nothing gets through between two nodes.
    CutNodes(usize, usize),
    /// A node cannot reach the store.
    CutStore(usize),
    /// A node cannot reach Redis.
    CutRedis(usize),
    /// The store answers nothing.
    StoreDown,
    /// Redis answers nothing.
    RedisDown,
    /// Redis forgets everything.
    RedisFlush,
    /// Redis's clock jumps.
    RedisClock(i64),
    /// A node's clock jumps.
    NodeClock(usize, i64),
    /// The store's clock jumps.
    StoreClock(i64),
    /// Messages get lost, come late, or twice.
    Storm {
        /// Of a hundred.
        lost: usize,
        /// Of a hundred.
        doubled: usize,
    },
    /// Everything is slow.
    Slow(usize),
    /// The store aborts batches of a node.
    Aborts(usize, usize),
    /// An append of a node panics: before the batch is sent, or when it is committed.
    Panic(usize, bool),
}

/// A fault, when it begins, and how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    /// Its number.
    pub index: usize,
    /// Since the run began.
    pub at: Duration,
    /// Until it is healed.
    pub lasts: Duration,
    /// What it is.
    pub kind: FaultKind,
}

/// An event of the run.
#[derive(Debug, Clone)]
pub struct PlannedEvent {
    /// How many seats it has.
    pub seats: u32,
    /// How long its holds last.
    pub hold_ttl_s: u32,
}

/// How many seats and places the one house has that is no block of rows; no other event has as many.
pub const HOUSE_SEATS: u32 = 30;
/// The numbers of the seats of its box.
pub const HOUSE_BOX: RangeInclusive<u32> = 16..=18;
/// Its section of counted places.
pub const HOUSE_FLOOR: SectionNo = 2;

/// Two rows with an aisle, a wheelchair place and its companion; a box; a floor.
fn house() -> Seating {
    let mut builder = LayoutBuilder::new();
    let category = builder.category("standard").expect("the first");
    let section = |builder: &mut LayoutBuilder, name: &str| {
        let section = Section { name: Some(name.to_owned()), entrance: None, best: Best::Center };
        builder.section(section).expect("one of three")
    };
    let stalls = section(&mut builder, "Stalls");
    let boxes = section(&mut builder, "Boxes");
    let floor = section(&mut builder, "Floor");
    for (section, row, attributes) in
        [(stalls, "A", [0; 10].as_slice()), (stalls, "B", &[1, 2, 0, 0, 0]), (boxes, "1", &[0; 3])]
    {
        builder.row(section, row, section == boxes).expect("a label");
        for (index, &attributes) in attributes.iter().enumerate() {
            let seat = SeatSpec {
                label: &(index + 1).to_string(),
                category,
                attributes,
                rank: 0,
                together: section == boxes,
                aisle_before: index == 6,
            };
            builder.seat(seat).expect("a seat of its own");
        }
    }
    builder.places(floor, category, 12).expect("few");
    let layout = builder.build();
    assert_eq!(layout.seats(), HOUSE_SEATS);
    let prices = Prices::by_category(&layout, [500]);
    Seating { layout: layout.shared(), prices: Arc::new(prices) }
}

impl PlannedEvent {
    /// One of a few sizes.
    pub fn roll(dice: &mut Dice) -> Self {
        Self {
            seats: *dice.pick(&[1, 4, 8, 20, 40, HOUSE_SEATS, HOUSE_SEATS]),
            hold_ttl_s: *dice.pick(&[1, 1, 2, 3, 5]),
        }
    }

    /// What an administrator says of it.
    pub fn new_event(&self) -> NewEvent {
        let mut event = new_event(START, self.seats);
        if self.seats == HOUSE_SEATS {
            event.seating = house();
        }
        event.details.hold_ttl_s = self.hold_ttl_s;
        event.details.max_hold_s = self.hold_ttl_s * 3;
        event
    }
}

/// What a seed does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// The events.
    pub events: Vec<PlannedEvent>,
    /// The clients, by their numbers.
    pub clients: Vec<usize>,
    /// The number of the first that is an administrator; so are those after it.
    pub first_admin: usize,
    /// How long the clients go on.
    pub duration: Duration,
    /// The longest time that a client thinks, in milliseconds.
    pub think_ms: usize,
    /// The faults, in the order of their beginning.
    pub faults: Vec<PlannedFault>,
    /// How the engines run.
    pub engine: EngineConfig,
    /// How long a lease lasts.
    pub lease_ttl: Duration,
    /// Whether owners publish.
    pub publishes: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, limits: Limits) -> Self {
        let dice = &mut Dice::new(seed, "plan", 0);
        let nodes = *dice.pick(&[1, 2, 2, 3, 3, 3, 4, 5]);
        let duration = dice.millis(3_000..14_000);
        let faults = plan_faults(seed, nodes, duration, limits.without_faults);
        let events = (0..*dice.pick(&[1, 1, 1, 2, 3, 5, 20])).map(|_| PlannedEvent::roll(dice)).collect();
        let engine = EngineConfig {
            queue_per_event: *dice.pick(&[2, 100, 10_000]),
            batch_commands: *dice.pick(&[1, 2, 8, 1_024]),
            idle_after: *dice.pick(&[
                Duration::from_millis(300),
                Duration::from_secs(2),
                Duration::from_secs(300),
            ]),
            sweep_every: *dice.pick(&[Duration::from_secs(1), Duration::from_secs(5)]),
            renew_leases_every: Duration::from_millis(500),
            ended_keys: *dice.pick(&[0, 1, 4, 20_000]),
            ..EngineConfig::default()
        };
        let clients = dice.number(2..11);
        Self {
            seed,
            nodes,
            events,
            clients: (0..clients).filter(|&client| !has(limits.without_clients, client)).collect(),
            first_admin: clients.saturating_sub(*dice.pick(&[0, 0, 0, 1, 1, 4])),
            duration: duration.min(Duration::from_millis(limits.millis as u64)),
            think_ms: *dice.pick(&[20, 100, 400]),
            faults,
            engine,
            lease_ttl: dice.millis(1_600..4_000),
            publishes: dice.chance(70),
        }
    }

    /// The longest time that a message can be under way.
    pub fn longest_way(&self) -> Duration {
        let delays =
            |fault: &PlannedFault| matches!(fault.kind, FaultKind::Storm { .. } | FaultKind::Slow(_));
        if self.faults.iter().any(delays) { Duration::from_secs(8) } else { Duration::ZERO }
    }

    /// By how much a hold may end too early: clocks drift, the store's jumps, and how long its answers take
    /// can hide what time it is.
    pub fn clock_error(&self) -> Duration {
        let jumps = self.faults.iter().map(|fault| match fault.kind {
            FaultKind::StoreClock(millis) => Duration::from_millis(millis.unsigned_abs()),
            _ => Duration::ZERO,
        });
        let is_slow = |fault: &PlannedFault| {
            matches!(fault.kind, FaultKind::Storm { .. } | FaultKind::Slow(_) | FaultKind::Pause(_))
        };
        let answers = if self.faults.iter().any(is_slow) { STORE_PATIENCE } else { Duration::ZERO };
        jumps.sum::<Duration>() + answers + Duration::from_millis(100)
    }

    /// The longest time that a node may not notice something for reasons of its own: it is paused, or cut
    /// off.
    pub fn longest_blindness(&self) -> Duration {
        let blinds = |fault: &&PlannedFault| {
            matches!(
                fault.kind,
                FaultKind::Pause(_)
                    | FaultKind::CutStore(_)
                    | FaultKind::StoreDown
                    | FaultKind::Storm { .. }
                    | FaultKind::Slow(_)
            )
        };
        // A publication lives longer by as much as Redis's clock goes back.
        let goes_back = |fault: &PlannedFault| match fault.kind {
            FaultKind::RedisClock(millis) => Duration::from_millis(millis.unsigned_abs()),
            _ => Duration::ZERO,
        };
        let blind: Duration = self.faults.iter().filter(blinds).map(|fault| fault.lasts).sum();
        blind + self.faults.iter().map(goes_back).sum::<Duration>()
    }
}

/// A run has some kinds of faults and not others, so that each also meets the world without the rest (Groce
/// and others, "Swarm testing", 2012).
fn plan_faults(seed: u64, nodes: usize, duration: Duration, without: u64) -> Vec<PlannedFault> {
    let dice = &mut Dice::new(seed, "faults", 0);
    let kinds: Vec<usize> = (0..17).filter(|_| dice.chance(35)).collect();
    let count = *dice.pick(&[0, 1, 2, 4, 8, 16]);
    let mut faults = Vec::new();
    for index in (0..count).filter(|&index| !has(without, index)) {
        let dice = &mut Dice::new(seed, "fault", index);
        let Some(kind) = (!kinds.is_empty()).then(|| *dice.pick(&kinds)) else { break };
        let longest_ms = *dice.pick(&[200, 1_000, 5_000]);
        faults.push(PlannedFault {
            index,
            at: dice.millis(0..duration.as_millis() as usize),
            lasts: dice.millis(20..longest_ms),
            kind: fault_kind(kind, nodes, dice),
        });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn fault_kind(kind: usize, nodes: usize, dice: &mut Dice) -> FaultKind {
    let node = dice.number(0..nodes);
    let jump = dice.number(0..4_000) as i64 - 2_000;
    let far = *dice.pick(&[0, 0, -3_600_000, 3_600_000]);
    match kind {
        0 => FaultKind::Kill(node),
        1 => FaultKind::Crash { node, calls: dice.number(0..20), is_after: dice.chance(50) },
        2 => FaultKind::Drain(node),
        3 => FaultKind::Pause(node),
        4 => FaultKind::CutNodes(node, dice.number(0..nodes)),
        5 => FaultKind::CutStore(node),
        6 => FaultKind::CutRedis(node),
        7 => FaultKind::StoreDown,
        8 => FaultKind::RedisDown,
        9 => FaultKind::RedisFlush,
        10 => FaultKind::RedisClock(jump),
        11 => FaultKind::NodeClock(node, jump + far),
        12 => FaultKind::Storm { lost: dice.number(1..30), doubled: dice.number(0..20) },
        13 => FaultKind::Slow(dice.number(10..300)),
        14 => FaultKind::Aborts(node, dice.number(1..4)),
        15 => FaultKind::StoreClock(jump),
        _ => FaultKind::Panic(node, dice.chance(50)),
    }
}
