//! The queries that both databases are asked alike.

/// Its pending and confirmed reservations: those that have claims.
pub(crate) const LIVE_RESERVATIONS: &str = "SELECT * FROM reservations
    WHERE event_id = $1 AND reservation_id IN (SELECT reservation_id FROM claims WHERE event_id = $1)
    ORDER BY reservation_id";

pub(crate) const USED_KEYS: &str =
    "SELECT reservation_id, user_id, idempotency_key, seat_nos FROM reservations
    WHERE event_id = $1 AND reservation_id >= $2 AND idempotency_key IS NOT NULL
    ORDER BY reservation_id";

pub(crate) const LAST_RESERVATION_ID: &str =
    "SELECT reservation_id FROM reservations WHERE event_id = $1 ORDER BY reservation_id DESC LIMIT 1";

pub(crate) const BATCH_AT: &str = "SELECT batch_id FROM journal WHERE event_id = $1 AND seq = $2";

pub(crate) const DUE_EVENTS: &str = "SELECT event_id FROM events WHERE next_expires_at <= $1 AND NOT deleted
    ORDER BY next_expires_at LIMIT $2";

pub(crate) const RESERVATION: &str = "SELECT * FROM reservations WHERE event_id = $1 AND reservation_id = $2";

pub(crate) const RESERVATIONS: &str =
    "SELECT * FROM reservations WHERE event_id = $1 ORDER BY reservation_id";

pub(crate) const CLAIMS: &str =
    "SELECT seat_no, reservation_id FROM claims WHERE event_id = $1 ORDER BY seat_no";

pub(crate) const EVENT_IDS: &str =
    "SELECT event_id FROM events WHERE event_id > $1 ORDER BY event_id LIMIT $2";

pub(crate) const EVENT_KEY: &str = "SELECT event_id, request_hash FROM event_keys WHERE key = $1";

pub(crate) const PING: &str = "SELECT 1";
