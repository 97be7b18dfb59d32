-- Every hot table's key begins with event_id, so that the data can be sharded by event. There are no
-- foreign keys between the hot tables and no index that no query needs: both cost more than the rows.

-- One row an event. A batch reads it, and leaves it as it is: while any snapshot is open (a backup's, a report's), each
-- older version of a row has to be passed on the way to the newest, so a row that every batch changed made each batch
-- slower than the one before. What changes with a batch stands in the journal's row of it.
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
    -- JSON: more rules of the sale, the prices of the layout's categories, seats that are set aside.
    rules                     text        NOT NULL DEFAULT '{}',
    layout_id                 uuid        NOT NULL,
    prices                    text        NOT NULL,
    allocations               text        NOT NULL DEFAULT '[]',
    -- The number of the last ownership: what fences off an owner that was replaced.
    epoch                     bigint      NOT NULL DEFAULT 0,
    owner                     text,
    deleted                   boolean     NOT NULL DEFAULT false,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    CHECK (start_at < end_at),
    CHECK (hold_ttl_s <= max_hold_s)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- When an event must be looked at, if it is in no node's memory: no later than a second after its next hold runs out,
-- and earlier where that hold has ended otherwise. An owner writes it once a second at most.
CREATE TABLE due (
    event_id uuid        PRIMARY KEY,
    due_at   timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- due_events: the longest overdue first.
CREATE INDEX due_by_time ON due (due_at);

-- What there is to sell, as JSON: sections and runs of seats, nothing that grows with the number of seats. Events that have
-- the same share it. Never changed: a layout's id is a hash of it.
CREATE TABLE layouts (
    layout_id uuid PRIMARY KEY,
    layout    text NOT NULL
);

-- Layouts without prices, under an id that is a hash of the content. Never changed.
CREATE TABLE charts (
    chart_id    uuid        PRIMARY KEY,
    name        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    layout_id   uuid        NOT NULL,
    -- JSON: what events made of it set aside.
    allocations text        NOT NULL,
    -- JSON: where the seats are.
    map         text
);

-- charts: newest first.
CREATE INDEX charts_by_time ON charts (created_at, chart_id);

-- The operator's own keys of the seats of a layout, as a JSON list in the order of the seats' numbers. Never changed.
CREATE TABLE seat_keys (
    keys_id uuid PRIMARY KEY,
    keys    text NOT NULL
);

-- Ids are ordered by time within an event, so the primary key also finds the last id of an event (activate).
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
    -- JSON: what was asked for besides which seats.
    terms           text,
    -- The journal's batch that changed it last.
    seq             bigint      NOT NULL,
    PRIMARY KEY (event_id, reservation_id)
) WITH (fillfactor = 85);

-- reservations: the list of one user's, newest first. In 4,096 lists, each ordered by time, rows are added to the ends of
-- the lists: to pages that stay in memory and are written once a checkpoint. By the user's id itself each row came to a
-- page of its own, and the more rows there were, the more of these pages had to be read first. A user's list is found by
-- reading one of the 4,096, in this index alone.
CREATE INDEX reservations_of_user ON reservations ((uuid_hash(user_id) & 4095), reservation_id, user_id);

-- A row for each seat that is held or sold. The primary key forbids a double sale, whatever the code does.
CREATE TABLE claims (
    event_id       uuid    NOT NULL,
    seat_no        integer NOT NULL CHECK (seat_no > 0),
    reservation_id uuid    NOT NULL,
    PRIMARY KEY (event_id, seat_no)
);

-- The idempotency keys of reservations that have ended. Those of live ones are in their owner's memory.
CREATE TABLE ended_keys (
    event_id       uuid   NOT NULL,
    -- Of the user and the key.
    key_hash       uuid   NOT NULL,
    reservation_id uuid   NOT NULL,
    -- Of what was asked for.
    request_hash   bigint NOT NULL,
    PRIMARY KEY (event_id, key_hash)
);

