-- Less work for a batch.

-- reservations: the list of one user's, newest first. In 4,096 lists, each ordered by time, rows are added to the ends of
-- the lists: to pages that stay in memory and are written once a checkpoint. By the user's id itself each row came to a
-- page of its own, and the more rows there were, the more of these pages had to be read first. A user's list is found by
-- reading one of the 4,096, in this index alone.
-- On a database with many reservations this takes minutes, in which nothing is sold.
CREATE INDEX reservations_in_lists ON reservations ((uuid_hash(user_id) & 4095), reservation_id, user_id);
DROP INDEX reservations_of_user;

-- As before, but elements are taken from the arrays by number. `unnest` makes a table of each array first, which cost a
-- tenth of a batch. What 0002 says of the plans and the parameters still holds; but the update of `events` has no guard,
-- since a row found by its place would be missed after somebody else's update.
CREATE OR REPLACE FUNCTION holdfast_append(
    -- The batches, one array a column, in the order of the events' ids: their rows are locked in that order.
    p_event_ids       uuid[],
    p_batch_ids       uuid[],
    p_seqs            bigint[],
    p_epochs          bigint[],
    p_decided_at      timestamptz[],
    p_changes         text[],
    p_reserved_seats  integer[],
    p_confirmed_seats integer[],
    p_next_expires_at timestamptz[],
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
    -- The details of events, where a batch changes them.
    d_batches         integer[],
    d_details         text[],
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
    UPDATE events e
    SET version = p_seqs[i],
        decided_at = p_decided_at[i],
        reserved_seats = p_reserved_seats[i],
        confirmed_seats = p_confirmed_seats[i],
        next_expires_at = p_next_expires_at[i],
        deleted = e.deleted OR p_deleted[i]
    FROM generate_series(1, cardinality(p_event_ids)) AS i
    WHERE e.event_id = p_event_ids[i] AND e.epoch = p_epochs[i] AND e.version = p_seqs[i] - 1;
    GET DIAGNOSTICS row_count = ROW_COUNT;
    IF row_count <> cardinality(p_event_ids) THEN
        RAISE EXCEPTION '% of % batches have another epoch or version than their events',
            cardinality(p_event_ids) - row_count, cardinality(p_event_ids) USING ERRCODE = 'HF001';
    END IF;

    INSERT INTO journal (event_id, seq, batch_id, epoch, decided_at, changes)
    SELECT p_event_ids[i], p_seqs[i], p_batch_ids[i], p_epochs[i], p_decided_at[i], p_changes[i]::json
    FROM generate_series(1, cardinality(p_event_ids)) AS i;

    IF cardinality(c_ids) > 0 THEN
        INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor,
            created_at, expires_at, updated_at, confirmed_at, cancelled_at, idempotency_key, seq)
        SELECT p_event_ids[c_batches[i]], c_ids[i], c_user_ids[i], c_seat_nos[i]::integer[], c_statuses[i],
            c_totals_minor[i], c_created_at[i], c_expires_at[i], c_updated_at[i], c_confirmed_at[i],
            c_cancelled_at[i], c_keys[i], p_seqs[c_batches[i]]
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

    IF cardinality(d_details) > 0 THEN
        UPDATE events e
        SET name = d.name,
            description = d.description,
            venue = d.venue,
            start_at = d_start_at[i],
            end_at = d_end_at[i],
            hold_ttl_s = d.hold_ttl_s,
            max_hold_s = d.max_hold_s,
            max_seats_per_reservation = d.max_seats_per_reservation,
            updated_at = p_decided_at[d_batches[i]]
        FROM generate_series(1, cardinality(d_details)) AS i
        CROSS JOIN LATERAL json_to_record(d_details[i]::json) AS d (name text, description text, venue text,
            hold_ttl_s integer, max_hold_s integer, max_seats_per_reservation integer)
        WHERE e.event_id = p_event_ids[d_batches[i]];
    END IF;
END;
$$;
