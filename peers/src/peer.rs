//! A peer: one transaction for each request.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use clap::ValueEnum;
use deadpool_redis::redis::Client;
use engine::{
    CallError, Clock, Conflict, ConflictReason, EventId, EventInfo, Fault, Invalid, Rejection, Reservation,
    ReservationId, ReservationStatus, ReservationView, SeatNo, SystemClock, UserId,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};

use crate::hold::{self, Hold};
use crate::redis_lock::RedisLock;
use crate::{reservations, tables};

/// How often a request tries again after another one was quicker.
const MAX_RETRIES: usize = 10;

/// Which peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PeerKind {
    /// An optimistic lock: seat rows with a version.
    Optimistic,
    /// The same behind a lock on Redis, one for each event.
    RedisLock,
    /// `SELECT … FOR UPDATE SKIP LOCKED`.
    SkipLocked,
}

/// What the workers of a server share.
pub struct Settings {
    kind: PeerKind,
    database: PgConnectOptions,
    connections_per_worker: u32,
    /// Where the locks are, for the peer that has them.
    redis: Option<Client>,
    /// Events never change, so they are read from memory.
    events: RwLock<HashMap<EventId, Arc<EventInfo>>>,
    last_id: Mutex<Option<ReservationId>>,
}

/// A server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The database does not answer, or is none.
    #[error("DATABASE_URL: {0}")]
    Database(#[from] sqlx::Error),
    /// The locks have no place.
    #[error("REDIS_URL: {0}")]
    Redis(String),
}

impl Settings {
    /// Prepares the tables, and says how workers connect. A Redis URL is needed for the peer with a lock
    /// there.
    pub async fn prepare(
        kind: PeerKind,
        database_url: &str,
        connections_per_worker: u32,
        redis_url: Option<&str>,
    ) -> Result<Self, SetupError> {
        let redis = match (kind, redis_url) {
            (PeerKind::RedisLock, Some(url)) => {
                Some(Client::open(url).map_err(|error| SetupError::Redis(error.to_string()))?)
            }
            (PeerKind::RedisLock, None) => {
                return Err(SetupError::Redis("is needed for the lock".to_owned()));
            }
            (PeerKind::Optimistic | PeerKind::SkipLocked, _) => None,
        };
        // sqlx prepares each statement once a connection and keeps it. Logging of statements is off, as in
        // Holdfast.
        let database =
            PgConnectOptions::from_str(database_url)?.application_name("peer").disable_statement_logging();
        tables::create(&mut database.connect().await?).await?;
        let (events, last_id) = (RwLock::default(), Mutex::default());
        Ok(Self { kind, database, connections_per_worker, redis, events, last_id })
    }
}

/// One worker's part of a server: its own connections, driven by its own thread, so that an answer of the
/// database wakes no other one.
pub struct Peer {
    settings: Arc<Settings>,
    pool: PgPool,
    lock: Option<RedisLock>,
}