-- One row a batch, in order and without a gap. The last one's number is the event's version.
CREATE TABLE journal (
    event_id        uuid        NOT NULL,
    seq             bigint      NOT NULL CHECK (seq > 0),
    batch_id        uuid        NOT NULL,
    epoch           bigint      NOT NULL,
    -- By the owner's clock, which can go back with another owner.
    decided_at      timestamptz NOT NULL,
    -- The same, but after that of the batch before: a hybrid logical time.
    ordered_at      timestamptz NOT NULL,
    -- The event's after the batch.
    reserved_seats  integer     NOT NULL CHECK (reserved_seats >= 0),
    confirmed_seats integer     NOT NULL CHECK (confirmed_seats >= 0),
    not_for_sale_seats integer  NOT NULL CHECK (not_for_sale_seats >= 0),
    next_expires_at timestamptz,
    changes         json        NOT NULL,
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

-- Writes a group of batches, one an event, all or none. One call is one round trip and one transaction, so no
-- owner can stop in the middle of it. If the epoch or version of an event is not its batch's, it raises HF001.
--
-- The plans must not depend on statistics, which are always old for an event on sale. So rows are looked up
-- in a LATERAL subquery that OFFSET 0 keeps apart, one by primary key for each element of the group, and the
-- settings leave no other way to join. Left to choose, the planner takes a new event for one of few rows, and
-- compares each of them with each element. Elements are taken from the arrays by number: `unnest` makes a table of
-- each array first, which cost a tenth of a batch.
CREATE FUNCTION holdfast_append(
    -- The batches, one array a column, in the order of the events' ids: their rows are locked in that order.
    p_event_ids       uuid[],
    p_batch_ids       uuid[],
    p_seqs            bigint[],
    p_epochs          bigint[],
    p_decided_at      timestamptz[],
    p_ordered_at      timestamptz[],
    p_changes         text[],
    p_reserved_seats  integer[],
    p_confirmed_seats integer[],
    p_not_for_sale_seats integer[],
    p_next_expires_at timestamptz[],
    -- When an event is due, where that changes.
    p_due_at          timestamptz[],
    p_deleted         boolean[],
    -- The reservations made. Here and below, the first array is the position of each row's batch, from 1.
    -- Postgres has no array of unequal arrays, so each reservation's seats are the text of an array.
    c_batches         integer[],
    c_ids             uuid[],
    c_user_ids        uuid[],
    c_seat_nos        text[],
    c_statuses        smallint[],
    c_totals_minor    bigint[],
    c_created_at      timestamptz[],
    c_expires_at      timestamptz[],
    c_updated_at      timestamptz[],
    c_confirmed_at    timestamptz[],
    c_cancelled_at    timestamptz[],
    c_keys            text[],
    c_terms           text[],
    -- The older reservations changed.
    u_batches         integer[],
    u_ids             uuid[],
    u_statuses        smallint[],
    u_expires_at      timestamptz[],
    u_updated_at      timestamptz[],
    u_confirmed_at    timestamptz[],
    u_cancelled_at    timestamptz[],
    -- Claims that end, then claims that begin.
    r_batches         integer[],
    r_seat_nos        integer[],
    n_batches         integer[],
    n_seat_nos        integer[],
    n_claimed_by      uuid[],
    -- The idempotency keys of reservations that end.
    k_batches         integer[],
    k_hashes          uuid[],
    k_ids             uuid[],
    k_requests        bigint[],
    -- The details of events, where a batch changes them, and layouts that are new.
    d_batches         integer[],
    d_details         text[],
    d_layout_ids      uuid[],
    d_layouts         text[],
    d_start_at        timestamptz[],
    d_end_at          timestamptz[]
) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    row_count integer;
BEGIN
    -- The fence. A new owner that raises the epoch waits for this transaction, or this one for it.
    PERFORM FROM generate_series(1, cardinality(p_event_ids)) AS i
    CROSS JOIN LATERAL (
        SELECT FROM events e WHERE e.event_id = p_event_ids[i] AND e.epoch = p_epochs[i] FOR SHARE
    ) AS owned
    WHERE p_seqs[i] - 1 = coalesce((SELECT max(j.seq) FROM journal j WHERE j.event_id = p_event_ids[i]), 0);
    GET DIAGNOSTICS row_count = ROW_COUNT;
    IF row_count <> cardinality(p_event_ids) THEN
        RAISE EXCEPTION '% of % batches have another epoch or version than their events',
            cardinality(p_event_ids) - row_count, cardinality(p_event_ids) USING ERRCODE = 'HF001';
    END IF;

    INSERT INTO journal (event_id, seq, batch_id, epoch, decided_at, ordered_at, reserved_seats, confirmed_seats,
        not_for_sale_seats, next_expires_at, changes)
    SELECT p_event_ids[i], p_seqs[i], p_batch_ids[i], p_epochs[i], p_decided_at[i], p_ordered_at[i],
        p_reserved_seats[i], p_confirmed_seats[i], p_not_for_sale_seats[i], p_next_expires_at[i], p_changes[i]::json
    FROM generate_series(1, cardinality(p_event_ids)) AS i;

    IF cardinality(c_ids) > 0 THEN
        INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor,
            created_at, expires_at, updated_at, confirmed_at, cancelled_at, idempotency_key, terms, seq)
        SELECT p_event_ids[c_batches[i]], c_ids[i], c_user_ids[i], c_seat_nos[i]::integer[], c_statuses[i],
            c_totals_minor[i], c_created_at[i], c_expires_at[i], c_updated_at[i], c_confirmed_at[i],
            c_cancelled_at[i], c_keys[i], c_terms[i], p_seqs[c_batches[i]]
        FROM generate_series(1, cardinality(c_ids)) AS i;
    END IF;

    IF cardinality(u_ids) > 0 THEN
        UPDATE reservations r
        SET status = u_statuses[i],
            expires_at = u_expires_at[i],
            updated_at = u_updated_at[i],
            confirmed_at = u_confirmed_at[i],
            cancelled_at = u_cancelled_at[i],
            seq = p_seqs[u_batches[i]]
        FROM generate_series(1, cardinality(u_ids)) AS i
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM reservations
            WHERE event_id = p_event_ids[u_batches[i]] AND reservation_id = u_ids[i] OFFSET 0
        ) AS found
        WHERE r.ctid = found.place;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        IF row_count <> cardinality(u_ids) THEN
            RAISE EXCEPTION 'there are % reservations to change, of which % exist', cardinality(u_ids), row_count;
        END IF;
    END IF;

    IF cardinality(r_seat_nos) > 0 THEN
        DELETE FROM claims c
        USING generate_series(1, cardinality(r_seat_nos)) AS i
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM claims
            WHERE event_id = p_event_ids[r_batches[i]] AND seat_no = r_seat_nos[i] OFFSET 0
        ) AS found
        WHERE c.ctid = found.place;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        IF row_count <> cardinality(r_seat_nos) THEN
            RAISE EXCEPTION 'there are % seats to release, of which % are claimed', cardinality(r_seat_nos), row_count;
        END IF;
    END IF;

    IF cardinality(n_seat_nos) > 0 THEN
        INSERT INTO claims (event_id, seat_no, reservation_id)
        SELECT p_event_ids[n_batches[i]], n_seat_nos[i], n_claimed_by[i]
        FROM generate_series(1, cardinality(n_seat_nos)) AS i;
    END IF;

    IF cardinality(k_hashes) > 0 THEN
        -- A key whose time was over has been used again.
        INSERT INTO ended_keys AS k (event_id, key_hash, reservation_id, request_hash)
        SELECT p_event_ids[k_batches[i]], k_hashes[i], k_ids[i], k_requests[i]
        FROM generate_series(1, cardinality(k_hashes)) AS i
        ON CONFLICT (event_id, key_hash) DO UPDATE
        SET reservation_id = excluded.reservation_id, request_hash = excluded.request_hash
        WHERE k.reservation_id < excluded.reservation_id;
    END IF;

    IF array_remove(p_due_at, NULL) <> '{}' THEN
        INSERT INTO due (event_id, due_at)
        SELECT p_event_ids[i], p_due_at[i] FROM generate_series(1, cardinality(p_event_ids)) AS i
        WHERE p_due_at[i] IS NOT NULL
        ON CONFLICT (event_id) DO UPDATE SET due_at = excluded.due_at;
    END IF;

    IF true = ANY (p_deleted) THEN
        UPDATE events e SET deleted = true FROM generate_series(1, cardinality(p_event_ids)) AS i
        WHERE e.event_id = p_event_ids[i] AND p_deleted[i];
    END IF;

    IF cardinality(d_details) > 0 THEN
        INSERT INTO layouts (layout_id, layout)
        SELECT d_layout_ids[i], d_layouts[i] FROM generate_series(1, cardinality(d_details)) AS i
        WHERE d_layouts[i] IS NOT NULL
        ON CONFLICT (layout_id) DO NOTHING;
        UPDATE events e
        SET name = d.name,
            description = d.description,
            venue = d.venue,
            start_at = d_start_at[i],
            end_at = d_end_at[i],
            hold_ttl_s = d.hold_ttl_s,
            max_hold_s = d.max_hold_s,
            max_seats_per_reservation = d.max_seats_per_reservation,
            rules = d.rules,
            layout_id = d_layout_ids[i],
            prices = d.prices,
            allocations = d.allocations,
            updated_at = p_decided_at[d_batches[i]]
        FROM generate_series(1, cardinality(d_details)) AS i
        CROSS JOIN LATERAL json_to_record(d_details[i]::json) AS d (name text, description text, venue text,
            hold_ttl_s integer, max_hold_s integer, max_seats_per_reservation integer, rules text, prices text,
            allocations text)
        WHERE e.event_id = p_event_ids[d_batches[i]];
    END IF;
END;
$$;
