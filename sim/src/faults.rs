//! Makes the planned faults happen, and heals them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, sleep_until};

use crate::mail::Mail;
use crate::network::{Place, Weather};
use crate::node;
use crate::plan::{FaultKind, PlannedFault};
use crate::store::Panics;
use crate::world::World;

/// Waits for the fault's time, makes it happen, and heals it.
pub async fn happen(world: Arc<World>, fault: PlannedFault) {
    sleep_until(world.began + fault.at).await;
    world.story.tell(format_args!("== fault {}: {:?} for {:?}", fault.index, fault.kind, fault.lasts));
    world.blind(blinded(&world, &fault.kind), fault.lasts);
    begin(&world, &fault.kind);
    if let FaultKind::Drain(node) = fault.kind {
        drain(&world, node).await;
    }
    sleep(fault.lasts).await;
    world.story.tell(format_args!("== healed: {:?}", fault.kind));
    heal(&world, &fault.kind);
}

/// The nodes that cannot know what they should while the fault lasts.
fn blinded(world: &World, kind: &FaultKind) -> Vec<usize> {
    match *kind {
        FaultKind::Pause(node) => vec![node],
        FaultKind::Storm { .. } | FaultKind::Slow(_) | FaultKind::RedisClock(_) => {
            (0..world.plan.nodes).collect()
        }
        _ => Vec::new(),
    }
}

fn cut(kind: &FaultKind) -> Option<(Place, Place)> {
    match *kind {
        FaultKind::CutNodes(one, other) => Some((Place::Node(one), Place::Node(other))),
        FaultKind::CutStore(node) => Some((Place::Node(node), Place::Postgres)),
        FaultKind::CutRedis(node) => Some((Place::Node(node), Place::Redis)),
        _ => None,
    }
}

fn begin(world: &Arc<World>, kind: &FaultKind) {
    let mut weather = world.network.weather();
    weather.cut.extend(cut(kind));
    match *kind {
        FaultKind::Kill(node) => world.nodes()[node].life.kill(),
        FaultKind::Crash { node, calls, is_after } => world.nodes()[node].life.die_at_call(calls, is_after),
        FaultKind::Pause(node) => world.nodes()[node].life.pause(),
        FaultKind::StoreDown => {
            weather.down.insert(Place::Postgres);
        }
        FaultKind::RedisDown => {
            weather.down.insert(Place::Redis);
        }
        FaultKind::RedisFlush => world.redis.flush(),
        FaultKind::RedisClock(millis) => world.redis.jump(millis),
        FaultKind::StoreClock(millis) => world.truth.clock.jump(millis),
        FaultKind::NodeClock(node, millis) => world.nodes()[node].clock.jump(millis),
        FaultKind::Storm { lost, doubled } => {
            weather.lost_percent = lost;
            weather.doubled_percent = doubled;
        }
        FaultKind::Slow(millis) => weather.slow_ms = millis,
        FaultKind::Aborts(node, count) => world.nodes()[node].aborts.store(count, Ordering::SeqCst),
        FaultKind::Panic(node, is_after) => {
            let panics = if is_after { Panics::After } else { Panics::Before };
            world.nodes()[node].panics.store(panics as usize, Ordering::SeqCst);
        }
        FaultKind::Drain(_) | FaultKind::CutNodes(..) | FaultKind::CutStore(_) | FaultKind::CutRedis(_) => {}
    }
}

fn heal(world: &Arc<World>, kind: &FaultKind) {
    if let Some(cut) = cut(kind) {
        world.network.weather().cut.remove(&cut);
    }
    match *kind {
        FaultKind::Kill(node) | FaultKind::Drain(node) => node::restart(world, node),
        FaultKind::Crash { node, .. } => {
            world.nodes()[node].life.disarm();
            node::restart(world, node);
        }
        FaultKind::Pause(node) => world.nodes()[node].life.resume(),
        FaultKind::StoreDown => {
            world.network.weather().down.remove(&Place::Postgres);
        }
        FaultKind::RedisDown => {
            world.network.weather().down.remove(&Place::Redis);
        }
        FaultKind::Storm { .. } => {
            world.network.weather().lost_percent = 0;
            world.network.weather().doubled_percent = 0;
        }
        FaultKind::Slow(_) => world.network.weather().slow_ms = 0,
        _ => {}
    }
}

/// A graceful stop, and then the end of the process.
async fn drain(world: &Arc<World>, node: usize) {
    if let Some(live) = stop(world, node, Duration::from_secs(30)).await
        && live > 0
    {
        world.story.find(format_args!("leak: n{node} has stopped with {live} live events"));
    }
    world.nodes()[node].life.kill();
}

/// Stops a node gracefully, and says how many events it has left; `None` if it does not answer in time, or
/// died.
pub async fn stop(world: &Arc<World>, node: usize, patience: Duration) -> Option<usize> {
    let (stopped, live) = oneshot::channel();
    world.mail_of(node).send(Mail::Stop(stopped)).ok()?;
    tokio::time::timeout(patience, live).await.ok()?.ok()
}

/// Ends all faults.
pub fn heal_all(world: &Arc<World>) {
    world.story.tell("== all is well again");
    *world.network.weather() = Weather::default();
    for node in 0..world.plan.nodes {
        {
            let nodes = world.nodes();
            nodes[node].life.disarm();
            nodes[node].life.resume();
            nodes[node].aborts.store(0, Ordering::SeqCst);
            nodes[node].panics.store(Panics::No as usize, Ordering::SeqCst);
        }
        node::restart(world, node);
    }
}
