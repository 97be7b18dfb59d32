//! The clients: they ask any node, give up, repeat by the key, and write down what they are told.

use std::sync::Arc;
use std::time::Duration;

use checker::history::{Answer, Ask, Call, Seen};
use engine::{
    Allocation, EventId, KILL, ReservationId, ReservationStatus, UserId, WantedBest, WantedPlaces, Wish,
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::clock::START;
use crate::dice::Dice;
use crate::mail::Request;
use crate::network::{Failure, Place};
use crate::node::{create, deliver};
use crate::plan::{HOUSE_BOX, HOUSE_FLOOR, HOUSE_SEATS, PlannedEvent};
use crate::world::World;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// How long it may take to be served once all is well again.
const LIVENESS: Duration = Duration::from_secs(40);

/// One client.
pub struct Client {
    world: Arc<World>,
    index: usize,
    is_admin: bool,
    dice: Dice,
    keys: usize,
    reservations: Vec<ReservationId>,
    asked: Vec<Arc<Ask>>,
}

impl Client {
    /// The client of this number.
    pub fn new(world: &Arc<World>, index: usize, is_admin: bool) -> Self {
        let dice = Dice::new(world.plan.seed, "client", index);
        let world = Arc::clone(world);
        Self { world, index, is_admin, dice, keys: 0, reservations: Vec::new(), asked: Vec::new() }
    }

    /// Asks until the time is over.
    pub async fn run(mut self) -> Self {
        while self.world.elapsed() < self.world.plan.duration {
            sleep(self.dice.millis(0..self.world.plan.think_ms)).await;
            if self.is_admin && self.dice.chance(3) {
                self.create().await;
                continue;
            }
            let ask = if self.is_admin { self.administer() } else { self.choose() };
            self.pursue(Arc::new(ask)).await;
        }
        self
    }

    /// Asks each of its share of the events until it is decided, now that all is well.
    pub async fn insist(mut self) {
        let clients = self.world.plan.clients.len();
        let turn = self.world.plan.clients.iter().position(|&index| index == self.index);
        for (event, seats) in self.world.events().into_iter().skip(turn.unwrap_or(0)).step_by(clients) {
            self.insist_on(event, seats).await;
        }
    }

    async fn insist_on(&mut self, event: EventId, seats: u32) {
        let began = self.world.elapsed();
        let ask = Arc::new(self.reserve_of(event, seats));
        let mut attempt = 0;
        loop {
            let node = self.dice.number(0..self.world.plan.nodes);
            if self.attempt(&ask, node, attempt).await.is_decided() {
                return;
            }
            if self.world.elapsed() - began > LIVENESS {
                let text = self.world.describe(&ask);
                return self
                    .world
                    .story
                    .find(format_args!("liveness: c{} is not served: {text}", self.index));
            }
            attempt += 1;
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn event(&mut self) -> EventId {
        self.dice.pick(&self.world.events()).0
    }

    fn choose(&mut self) -> Ask {
        let roll = self.dice.number(0..100);
        if self.reservations.is_empty() || roll < 40 {
            return match roll {
                0..70 => self.reserve(),
                70..85 => Ask::View(self.event()),
                _ => Ask::Map(self.event()),
            };
        }
        let id = *self.dice.pick(&self.reservations);
        match roll {
            40..55 => Ask::Confirm(id),
            55..67 => Ask::Cancel(id),
            67..75 => Ask::Extend(id),
            75..82 => Ask::Read(id),
            82..90 => Ask::View(self.event()),
            90..95 => Ask::Map(self.event()),
            _ if self.asked.is_empty() => self.reserve(),
            // Again what was asked before, long ago perhaps.
            95..99 => (**self.dice.pick(&self.asked)).clone(),
            // The same key for something else.
            _ => match (**self.dice.pick(&self.asked)).clone() {
                Ask::Reserve { event_id, user_id, key, .. } => {
                    Ask::Reserve { event_id, user_id, seats: vec![1], key }
                }
                Ask::Wish { event_id, user_id, key, .. } => {
                    Ask::Wish { event_id, user_id, wish: best(3, false), key }
                }
                ask => ask,
            },
        }
    }

    fn reserve(&mut self) -> Ask {
        let (event, seats) = *self.dice.pick(&self.world.events());
        if self.dice.chance(if seats == HOUSE_SEATS { 60 } else { 10 }) {
            return self.wish_of(event);
        }
        self.reserve_of(event, seats)
    }

    /// What a house has, whether the event is of one or not: others have no floor, and no boxes.
    fn wish_of(&mut self, event_id: EventId) -> Ask {
        self.keys += 1;
        let user_id = UserId::new(Uuid::from_u128(self.index as u128 + 1));
        let key = format!("c{}-{}", self.index, self.keys);
        let wish = match self.dice.number(0..10) {
            0..4 => best(self.dice.number(1..5), self.dice.chance(20)),
            4 => Wish { best: Some(Box::new(wheelchair())), ..Wish::default() },
            5..8 => floor(self.dice.number(1..4)),
            8 => return Ask::Reserve { event_id, user_id, seats: HOUSE_BOX.collect(), key },
            _ => Wish { seats: vec![1], ticket_types: vec![0], ..floor(1) },
        };
        Ask::Wish { event_id, user_id, wish, key }
    }

    fn reserve_of(&mut self, event_id: EventId, seats: u32) -> Ask {
        self.keys += 1;
        let seats = seats as usize;
        // Everybody wants the first ones.
        let wanted = if self.dice.chance(60) { seats.min(4) } else { seats };
        let first = self.dice.number(1..wanted + 1) as u32;
        let count = self.dice.number(1..4) as u32;
        let last = (first + count - 1).min(seats as u32);
        Ask::Reserve {
            event_id,
            user_id: UserId::new(Uuid::from_u128(self.index as u128 + 1)),
            seats: (first..=last).collect(),
            key: format!("c{}-{}", self.index, self.keys),
        }
    }

    async fn create(&mut self) {
        let planned = PlannedEvent::roll(&mut self.dice);
        let node = self.dice.number(0..self.world.plan.nodes);
        let (world, event, seats) = (Arc::clone(&self.world), planned.new_event(), planned.seats);
        let create = move |_| create(Arc::clone(&world), node, event.clone());
        let (from, to) = (Place::Client(self.index), Place::Node(node));
        let created = self.world.network.exchange(from, to, PATIENCE, create).await;
        self.world.story.tell(format_args!("c{} has n{node} make an event: {created:?}", self.index));
        if let Ok(id) = created {
            self.world.note_created(id, seats);
        }
    }

    fn administer(&mut self) -> Ask {
        self.keys += 1;
        let event = self.event();
        match self.dice.number(0..10) {
            0..4 => Ask::Rename(event, format!("name {}", self.keys)),
            4..6 => Ask::Allocate(event, self.allocations(event)),
            6 if self.dice.chance(20) => Ask::Delete(event),
            _ => Ask::Map(event),
        }
    }

    /// Nothing, or a seat that is killed and one that is somebody's for a while.
    fn allocations(&mut self, event: EventId) -> Vec<Allocation> {
        let seats =
            self.world.events().into_iter().find(|(id, _)| *id == event).map_or(1, |(_, seats)| seats);
        let mut some = |channel: &str, release_at| {
            let seat = self.dice.number(1..seats as usize + 1) as u32;
            let (channel, seats) = (channel.to_owned(), vec![(seat, seat)]);
            Allocation { channel, seats, release_at, released: false, note: String::new() }
        };
        let killed = some(KILL, None);
        let release_at = START.plus(self.world.elapsed() + Duration::from_secs(1));
        let promoted = some("promoter", Some(release_at));
        [killed, promoted].into_iter().take(self.dice.number(0..3)).collect()
    }

    /// Asks, and asks again while nothing is known; not for ever.
    async fn pursue(&mut self, ask: Arc<Ask>) {
        if matches!(*ask, Ask::Reserve { .. } | Ask::Wish { .. }) {
            self.asked.push(Arc::clone(&ask));
        }
        let nodes = self.world.plan.nodes;
        for attempt in 0..self.dice.number(1..7) {
            let node = self.dice.number(0..nodes);
            let answer = if self.dice.chance(8) {
                let other = self.dice.number(0..nodes);
                let (answer, _) = tokio::join!(
                    self.attempt(&ask, node, attempt as u32),
                    self.attempt(&ask, other, attempt as u32)
                );
                answer
            } else {
                self.attempt(&ask, node, attempt as u32).await
            };
            if let Answer::Done(Seen { id, status: ReservationStatus::Pending, .. }) = &answer
                && !self.reservations.contains(id)
            {
                self.reservations.push(*id);
            }
            if answer.is_decided() || self.dice.chance(20) {
                break;
            }
            sleep(self.dice.millis(10..250)).await;
        }
    }

    async fn attempt(&self, ask: &Arc<Ask>, node: usize, attempt: u32) -> Answer {
        let (world, index) = (&self.world, self.index);
        let sent_at = world.elapsed();
        world.story.tell(format_args!("c{index} asks n{node}: {}", world.describe(ask)));
        let (for_delivery, request) = (Arc::clone(world), Request { ask: Arc::clone(ask), hops: 0 });
        let deliver = move |again| deliver(Arc::clone(&for_delivery), node, request.clone(), again);
        let reply = world.network.exchange(Place::Client(index), Place::Node(node), PATIENCE, deliver).await;
        let (answer, decided_by) = match reply {
            Ok((answer, node)) => (answer, Some(node)),
            Err(Failure::NotSent) => (Answer::NotDone("no connection".to_owned()), None),
            Err(Failure::Unanswered) => (Answer::Nothing("no answer".to_owned()), None),
        };
        world.story.tell(format_args!("c{index} hears of {}: {}", world.describe(ask), brief(&answer)));
        world.log.push(Call {
            ask: Arc::clone(ask),
            attempt,
            asked_node: node,
            sent_at,
            ended_at: world.elapsed(),
            decided_by,
            answer: answer.clone(),
        });
        answer
    }
}

fn best(quantity: usize, split: bool) -> Wish {
    let best = WantedBest { ticket_types: vec![0; quantity], split, ..WantedBest::default() };
    Wish { best: Some(Box::new(best)), ..Wish::default() }
}

/// With a companion.
fn wheelchair() -> WantedBest {
    WantedBest { ticket_types: vec![0; 2], attributes: vec![(1, 1)], ..WantedBest::default() }
}

fn floor(quantity: usize) -> Wish {
    let places = WantedPlaces { section: HOUSE_FLOOR, quantity: quantity as u32, ticket_type: 0 };
    Wish { places: vec![places], ..Wish::default() }
}

fn brief(answer: &Answer) -> String {
    match answer {
        Answer::Done(seen) => {
            let replayed = if seen.replayed { ", replayed" } else { "" };
            format!("{} is {:?} as of {}{replayed}", seen.id, seen.status, seen.seq)
        }
        Answer::Viewed { version, reserved, confirmed, .. } => {
            format!("version {version}, {reserved} held, {confirmed} sold")
        }
        Answer::Rejected { code, seq, .. } => format!("{code} as of {seq:?}"),
        other => format!("{other:?}"),
    }
}
