//! The queries that both databases are asked alike.

pub(crate) const ENDED_KEYS: &str =
    "SELECT key_hash, reservation_id, request_hash FROM ended_keys WHERE event_id = $1 LIMIT $2";

/// When the store has the event down as due.
pub(crate) const DUE_AT: &str = "SELECT due_at FROM due WHERE event_id = $1";

pub(crate) const LAST_RESERVATION_ID: &str =
    "SELECT reservation_id FROM reservations WHERE event_id = $1 ORDER BY reservation_id DESC LIMIT 1";

pub(crate) const BATCH_AT: &str = "SELECT batch_id FROM journal WHERE event_id = $1 AND seq = $2";

/// Events that are down as due, each with the end of its next hold.
pub(crate) const DUE_EVENTS: &str = "SELECT d.event_id, d.due_at,
        (SELECT j.next_expires_at FROM journal j WHERE j.event_id = d.event_id ORDER BY j.seq DESC LIMIT 1)
            AS next_expires_at
    FROM due d WHERE d.due_at <= $1 ORDER BY d.due_at LIMIT $2";

/// Takes an event off that has no hold.
pub(crate) const NOT_DUE: &str = "DELETE FROM due WHERE event_id = $1 AND due_at <= $2";

/// Puts an event down for later.
pub(crate) const DUE_LATER: &str = "UPDATE due SET due_at = $3 WHERE event_id = $1 AND due_at <= $2";

pub(crate) const RESERVATION: &str = "SELECT * FROM reservations WHERE event_id = $1 AND reservation_id = $2";

pub(crate) const RESERVATIONS: &str =
    "SELECT * FROM reservations WHERE event_id = $1 ORDER BY reservation_id";

pub(crate) const CLAIMS: &str =
    "SELECT seat_no, reservation_id FROM claims WHERE event_id = $1 ORDER BY seat_no";

pub(crate) const EVENT_IDS: &str =
    "SELECT event_id FROM events WHERE event_id > $1 ORDER BY event_id LIMIT $2";

pub(crate) const EVENT_KEY: &str = "SELECT event_id, request_hash FROM event_keys WHERE key = $1";

pub(crate) const LAYOUT: &str = "SELECT layout_id, layout FROM layouts WHERE layout_id = $1";

pub(crate) const CHARTS: &str =
    "SELECT chart_id, name, created_at, layout_id, allocations, NULL AS map FROM charts
    WHERE $1 IS NULL OR (created_at, chart_id) < (SELECT created_at, chart_id FROM charts WHERE chart_id = $1)
    ORDER BY created_at DESC, chart_id DESC LIMIT $2";
