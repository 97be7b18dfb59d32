//! A node: the real engine with ports that lead into the simulated world, and the few lines that a server
//! puts before it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use checker::history::{Answer, Ask, Seen};
use engine::route::{PeerFault, decide};
use engine::{
    CallError, Caller, Engine, EngineConfig, EventId, EventPatch, EventView, Fault, NewEvent, Random,
    Rejection, ReservationView, SeatMap, Threads,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::life::{Life, Process};
use crate::mail::{Mail, Node, Reply, Request, address};
use crate::network::{Failure, Place, Wire};
use crate::redis::{SimLease, SimPublications};
use crate::store::SimStore;
use crate::world::World;

/// How long a node waits for another one.
const FORWARD_PATIENCE: Duration = Duration::from_millis(2_000);

/// Random bits of a node's.
#[derive(Debug)]
struct NodeRandom {
    seed: u64,
    rolled: AtomicUsize,
}

impl Random for NodeRandom {
    fn bits(&self) -> u128 {
        let mut dice = Dice::new(self.seed, "bits of a node", self.rolled.fetch_add(1, Ordering::SeqCst));
        (u128::from(dice.bits()) << 64) | u128::from(dice.bits())
    }
}

/// Starts all nodes. Within the set of tasks of the world.
pub fn start_all(world: &Arc<World>) {
    let nodes = (0..world.plan.nodes).map(|index| start(world, index, None)).collect();
    *world.nodes() = nodes;
}

/// Starts a node again, if it is dead.
pub fn restart(world: &Arc<World>, index: usize) {
    let mut nodes = world.nodes();
    if nodes[index].life.is_dead() {
        world.story.tell(format_args!("n{index} starts again"));
        nodes[index] = start(world, index, Some(&nodes[index]));
    }
}

/// Starts a node, its first life or the next one.
fn start(world: &Arc<World>, index: usize, earlier: Option<&Node>) -> Node {
    let lives = earlier.map_or(0, |node| node.lives) + 1;
    let clock = match earlier {
        Some(node) => Arc::clone(&node.clock),
        None => world.new_clock(index),
    };
    let (life, tasks) = (Arc::new(Life::default()), LocalSet::new());
    let (mail, received) = mpsc::unbounded_channel();
    let node = Node {
        life,
        mail,
        clock,
        aborts: Arc::default(),
        panics: Arc::default(),
        lives,
        waiting: Arc::default(),
    };
    let wire =
        Wire { network: Arc::clone(&world.network), life: Arc::clone(&node.life), place: Place::Node(index) };
    let waiting = Arc::clone(&node.waiting);
    let server = Arc::new(Server { world: Arc::clone(world), index, wire: wire.clone(), waiting });
    let store = Arc::new(SimStore {
        wire: wire.clone(),
        node: index,
        truth: Arc::clone(&world.truth),
        aborts: Arc::clone(&node.aborts),
        panics: Arc::clone(&node.panics),
    });
    let lease = Arc::new(SimLease::new(
        wire.clone(),
        Arc::clone(&world.redis),
        &address(index),
        world.plan.lease_ttl,
    ));
    let publications = SimPublications { wire, redis: Arc::clone(&world.redis) };
    let config = EngineConfig {
        node: address(index),
        threads: Threads::Here,
        random: Arc::new(NodeRandom {
            seed: Dice::new(world.plan.seed, "node", index * 1_000 + lives).bits(),
            rolled: AtomicUsize::new(0),
        }),
        publications: world.plan.publishes.then(|| Arc::new(publications) as _),
        ..world.plan.engine.clone()
    };
    let clock = Arc::clone(&node.clock);
    tasks.spawn_local(async move {
        let engine = Engine::start(config, store, lease, clock);
        serve(server, engine, received).await;
    });
    spawn_local(Process { life: Arc::clone(&node.life), tasks });
    node
}

async fn serve(server: Arc<Server>, engine: Engine, mut mail: mpsc::UnboundedReceiver<Mail>) {
    while let Some(mail) = mail.recv().await {
        let (server, engine) = (Arc::clone(&server), engine.clone());
        spawn_local(async move {
            match mail {
                Mail::Ask(request, reply) => {
                    server.waiting.fetch_add(1, Ordering::SeqCst);
                    let _ = reply.send(server.answer(&engine, request).await);
                    server.waiting.fetch_sub(1, Ordering::SeqCst);
                }
                Mail::Create(event, created) => {
                    let _ = created.send(engine.create_event(event).await.ok().map(|view| view.info.id));
                }
                Mail::Stop(stopped) => {
                    engine.shutdown().await;
                    let _ = stopped.send(engine.live_events());
                }
            }
        });
    }
}

/// What a server does before and after the engine.
struct Server {
    world: Arc<World>,
    index: usize,
    wire: Wire,
    waiting: Arc<AtomicUsize>,
}

impl Server {
    async fn answer(&self, engine: &Engine, request: Request) -> Reply {
        let ask = &request.ask;
        let me = || address(self.index);
        let here = async |engine: Engine| Ok((carry_out(&engine, ask).await?, me()));
        let began = self.world.elapsed();
        let (came, owned) = (Instant::now(), self.world.truth.ownership(ask.event_id()));
        let there = async |owner: String, hops: u8| self.pass_on(&owner, Arc::clone(ask), hops).await;
        let result = if ask.is_command() {
            decide(engine, request.hops, here, there).await
        } else {
            here(engine.clone()).await
        };
        let reply = result.unwrap_or_else(|error| (refusal(error), me()));
        if let Answer::Viewed { version, .. } = &reply.0 {
            self.world.note_read(self.index, ask.event_id(), began, *version);
        }
        let is_expired = matches!(&reply.0, Answer::Rejected { code, .. } if code == "reservation_expired");
        if let (true, Some(id)) = (is_expired && reply.1 == address(self.index), ask.reservation_id()) {
            self.world.truth.check_in_time(id, self.index, came, owned);
        }
        reply
    }

    async fn pass_on(&self, owner: &str, ask: Arc<Ask>, hops: u8) -> Result<Reply, PeerFault> {
        let Some(to) = owner.strip_prefix('n').and_then(|number| number.parse().ok()) else {
            return Err(PeerFault::Unreached(format!("there is no node {owner}")));
        };
        self.wire.live_on().await;
        self.world.story.tell(format_args!(
            "n{} passes on to {owner}: {}",
            self.index,
            self.world.describe(&ask)
        ));
        let world = Arc::clone(&self.world);
        let request = Request { ask, hops };
        let (from, place) = (Place::Node(self.index), Place::Node(to));
        let deliver = move |is_again| deliver(Arc::clone(&world), to, request.clone(), is_again);
        let result = self.world.network.exchange(from, place, FORWARD_PATIENCE, deliver).await;
        if self.wire.life.is_dead() {
            return pending().await;
        }
        result.map_err(|failure| match failure {
            Failure::NotSent => PeerFault::Unreached("no connection".to_owned()),
            Failure::Unanswered => PeerFault::Unanswered("no answer".to_owned()),
        })
    }
}

/// Brings a question to a node, and its answer back. `None`: nobody listens there.
pub async fn deliver(world: Arc<World>, node: usize, request: Request, is_again: bool) -> Option<Reply> {
    if is_again {
        world.note_doubled(node, &request.ask);
    }
    if let Ask::Confirm(id) = *request.ask {
        world.truth.note_asked(id);
    }
    let (reply, answer) = oneshot::channel();
    world.mail_of(node).send(Mail::Ask(request, reply)).ok()?;
    match answer.await {
        Ok(answer) => Some(answer),
        // It died over it: the link stays silent.
        Err(_) => pending().await,
    }
}

/// Has a node make an event, and says which if it certainly was made.
pub async fn create(world: Arc<World>, node: usize, event: NewEvent) -> Option<EventId> {
    let (created, answer) = oneshot::channel();
    world.mail_of(node).send(Mail::Create(event, created)).ok()?;
    answer.await.ok()?
}

async fn carry_out(engine: &Engine, ask: &Ask) -> Result<Answer, CallError> {
    let caller = Caller::Admin;
    match ask {
        Ask::Reserve { event_id, user_id, seats, key } => {
            engine.reserve(*event_id, *user_id, seats.clone(), Some(key.clone())).await.map(seen)
        }
        Ask::Wish { event_id, user_id, wish, key } => {
            let caller = Caller::User(*user_id);
            engine.reserve_wish(*event_id, *user_id, wish.clone(), caller, Some(key.clone())).await.map(seen)
        }
        Ask::Allocate(id, allocations) => {
            engine.allocate(*id, allocations.clone(), None, None).await.map(|_| Answer::Administered)
        }
        Ask::Confirm(id) => engine.confirm(*id, caller).await.map(seen),
        Ask::Cancel(id) => engine.cancel(*id, caller).await.map(seen),
        Ask::Extend(id) => engine.extend(*id, caller).await.map(seen),
        Ask::Read(id) => engine.reservation(*id, caller).await.map(seen),
        Ask::View(id) => {
            let EventView { counts, version, .. } = engine.event(*id).await?;
            let (reserved, confirmed) = (counts.reserved, counts.confirmed);
            Ok(Answer::Viewed { version, reserved, confirmed, statuses: None })
        }
        Ask::Map(id) => {
            let map = engine.seat_map(*id).await?;
            let SeatMap { version, counts, statuses, .. } = &*map;
            let (reserved, confirmed) = (counts.reserved, counts.confirmed);
            Ok(Answer::Viewed { version: *version, reserved, confirmed, statuses: Some(statuses.clone()) })
        }
        Ask::Rename(id, name) => {
            let patch = EventPatch { name: Some(name.clone()), ..EventPatch::default() };
            engine.amend_event(*id, patch).await.map(|_| Answer::Administered)
        }
        Ask::Delete(id) => engine.delete_event(*id).await.map(|()| Answer::Administered),
    }
}

fn seen(view: ReservationView) -> Answer {
    let row = view.reservation;
    Answer::Done(Seen {
        id: row.id,
        user_id: row.user_id,
        seats: row.seats.clone(),
        status: row.status,
        total_minor: row.total_minor,
        expires_at: row.expires_at,
        seq: row.seq,
        replayed: view.replayed,
    })
}

fn refusal(error: CallError) -> Answer {
    match error {
        CallError::Rejected { rejection, seq } => {
            let code = code(&rejection).to_owned();
            let conflicts = match rejection {
                Rejection::SeatUnavailable(conflicts) => {
                    conflicts.into_iter().map(|conflict| (conflict.seat_no, conflict.reason)).collect()
                }
                _ => Vec::new(),
            };
            Answer::Rejected { code, seq, conflicts }
        }
        CallError::Fault(Fault::Unknown(cause)) => Answer::Nothing(cause),
        CallError::Fault(fault) => Answer::NotDone(fault.to_string()),
        CallError::Elsewhere(owner) => Answer::Odd(format!("elsewhere: {owner}")),
    }
}

/// The codes of the HTTP contract.
fn code(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::EventNotFound => "event_not_found",
        Rejection::SeatNotFound(_) => "seat_not_found",
        Rejection::ReservationNotFound => "reservation_not_found",
        Rejection::SeatUnavailable(_) => "seat_unavailable",
        Rejection::ReservationExpired(_) => "reservation_expired",
        Rejection::ReservationCancelled => "reservation_cancelled",
        Rejection::HoldLimitReached(_) => "hold_limit_reached",
        Rejection::EventInUse => "event_in_use",
        Rejection::EventChanged => "event_changed",
        Rejection::SoldTogether(_) => "sold_together",
        Rejection::LeavesSingleSeat(_) => "leaves_single_seat",
        Rejection::NoBlockFree => "no_block_free",
        Rejection::SoldOut { .. } => "sold_out",
        Rejection::TicketType(_) => "unknown_ticket_type",
        Rejection::EventEnded(_) => "event_ended",
        Rejection::IdempotencyKeyReused => "idempotency_key_reused",
        Rejection::Invalid(_) => "validation_failed",
    }
}