impl Peer {
    /// Connects when first needed. Must be called in the runtime of the worker.
    pub fn new(settings: Arc<Settings>) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections_per_worker)
            // Waiting for a connection is how a request waits for its turn; the request's own deadline bounds
            // it.
            .acquire_timeout(Duration::from_secs(30))
            // Each saves a round trip, or work, in every request.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(settings.database.clone());
        let lock = settings.redis.clone().map(RedisLock::new);
        Self { settings, pool, lock }
    }

    /// Makes the seats of an event.
    pub async fn create_event(&self, event: Arc<EventInfo>) -> Result<(), CallError> {
        tables::create_seats(&self.pool, &event).await.map_err(fault)?;
        let mut events = self.settings.events.write().unwrap_or_else(PoisonError::into_inner);
        events.insert(event.id, event);
        Ok(())
    }

    /// Holds seats for a user: all of them or none.
    pub async fn reserve(
        &self,
        event_id: EventId,
        user_id: UserId,
        seats: Vec<SeatNo>,
        idempotency_key: Option<String>,
    ) -> Result<ReservationView, CallError> {
        let event = self.event(event_id).ok_or(Rejection::EventNotFound)?;
        check(&event, &seats)?;
        if let Some(replayed) = self.replayed(&event, user_id, &seats, idempotency_key.as_deref()).await? {
            return Ok(replayed);
        }
        let now = SystemClock.now();
        let mut reservation = Reservation {
            id: self.next_id(event_id),
            user_id,
            seats,
            status: ReservationStatus::Pending,
            total_minor: 0,
            created_at: now,
            expires_at: now.plus_s(event.details.hold_ttl_s),
            updated_at: now,
            confirmed_at: None,
            cancelled_at: None,
            idempotency_key,
            terms: None,
            seq: 0,
        };
        let held = match &self.lock {
            None => self.hold(event_id, &mut reservation).await,
            Some(lock) => {
                let held = lock.acquire(event_id).await.map_err(unavailable)?;
                let result = self.hold(event_id, &mut reservation).await;
                // A lock that cannot be released runs out by itself.
                if let Err(error) = lock.release(held).await {
                    tracing::warn!(%error, "a lock was not released");
                }
                result
            }
        };
        match held {
            Ok(()) => Ok(ReservationView { reservation: Arc::new(reservation), event, replayed: false }),
            Err(error) => {
                // Perhaps the same request was sent twice at the same time, and the other one was quicker.
                let Reservation { seats, idempotency_key, .. } = reservation;
                let found = self.replayed(&event, user_id, &seats, idempotency_key.as_deref()).await?;
                found.ok_or(error)
            }
        }
    }

    /// Transactions until one decides.
    async fn hold(&self, event_id: EventId, reservation: &mut Reservation) -> Result<(), CallError> {
        // In one order, so that two requests for the same seats cannot wait for each other.
        let mut seat_nos: Vec<i32> = reservation.seats.iter().map(|seat_no| *seat_no as i32).collect();
        seat_nos.sort_unstable();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(1))
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build();
        loop {
            match self.transaction(event_id, &seat_nos, reservation).await.map_err(fault)? {
                Hold::Taken(_) => return Ok(()),
                Hold::Unavailable(seats) => return Err(unavailable_seats(seats).into()),
                Hold::Changed => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(unavailable("others were quicker again and again")),
                },
            }
        }
    }

    async fn transaction(
        &self,
        event_id: EventId,
        seat_nos: &[i32],
        reservation: &mut Reservation,
    ) -> Result<Hold, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let hold = match self.settings.kind {
            PeerKind::Optimistic | PeerKind::RedisLock => {
                hold::optimistic(&mut transaction, event_id, seat_nos, reservation.id).await?
            }
            PeerKind::SkipLocked => {
                hold::skip_locked(&mut transaction, event_id, seat_nos, reservation.id).await?
            }
        };
        if let Hold::Taken(total_minor) = hold {
            reservation.total_minor = total_minor;
            reservations::insert(&mut transaction, event_id, reservation).await?;
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(hold)
    }

    /// What this key has made before, if it was used.
    async fn replayed(
        &self,
        event: &Arc<EventInfo>,
        user_id: UserId,
        seats: &[SeatNo],
        key: Option<&str>,
    ) -> Result<Option<ReservationView>, CallError> {
        let Some(key) = key else { return Ok(None) };
        let found = reservations::by_key(&self.pool, event.id, user_id, key).await.map_err(fault)?;
        match found {
            Some(reservation) if reservation.seats != seats => Err(Rejection::IdempotencyKeyReused.into()),
            Some(reservation) => Ok(Some(ReservationView {
                reservation: Arc::new(reservation),
                event: Arc::clone(event),
                replayed: true,
            })),
            None => Ok(None),
        }
    }

    fn event(&self, id: EventId) -> Option<Arc<EventInfo>> {
        self.settings.events.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn next_id(&self, event_id: EventId) -> ReservationId {
        let mut last = self.settings.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        let next = ReservationId::next(event_id, *last, SystemClock.now());
        *last = Some(next);
        next
    }
}

fn check(event: &EventInfo, seats: &[SeatNo]) -> Result<(), Rejection> {
    let unknown: Vec<SeatNo> =
        seats.iter().copied().filter(|seat_no| !event.seating.layout.contains(*seat_no)).collect();
    if !unknown.is_empty() {
        return Err(Rejection::SeatNotFound(unknown));
    }
    let most = event.details.max_seats_per_reservation;
    if seats.len() > most as usize {
        return Err(Rejection::Invalid(Invalid::TooManySeats { given: seats.len(), most }));
    }
    if event.details.end_at <= SystemClock.now() {
        return Err(Rejection::EventEnded(event.details.end_at));
    }
    Ok(())
}

fn unavailable_seats(seats: Vec<SeatNo>) -> Rejection {
    let conflict = |seat_no| Conflict { seat_no, reason: ConflictReason::Reserved };
    Rejection::SeatUnavailable(seats.into_iter().map(conflict).collect())
}

fn fault(error: sqlx::Error) -> CallError {
    Fault::Unknown(error.to_string()).into()
}

fn unavailable(error: impl std::fmt::Display) -> CallError {
    Fault::Unavailable(error.to_string()).into()
}
