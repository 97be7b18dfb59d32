-- The tables of the peers: seats are rows that change, a reservation is a row beside them.
-- In a schema of their own, so that they can stand in any database.
CREATE SCHEMA peers;

-- A seat is changed when it is held. There is no index on its status or holder, and each page keeps as much room
-- as its rows take, so that the new version of a row stays on its page (a HOT update) and no index is touched.
CREATE TABLE peers.seats (
    event_id       uuid     NOT NULL,
    seat_no        integer  NOT NULL,
    price_minor    bigint   NOT NULL,
    -- 0 available, 1 reserved.
    status         smallint NOT NULL DEFAULT 0,
    -- Counts the changes of the row: what the optimistic lock compares.
    version        integer  NOT NULL DEFAULT 0,
    reservation_id uuid,
    PRIMARY KEY (event_id, seat_no)
) WITH (fillfactor = 50);

-- The seats are an array, not rows of a third table: that is one insert less for each seat. Ids grow with time, so the
-- primary key grows at its right edge alone.
CREATE TABLE peers.reservations (
    reservation_id  uuid        PRIMARY KEY,
    event_id        uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    seat_nos        integer[]   NOT NULL,
    status          smallint    NOT NULL,
    total_minor     bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    idempotency_key text
);

-- One key of a user and an event has one effect. A reservation without a key costs nothing here.
CREATE UNIQUE INDEX reservations_key ON peers.reservations (user_id, event_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
