-- The tables of migrations/postgres in SQLite's types: a UUID is a BLOB of 16 bytes, a time the number of
-- microseconds since 1970, a list of seats a JSON array.

CREATE TABLE events (
    event_id                  BLOB    NOT NULL PRIMARY KEY,
    name                      TEXT    NOT NULL,
    description               TEXT    NOT NULL,
    venue                     TEXT    NOT NULL,
    start_at                  INTEGER NOT NULL,
    end_at                    INTEGER NOT NULL,
    currency                  TEXT    NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    hold_ttl_s                INTEGER NOT NULL CHECK (hold_ttl_s > 0),
    max_hold_s                INTEGER NOT NULL,
    max_seats_per_reservation INTEGER NOT NULL CHECK (max_seats_per_reservation > 0),
    rules                     TEXT    NOT NULL DEFAULT '{}',
    layout_id                 BLOB    NOT NULL,
    prices                    TEXT    NOT NULL,
    allocations               TEXT    NOT NULL DEFAULT '[]',
    -- The number of the last ownership: what fences off an owner that was replaced.
    epoch                     INTEGER NOT NULL DEFAULT 0,
    owner                     TEXT,
    deleted                   INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    created_at                INTEGER NOT NULL,
    updated_at                INTEGER NOT NULL,
    CHECK (start_at < end_at),
    CHECK (hold_ttl_s <= max_hold_s)
) STRICT;

-- When an event must be looked at, if it is in no memory: no later than a second after its next hold runs out, and earlier
-- where that hold has ended otherwise.
CREATE TABLE due (
    event_id BLOB    NOT NULL PRIMARY KEY,
    due_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- due_events: the longest overdue first.
CREATE INDEX due_by_time ON due (due_at);

-- What there is to sell: shared by the events that have the same, and never changed.
CREATE TABLE layouts (
    layout_id BLOB NOT NULL PRIMARY KEY,
    layout    TEXT NOT NULL
) STRICT;

CREATE TABLE charts (
    chart_id    BLOB    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    layout_id   BLOB    NOT NULL,
    allocations TEXT    NOT NULL,
    map         TEXT
) STRICT;

-- charts: newest first.
CREATE INDEX charts_by_time ON charts (created_at, chart_id);

CREATE TABLE seat_keys (
    keys_id BLOB NOT NULL PRIMARY KEY,
    keys    TEXT NOT NULL
) STRICT;

-- Ids are ordered by time within an event, so the primary key also finds the last id of an event (activate).
CREATE TABLE reservations (
    event_id        BLOB    NOT NULL,
    reservation_id  BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    -- In the order asked for.
    seat_nos        TEXT    NOT NULL,
    -- 0 pending, 1 confirmed, 2 cancelled, 3 expired.
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
    total_minor     INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    confirmed_at    INTEGER,
    cancelled_at    INTEGER,
    idempotency_key TEXT,
    -- JSON: what was asked for besides which seats.
    terms           TEXT,
    -- The journal's batch that changed it last.
    seq             INTEGER NOT NULL,
    PRIMARY KEY (event_id, reservation_id)
) STRICT, WITHOUT ROWID;

-- reservations: the list of one user's, newest first. By the last digit of the user's id and then by time, a batch
-- adds to the ends of 16 lists. By the whole id it would change a page for almost each reservation, which costs more
-- than all the rest. A user's list is found by reading one of the 16, in this index alone.
CREATE INDEX reservations_of_user ON reservations (substr(hex(user_id), 32), reservation_id, user_id);

-- A row for each seat that is held or sold. The primary key forbids a double sale, whatever the code does.
CREATE TABLE claims (
    event_id       BLOB    NOT NULL,
    seat_no        INTEGER NOT NULL CHECK (seat_no > 0),
    reservation_id BLOB    NOT NULL,
    PRIMARY KEY (event_id, seat_no)
) STRICT, WITHOUT ROWID;

-- The idempotency keys of reservations that have ended. Those of live ones are in their owner's memory.
CREATE TABLE ended_keys (
    event_id       BLOB    NOT NULL,
    -- Of the user and the key.
    key_hash       BLOB    NOT NULL,
    reservation_id BLOB    NOT NULL,
    -- Of what was asked for.
    request_hash   INTEGER NOT NULL,
    PRIMARY KEY (event_id, key_hash)
) STRICT, WITHOUT ROWID;

-- One row a batch, in order and without a gap. The last one's number is the event's version.
CREATE TABLE journal (
    event_id        BLOB    NOT NULL,
    seq             INTEGER NOT NULL CHECK (seq > 0),
    batch_id        BLOB    NOT NULL,
    epoch           INTEGER NOT NULL,
    -- By the owner's clock, which can go back with another owner.
    decided_at      INTEGER NOT NULL,
    -- The same, but after that of the batch before: a hybrid logical time.
    ordered_at      INTEGER NOT NULL,
    -- The event's after the batch.
    reserved_seats  INTEGER NOT NULL CHECK (reserved_seats >= 0),
    confirmed_seats INTEGER NOT NULL CHECK (confirmed_seats >= 0),
    not_for_sale_seats INTEGER NOT NULL CHECK (not_for_sale_seats >= 0),
    next_expires_at INTEGER,
    -- The longest comes last, so that the others are read without it.
    changes         TEXT    NOT NULL,
    PRIMARY KEY (event_id, seq)
) STRICT;

-- The idempotency keys of requests for events. They live as long as the events, deleted ones too.
CREATE TABLE event_keys (
    key          TEXT NOT NULL PRIMARY KEY,
    -- A repetition must be the same request.
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    event_id     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
