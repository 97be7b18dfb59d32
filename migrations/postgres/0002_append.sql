-- Writes a group of batches, one an event, all or none. One call is one round trip and one transaction, so no
-- owner can stop in the middle of it. If the epoch or version of an event is not its batch's, it raises HF001.
--
-- The plans must not depend on statistics, which are always old for an event on sale. So rows are looked up
-- in a LATERAL subquery that OFFSET 0 keeps apart, one by primary key for each element of the group, and the
-- settings leave no other way to join. Left to choose, the planner takes a new event for one of few rows, and
-- compares each of them with each element.
CREATE FUNCTION holdfast_append(
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
    SET version = b.seq,
        decided_at = b.decided_at,
        reserved_seats = b.reserved_seats,
        confirmed_seats = b.confirmed_seats,
        next_expires_at = b.next_expires_at,
        deleted = e.deleted OR b.deleted
    FROM unnest(p_event_ids, p_seqs, p_epochs, p_decided_at, p_reserved_seats, p_confirmed_seats,
        p_next_expires_at, p_deleted)
        AS b (event_id, seq, epoch, decided_at, reserved_seats, confirmed_seats, next_expires_at, deleted)
    WHERE e.event_id = b.event_id AND e.epoch = b.epoch AND e.version = b.seq - 1;
    GET DIAGNOSTICS row_count = ROW_COUNT;
    IF row_count <> cardinality(p_event_ids) THEN
        RAISE EXCEPTION '% of % batches have another epoch or version than their events',
            cardinality(p_event_ids) - row_count, cardinality(p_event_ids) USING ERRCODE = 'HF001';
    END IF;

    INSERT INTO journal (event_id, seq, batch_id, epoch, decided_at, changes)
    SELECT b.event_id, b.seq, b.batch_id, b.epoch, b.decided_at, b.changes::json
    FROM unnest(p_event_ids, p_seqs, p_batch_ids, p_epochs, p_decided_at, p_changes)
        AS b (event_id, seq, batch_id, epoch, decided_at, changes);

    IF cardinality(c_ids) > 0 THEN
        INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor,
            created_at, expires_at, updated_at, confirmed_at, cancelled_at, idempotency_key, seq)
        SELECT p_event_ids[c.batch], c.id, c.user_id, c.seat_nos::integer[], c.status, c.total_minor,
            c.created_at, c.expires_at, c.updated_at, c.confirmed_at, c.cancelled_at, c.key, p_seqs[c.batch]
        FROM unnest(c_batches, c_ids, c_user_ids, c_seat_nos, c_statuses, c_totals_minor, c_created_at,
            c_expires_at, c_updated_at, c_confirmed_at, c_cancelled_at, c_keys)
            AS c (batch, id, user_id, seat_nos, status, total_minor, created_at,
                expires_at, updated_at, confirmed_at, cancelled_at, key);
    END IF;

    IF cardinality(u_ids) > 0 THEN
        UPDATE reservations r
        SET status = u.status,
            expires_at = u.expires_at,
            updated_at = u.updated_at,
            confirmed_at = u.confirmed_at,
            cancelled_at = u.cancelled_at,
            seq = p_seqs[u.batch]
        FROM unnest(u_batches, u_ids, u_statuses, u_expires_at, u_updated_at, u_confirmed_at, u_cancelled_at)
            AS u (batch, id, status, expires_at, updated_at, confirmed_at, cancelled_at)
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM reservations
            WHERE event_id = p_event_ids[u.batch] AND reservation_id = u.id OFFSET 0
        ) AS found
        WHERE r.ctid = found.place;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        IF row_count <> cardinality(u_ids) THEN
            RAISE EXCEPTION 'there are % reservations to change, of which % exist', cardinality(u_ids), row_count;
        END IF;
    END IF;

    IF cardinality(r_seat_nos) > 0 THEN
        DELETE FROM claims c
        USING unnest(r_batches, r_seat_nos) AS released (batch, seat_no)
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM claims
            WHERE event_id = p_event_ids[released.batch] AND seat_no = released.seat_no OFFSET 0
        ) AS found
        WHERE c.ctid = found.place;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        IF row_count <> cardinality(r_seat_nos) THEN
            RAISE EXCEPTION 'there are % seats to release, of which % are claimed', cardinality(r_seat_nos), row_count;
        END IF;
    END IF;

    IF cardinality(n_seat_nos) > 0 THEN
        INSERT INTO claims (event_id, seat_no, reservation_id)
        SELECT p_event_ids[c.batch], c.seat_no, c.reservation_id
        FROM unnest(n_batches, n_seat_nos, n_claimed_by) AS c (batch, seat_no, reservation_id);
    END IF;

    IF cardinality(d_details) > 0 THEN
        UPDATE events e
        SET name = d.name,
            description = d.description,
            venue = d.venue,
            start_at = c.start_at,
            end_at = c.end_at,
            hold_ttl_s = d.hold_ttl_s,
            max_hold_s = d.max_hold_s,
            max_seats_per_reservation = d.max_seats_per_reservation,
            updated_at = p_decided_at[c.batch]
        FROM unnest(d_batches, d_details, d_start_at, d_end_at) AS c (batch, details, start_at, end_at)
        CROSS JOIN LATERAL json_to_record(c.details::json) AS d (name text, description text, venue text,
            hold_ttl_s integer, max_hold_s integer, max_seats_per_reservation integer)
        WHERE e.event_id = p_event_ids[c.batch];
    END IF;
END;
$$;
