//! One run: clients and faults, recovery, and the verdict.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once};
use std::time::Duration;

use checker::history::{Answer, Ask, Call, SeatMap};
use checker::{EventRecord, Tolerances};
use engine::{Clock, EventId, Store, verify};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::client::Client;
use crate::faults;
use crate::mail::{Node, Request};
use crate::network::Place;
use crate::node::{self, deliver};
use crate::plan::{Limits, Plan};
use crate::story::Story;
use crate::truth::at_once;
use crate::world::World;

/// How old a read may be, if nothing hinders the node.
const VIEW_TOLERANCE: Duration = Duration::from_millis(1_000);

/// How late a hold may end when all is well, by the sweep that also takes events of other nodes.
const EXPIRY_PATIENCE: Duration = Duration::from_secs(60);

/// How long the tasks of an engine that is gone may take to notice.
const SWEEP_PATIENCE: Duration = Duration::from_secs(10);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The hash of the story.
    pub hash: String,
    /// How many lines it has.
    pub lines: usize,
    /// What must not be.
    pub findings: Vec<String>,
    /// The story, if it was kept.
    pub story: Vec<String>,
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A panic of the engine is a finding, if it was not planned. It is not printed: the thread goes on.
fn catch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.to_string();
            if tokio::runtime::Handle::try_current().is_err() {
                print(info);
            } else if !text.contains("on purpose") {
                PANICS.with_borrow_mut(|panics| panics.push(text));
            }
        }));
    });
}

/// Runs a seed. Its story is kept if `keep`.
pub fn run(seed: u64, limits: Limits, keep: bool) -> Outcome {
    catch_panics();
    PANICS.with_borrow_mut(Vec::clear);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O");
    let story = runtime.block_on(LocalSet::new().run_until(async {
        let story = Arc::new(Story::new(keep));
        let world = World::new(Plan::new(seed, limits), Arc::clone(&story));
        live_through(&world).await;
        story
    }));
    drop(runtime);
    for panic in PANICS.take() {
        story.find(format_args!("panic: {panic}"));
    }
    let (hash, lines, findings, story) = story.end();
    Outcome { seed, hash, lines, findings, story }
}

async fn live_through(world: &Arc<World>) {
    let plan = &world.plan;
    let clients = plan.clients.len();
    world.story.tell(format_args!("seed {}: {} nodes, {clients} clients", plan.seed, plan.nodes));
    node::start_all(world);
    let mut running_faults = JoinSet::new();
    for fault in &plan.faults {
        running_faults.spawn_local(faults::happen(Arc::clone(world), fault.clone()));
    }
    let mut running = JoinSet::new();
    for &index in &plan.clients {
        running.spawn_local(Client::new(world, index, index >= plan.first_admin).run());
    }
    let clients = running.join_all().await;
    running_faults.join_all().await;
    faults::heal_all(world);
    let mut insisting = JoinSet::new();
    for client in clients {
        insisting.spawn_local(client.insist());
    }
    insisting.join_all().await;
    // What comes late may still make a hold.
    sleep(plan.longest_way()).await;
    wait_for_holds(world).await;
    sleep(VIEW_TOLERANCE * 3).await;
    judge(world).await;
    find_unanswered(world);
    stop_all(world).await;
}

/// Every hold ends.
async fn wait_for_holds(world: &Arc<World>) {
    let began = world.elapsed();
    while world.truth.has_pending() {
        if world.elapsed() - began > EXPIRY_PATIENCE {
            return world.story.find("invariant 7: a hold does not end");
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn judge(world: &Arc<World>) {
    let mut records = Vec::new();
    for id in world.truth.events() {
        let Some(tables) = world.truth.tables(id) else { continue };
        let journal = at_once(world.truth.store.journal(id, 0, u32::MAX)).expect("it is up");
        let seat_maps = if tables.event.deleted { Vec::new() } else { seat_maps(world, id).await };
        records.push(EventRecord { tables, journal, seat_maps });
    }
    let now = world.truth.clock.now();
    let tolerances =
        Tolerances { expiry: EXPIRY_PATIENCE, view: VIEW_TOLERANCE + world.plan.longest_blindness() };
    let calls: Vec<Call> = world.log.calls();
    for finding in checker::check(&calls, &records, now, &tolerances) {
        world.story.find(finding);
    }
    for violation in verify(&world.truth.store).await.expect("it is up").violations {
        world.story.find(format_args!("verify: {violation:?}"));
    }
}

/// What each node shows of an event when all is quiet.
async fn seat_maps(world: &Arc<World>, id: EventId) -> Vec<SeatMap> {
    let mut maps = Vec::new();
    for node in 0..world.plan.nodes {
        let (for_delivery, request) = (Arc::clone(world), Request { ask: Arc::new(Ask::Map(id)), hops: 0 });
        let deliver = move |again| deliver(Arc::clone(&for_delivery), node, request.clone(), again);
        let (from, to) = (Place::Client(usize::MAX), Place::Node(node));
        match world.network.exchange(from, to, Duration::from_secs(10), deliver).await {
            Ok((Answer::Viewed { version, statuses: Some(statuses), .. }, _)) => {
                maps.push(SeatMap { node, version, statuses });
            }
            other => world.story.find(format_args!("liveness: n{node} shows no seats: {other:?}")),
        }
    }
    maps
}

/// Nobody waits for an answer any more.
fn find_unanswered(world: &World) {
    for (node, waiting) in world.nodes().iter().map(|node| node.waiting.load(Ordering::SeqCst)).enumerate() {
        if waiting > 0 {
            world.story.find(format_args!("liveness: n{node} has {waiting} questions that it never answers"));
        }
    }
}

/// No actor is left over.
async fn stop_all(world: &Arc<World>) {
    for node in 0..world.plan.nodes {
        match faults::stop(world, node, Duration::from_secs(30)).await {
            Some(0) => {}
            Some(live) => world.story.find(format_args!("leak: n{node} has stopped with {live} live events")),
            None => world.story.find(format_args!("liveness: n{node} does not stop")),
        }
    }
    world.nodes().iter_mut().for_each(Node::dismiss);
    sleep(SWEEP_PATIENCE).await;
    for (node, life) in world.nodes().iter().map(|node| &node.life).enumerate() {
        if !life.has_ended() {
            world.story.find(format_args!("leak: tasks of n{node} are left after its end"));
        }
    }
}
