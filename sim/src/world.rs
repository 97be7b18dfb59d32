//! The simulated world: everything that its parts share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use checker::history::{Answer, Ask, Call, Log};
use engine::{EventId, EventInfo, NewEvent};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock::{NodeClock, START};
use crate::dice::Dice;
use crate::mail::{Mail, Node};
use crate::network::Network;
use crate::plan::Plan;
use crate::redis::Redis;
use crate::story::Story;
use crate::truth::Truth;

type Shown = Vec<(Duration, u64)>;

/// Everything that its parts share.
pub struct World {
    /// What is to happen.
    pub plan: Plan,
    /// What happens.
    pub story: Arc<Story>,
    /// All links.
    pub network: Arc<Network>,
    /// The store.
    pub truth: Arc<Truth>,
    /// The leases and publications.
    pub redis: Arc<Redis>,
    /// What clients were told.
    pub log: Log,
    /// When it began.
    pub began: Instant,
    events: Mutex<Vec<(EventId, u32)>>,
    nodes: Mutex<Vec<Node>>,
    /// What each life of a node has shown of an event: when, and which version.
    reads: Mutex<BTreeMap<(usize, usize, EventId), Shown>>,
    /// Until when each node may not know what it should, for reasons that are not its own.
    blind_until: Mutex<BTreeMap<usize, Duration>>,
}

/// How old a read may be.
const OLDEST_READ: Duration = Duration::from_secs(1);

/// How long a node may take to notice what it missed.
const NOTICES_WITHIN: Duration = Duration::from_secs(2);

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(plan: Plan, story: Arc<Story>) -> Arc<Self> {
        let clock = Arc::new(NodeClock::new(Instant::now(), 0, 0));
        let truth = Arc::new(Truth::new(Arc::clone(&story), clock, plan.clock_error()));
        let mut dice = Dice::new(plan.seed, "events", 0);
        let mut events = Vec::new();
        for planned in &plan.events {
            let NewEvent { details, currency, seating, allocations } = planned.new_event();
            let id = EventId::mint(START, dice.bits() as u32);
            let info = EventInfo {
                id,
                details,
                currency,
                seating,
                allocations,
                created_at: START,
                updated_at: START,
            };
            if truth.create(&info, None).is_ok() {
                events.push((id, planned.seats));
            }
        }
        Arc::new(Self {
            network: Arc::new(Network::new(plan.seed)),
            redis: Arc::default(),
            log: Log::default(),
            began: Instant::now(),
            nodes: Mutex::default(),
            reads: Mutex::default(),
            blind_until: Mutex::default(),
            plan,
            story,
            truth,
            events: Mutex::new(events),
        })
    }

    /// The events that clients know, with the number of their seats.
    pub fn events(&self) -> Vec<(EventId, u32)> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client has made an event.
    pub fn note_created(&self, id: EventId, seats: u32) {
        if self.truth.tables(id).is_none() {
            self.story.find(format_args!("invariant 2: event {id} was made, and is not there"));
        }
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push((id, seats));
    }

    /// The nodes.
    pub fn nodes(&self) -> MutexGuard<'_, Vec<Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a node's mail goes.
    pub fn mail_of(&self, node: usize) -> mpsc::UnboundedSender<Mail> {
        self.nodes()[node].mail.clone()
    }

    /// A clock for a node, a little off.
    pub fn new_clock(&self, node: usize) -> Arc<NodeClock> {
        let mut dice = Dice::new(self.plan.seed, "clock", node);
        let is_off = dice.chance(50);
        let offset_ms = if is_off { dice.number(0..1_000) as i64 - 500 } else { 0 };
        let drift_ppm = if is_off { dice.number(0..1_000) as i64 - 500 } else { 0 };
        Arc::new(NodeClock::new(self.began, offset_ms, drift_ppm))
    }

    /// The time since the world began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A question, as the story tells it.
    pub fn describe(&self, ask: &Ask) -> String {
        let event = self.truth.name(ask.event_id());
        match ask {
            Ask::Wish { wish, key, .. } => format!("reserve {wish:?} of {event} by key {key}"),
            Ask::Reserve { seats, key, .. } => format!("reserve {seats:?} of {event} by key {key}"),
            Ask::View(_) | Ask::Map(_) | Ask::Allocate(..) | Ask::Rename(..) | Ask::Delete(_) => {
                let text = ask.to_string();
                format!("{} {event}", text.split(' ').next().unwrap_or_default())
            }
            ask => format!("{ask} of {event}"),
        }
    }

    /// The network has brought a question a second time: what comes of it, nobody hears.
    pub fn note_doubled(&self, node: usize, ask: &Arc<Ask>) {
        self.log.push(Call {
            ask: Arc::clone(ask),
            attempt: 0,
            asked_node: node,
            sent_at: self.elapsed(),
            ended_at: self.elapsed(),
            decided_by: None,
            answer: Answer::Nothing("the network doubled it".to_owned()),
        });
    }

    /// A fault keeps nodes from knowing what they should, for so long.
    pub fn blind(&self, nodes: impl IntoIterator<Item = usize>, lasts: Duration) {
        let until = self.elapsed() + lasts + NOTICES_WITHIN;
        let mut blind_until = self.blind_until.lock().unwrap_or_else(PoisonError::into_inner);
        for node in nodes {
            let known = blind_until.entry(node).or_default();
            *known = until.max(*known);
        }
    }

    fn is_blind(&self, node: usize) -> bool {
        let blind_until = self.blind_until.lock().unwrap_or_else(PoisonError::into_inner);
        blind_until.get(&node).is_some_and(|until| self.elapsed() < *until)
    }

    /// Reads of one node do not go back, and are not old.
    pub fn note_read(&self, node: usize, event: EventId, began: Duration, version: u64) {
        let age = self.truth.age(event, version).saturating_sub(self.elapsed() - began);
        if age > OLDEST_READ && !self.is_blind(node) {
            let name = self.truth.name(event);
            self.story.find(format_args!(
                "reads: n{node} shows version {version} of {name}, which was old {age:?} before it was asked"
            ));
        }
        let lives = self.nodes()[node].lives;
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = reads.entry((node, lives, event)).or_default();
        let newest = shown.iter().filter(|(ended, _)| *ended < began).map(|(_, version)| *version).max();
        if newest.is_some_and(|newest| newest > version) {
            let name = self.truth.name(event);
            self.story
                .find(format_args!("reads: n{node} shows version {version} of {name} after {newest:?}"));
        }
        shown.push((self.elapsed(), version));
    }
}
