-- Every hot table's key begins with event_id, so that the data can be sharded by event. There are no
-- foreign keys between the hot tables and no index that no query needs: both cost more than the rows.

-- One row an event. A batch updates it once; the room that is left on each page keeps these updates HOT.
CREATE TABLE events (
    event_id                  uuid        PRIMARY KEY,
    name                      text        NOT NULL,
    description               text        NOT NULL,
    venue                     text        NOT NULL,
    start_at                  timestamptz NOT NULL,
    end_at                    timestamptz NOT NULL,
    currency                  text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    hold_ttl_s                integer     NOT NULL CHECK (hold_ttl_s > 0),
    max_hold_s                integer     NOT NULL,
    max_seats_per_reservation integer     NOT NULL CHECK (max_seats_per_reservation > 0),
    reserved_seats            integer     NOT NULL DEFAULT 0 CHECK (reserved_seats >= 0),
    confirmed_seats           integer     NOT NULL DEFAULT 0 CHECK (confirmed_seats >= 0),
    -- The number of the journal's last batch: what a batch is checked against.
    version                   bigint      NOT NULL DEFAULT 0,
    -- The number of the last ownership: what fences off an owner that was replaced.
    epoch                     bigint      NOT NULL DEFAULT 0,
    owner                     text,
    next_expires_at           timestamptz,
    decided_at                timestamptz,
    deleted                   boolean     NOT NULL DEFAULT false,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    CHECK (start_at < end_at),
    CHECK (hold_ttl_s <= max_hold_s)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- due_events: the events whose holds have run out, the longest overdue first.
CREATE INDEX events_due ON events (next_expires_at) WHERE next_expires_at IS NOT NULL;

-- The layout: written once. A seat's label, row and price follow from its number by arithmetic.
CREATE TABLE sections (
    event_id      uuid    NOT NULL,
    section_no    integer NOT NULL,
    name          text,
    row_count     integer NOT NULL CHECK (row_count > 0),
    seats_per_row integer NOT NULL CHECK (seats_per_row > 0),
    seats         integer NOT NULL CHECK (seats > 0),
    price_minor   bigint  NOT NULL CHECK (price_minor BETWEEN 0 AND 1000000000000),
    PRIMARY KEY (event_id, section_no),
    CHECK (seats <= row_count::bigint * seats_per_row)
);

-- Ids are ordered by time within an event, so the primary key also finds the keys of the last day and the
-- last id of an event (activate).
CREATE TABLE reservations (
    event_id        uuid        NOT NULL,
    reservation_id  uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    -- In the order asked for.
    seat_nos        integer[]   NOT NULL CHECK (cardinality(seat_nos) > 0),
    -- 0 pending, 1 confirmed, 2 cancelled, 3 expired.
    status          smallint    NOT NULL CHECK (status BETWEEN 0 AND 3),
    total_minor     bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    confirmed_at    timestamptz,
    cancelled_at    timestamptz,
    idempotency_key text,
    -- The journal's batch that changed it last.
    seq             bigint      NOT NULL,
    PRIMARY KEY (event_id, reservation_id)
) WITH (fillfactor = 85);

-- reservations: the list of one user's, newest first.
CREATE INDEX reservations_of_user ON reservations (user_id, reservation_id);

-- A row for each seat that is held or sold. The primary key forbids a double sale, whatever the code does.
CREATE TABLE claims (
    event_id       uuid    NOT NULL,
    seat_no        integer NOT NULL CHECK (seat_no > 0),
    reservation_id uuid    NOT NULL,
    PRIMARY KEY (event_id, seat_no)
);

-- One row a batch, in order and without a gap.
CREATE TABLE journal (
    event_id   uuid        NOT NULL,
    seq        bigint      NOT NULL CHECK (seq > 0),
    batch_id   uuid        NOT NULL,
    epoch      bigint      NOT NULL,
    decided_at timestamptz NOT NULL,
    changes    json        NOT NULL,
    PRIMARY KEY (event_id, seq)
);
-- Compressing a batch costs more time than writing it.
ALTER TABLE journal ALTER COLUMN changes SET STORAGE EXTERNAL;

-- The idempotency keys of requests for events. They live as long as the events, deleted ones too.
CREATE TABLE event_keys (
    key          text  NOT NULL PRIMARY KEY,
    -- A repetition must be the same request.
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    event_id     uuid  NOT NULL
);
