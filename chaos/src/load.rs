//! The customers: they reserve, confirm, cancel, extend and look, and ask again at another node, with the
//! same key, when they hear nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{EventId, ReservationId, SeatNo, UserId};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::Client;
use checker::history::{Answer, Ask};

/// How many seats each event has: few, so that customers meet.
pub const SEATS: SeatNo = 60;

const CUSTOMERS: u64 = 16;
const MAX_ATTEMPTS: u32 = 12;
/// The time after which a customer gives a request up, and never learns what became of it.
const MAX_PATIENCE: Duration = Duration::from_secs(12);

/// Customers at work.
pub struct Customers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Customers {
    /// Lets customers loose on the events.
    pub fn start(client: &Client, events: &[EventId], seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..CUSTOMERS {
            let customer = Customer {
                client: client.clone(),
                events: events.to_vec(),
                rng: StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number)),
                last_reserve: None,
            };
            tasks.spawn(customer.run(Arc::clone(&stop)));
        }
        Self { stop, tasks }
    }

    /// Lets each customer end what it began: a request that is not in the log could not be judged.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Customer {
    client: Client,
    events: Vec<EventId>,
    rng: StdRng,
    last_reserve: Option<Ask>,
}

impl Customer {
    async fn run(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::SeqCst) {
            self.visit().await;
            let pause_ms = self.rng.random_range(5..40);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// One customer's way: mostly a reservation and what follows from it.
    async fn visit(&mut self) {
        let Some(&event_id) = self.events.choose(&mut self.rng) else { return };
        match self.rng.random_range(0..100) {
            0..4 => {
                self.ask(Ask::View(event_id)).await;
            }
            4..6 => self.reuse_a_key().await,
            _ => {
                let ask = self.reserve(event_id);
                self.last_reserve = Some(ask.clone());
                let answer =
                    if self.rng.random_bool(0.1) { self.ask_twice(ask).await } else { self.ask(ask).await };
                if let Answer::Done(seen) = answer {
                    self.decide(seen.id).await;
                }
            }
        }
    }

    fn reserve(&mut self, event_id: EventId) -> Ask {
        let first = self.rng.random_range(1..=SEATS);
        let count = self.rng.random_range(1..=4);
        let seats = (0..count).map(|offset| (first + offset - 1) % SEATS + 1).collect();
        let user_id = UserId::new(Uuid::from_u128(self.rng.random_range(1..=5)));
        let key = Uuid::from_u128(self.rng.random()).to_string();
        Ask::Reserve { event_id, user_id, seats, key }
    }

    /// The last key again: for the same request, or for another one, which must be refused.
    async fn reuse_a_key(&mut self) {
        let Some(ask) = self.last_reserve.clone() else { return };
        let again = match ask {
            Ask::Reserve { event_id, user_id, seats, key } if self.rng.random_bool(0.5) => {
                let seats = vec![seats[0] % SEATS + 1, (seats[0] + 6) % SEATS + 1];
                Ask::Reserve { event_id, user_id, seats, key }
            }
            same => same,
        };
        self.ask(again).await;
    }

    /// Confirms, cancels, extends, or lets the hold run out.
    async fn decide(&mut self, id: ReservationId) {
        if self.rng.random_bool(0.1) {
            self.ask(Ask::Read(id)).await;
        }
        match self.rng.random_range(0..100) {
            0..50 => self.buy(id).await,
            50..75 => {
                self.ask(Ask::Cancel(id)).await;
            }
            75..85 => {
                self.ask(Ask::Extend(id)).await;
                self.buy(id).await;
            }
            _ => {}
        }
    }

    /// Most give the seats back later, so that there is something left to sell.
    async fn buy(&mut self, id: ReservationId) {
        if self.rng.random_bool(0.1) {
            self.ask_twice(Ask::Confirm(id)).await;
        } else {
            self.ask(Ask::Confirm(id)).await;
        }
        if self.rng.random_bool(0.95) {
            let pause_ms = self.rng.random_range(0..300);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            self.ask(Ask::Cancel(id)).await;
        }
        if self.rng.random_bool(0.1) {
            self.ask(Ask::Read(id)).await;
        }
    }

    /// The same request at two nodes at once.
    async fn ask_twice(&mut self, ask: Ask) -> Answer {
        let ask = Arc::new(ask);
        let node = self.rng.random_range(0..self.client.nodes());
        let mut other_rng = StdRng::seed_from_u64(self.rng.random());
        let (answer, _) = tokio::join!(
            persist(&self.client, &ask, node, &mut self.rng),
            persist(&self.client, &ask, node + 1, &mut other_rng),
        );
        answer
    }

    async fn ask(&mut self, ask: Ask) -> Answer {
        let node = self.rng.random_range(0..self.client.nodes());
        persist(&self.client, &Arc::new(ask), node, &mut self.rng).await
    }
}

/// Asks one node after the other until one answers.
async fn persist(client: &Client, ask: &Arc<Ask>, first_node: usize, rng: &mut StdRng) -> Answer {
    let began = client.elapsed();
    let mut attempt = 0;
    loop {
        let node = (first_node + attempt as usize) % client.nodes();
        let answer = client.ask(ask, node, attempt).await;
        attempt += 1;
        let gives_up = attempt == MAX_ATTEMPTS || client.elapsed() - began > MAX_PATIENCE;
        if !matches!(answer, Answer::NotDone(_) | Answer::Nothing(_)) || gives_up {
            return answer;
        }
        let pause_ms = rng.random_range(20..80) * u64::from(attempt.min(5));
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}
