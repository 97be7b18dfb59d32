//! The links between clients, nodes, Postgres and Redis. What is under way is carried on by the network, so
//! it outlives a sender that dies, and arrives late, twice or never.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::life::{Death, Life};

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A client, by its number.
    Client(usize),
    /// A node, by its number.
    Node(usize),
    /// The store.
    Postgres,
    /// The leases and the publications.
    Redis,
}

/// Why a message got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Certainly nobody took it.
    NotSent,
    /// It may have been taken.
    Unanswered,
}

/// How messages fare at the moment.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// Messages of a hundred that get lost, there or on the way back, or come too late.
    pub lost_percent: usize,
    /// Messages of a hundred between clients and nodes that come twice.
    pub doubled_percent: usize,
    /// Milliseconds that are added to each way at most.
    pub slow_ms: usize,
    /// Links on which nothing gets through.
    pub cut: BTreeSet<(Place, Place)>,
    /// Servers that answer nothing.
    pub down: BTreeSet<Place>,
}

/// What becomes of one message.
struct Fate {
    there: Duration,
    back: Duration,
    is_lost: bool,
    is_answer_lost: bool,
    /// The sender hears so early that the link broke, whether or not the message still arrives.
    breaks_after: Option<Duration>,
    is_doubled: bool,
}

/// All links.
pub struct Network {
    seed: u64,
    weather: Mutex<Weather>,
    dice: Mutex<BTreeMap<(Place, Place), Dice>>,
}

impl Network {
    /// In fair weather.
    pub fn new(seed: u64) -> Self {
        Self { seed, weather: Mutex::default(), dice: Mutex::default() }
    }

    /// Changes the weather.
    pub fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: the message cannot even be sent.
    fn fate(&self, from: Place, to: Place) -> Option<Fate> {
        let weather = self.weather().clone();
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let dice = dice
            .entry((from, to))
            .or_insert_with(|| Dice::new(self.seed, &format!("link from {from:?} to {to:?}"), 0));
        let (there, back) = (dice.millis(1..6 + weather.slow_ms), dice.millis(1..6 + weather.slow_ms));
        let is_lost = dice.chance(weather.lost_percent);
        let is_answer_lost = dice.chance(weather.lost_percent);
        let is_late = dice.chance(weather.lost_percent);
        let breaks_after = (is_late || dice.chance(50)).then(|| dice.millis(1..300));
        let lateness = if is_late { dice.millis(100..3_000) } else { Duration::ZERO };
        let is_doubled = dice.chance(weather.doubled_percent);
        let is_cut = weather.cut.contains(&(from, to)) || weather.cut.contains(&(to, from));
        if is_cut || weather.down.contains(&to) {
            return None;
        }
        let breaks_after = breaks_after.filter(|_| is_lost || is_answer_lost || is_late);
        Some(Fate { there: there + lateness, back, is_lost, is_answer_lost, breaks_after, is_doubled })
    }

    /// Has `work` done at the other end, at one instant, and brings the result back. `work` says whether it
    /// is done the second time.
    pub async fn exchange<T: Send + 'static, F>(
        &self,
        from: Place,
        to: Place,
        patience: Duration,
        work: impl Fn(bool) -> F + Send + Sync + 'static,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let Some(fate) = self.fate(from, to) else {
            sleep(Duration::from_millis(3)).await;
            return Err(Failure::NotSent);
        };
        let (done, answer) = oneshot::channel();
        let work = Arc::new(work);
        if fate.is_doubled {
            let again = Arc::clone(&work);
            tokio::spawn(async move {
                sleep(fate.there * 2).await;
                again(true).await;
            });
        }
        tokio::spawn(async move {
            sleep(fate.there).await;
            if fate.is_lost {
                // The link is silent until somebody notices.
                return pending().await;
            }
            let Some(result) = work(false).await else {
                let _ = done.send(Err(Failure::NotSent));
                return;
            };
            if fate.is_answer_lost {
                return pending().await;
            }
            sleep(fate.back).await;
            let _ = done.send(Ok(result));
        });
        let patience = fate.breaks_after.map_or(patience, |after| after.min(patience));
        match timeout(patience, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(Failure::Unanswered),
        }
    }
}

/// A process's way to the outside. Once the process is dead, nothing leaves it any more.
#[derive(Clone)]
pub struct Wire {
    /// The network.
    pub network: Arc<Network>,
    /// Whose wire it is.
    pub life: Arc<Life>,
    /// Where that is.
    pub place: Place,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.place.fmt(f)
    }
}

impl Wire {
    /// Has `work` done by a server, at one instant.
    pub async fn call<T: Send + 'static>(
        &self,
        to: Place,
        patience: Duration,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let death = self.live_on().await;
        let life = Arc::clone(&self.life);
        let work = move |_| {
            let result = work();
            if death == Death::After {
                life.die();
            }
            std::future::ready(Some(result))
        };
        let result = self.network.exchange(self.place, to, patience, work).await;
        if self.life.is_dead() { pending().await } else { result }
    }

    /// Goes on if the process lives, and says whether it dies of the call that it is about to make.
    pub async fn live_on(&self) -> Death {
        let death = self.life.count_call();
        if death == Death::Before {
            self.life.kill();
        }
        if self.life.is_dead() { pending().await } else { death }
    }
}
