-- Writes one batch; false if the event's epoch or version is not the batch's, and then nothing is written.
-- One call is one round trip and one transaction, so no owner can stop in the middle of it.
--
-- The plans must not depend on statistics, which are always old for an event on sale. So rows are looked up
-- in a LATERAL subquery that OFFSET 0 keeps apart, one by primary key for each element of the batch, and the
-- settings leave no other way to join. Left to choose, the planner takes a new event for one of few rows, and
-- compares each of them with each element.
CREATE FUNCTION holdfast_append(
    p_event_id        uuid,
    p_batch_id        uuid,
    p_seq             bigint,
    p_epoch           bigint,
    p_decided_at      timestamptz,
    p_changes         text,
    p_reserved_seats  integer,
    p_confirmed_seats integer,
    p_next_expires_at timestamptz,
    p_deleted         boolean,
    -- The reservations made, one array a column. Postgres has no array of unequal arrays, so each
    -- reservation's seats are the text of an array.
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
    u_ids             uuid[],
    u_statuses        smallint[],
    u_expires_at      timestamptz[],
    u_updated_at      timestamptz[],
    u_confirmed_at    timestamptz[],
    u_cancelled_at    timestamptz[],
    -- Claims that end, then claims that begin.
    p_released        integer[],
    p_claimed         integer[],
    p_claimed_by      uuid[],
    -- The event's details, where the batch changes them.
    p_details         text,
    p_start_at        timestamptz,
    p_end_at          timestamptz
) RETURNS boolean
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    row_count integer;
BEGIN
    UPDATE events
    SET version = p_seq,
        decided_at = p_decided_at,
        reserved_seats = p_reserved_seats,
        confirmed_seats = p_confirmed_seats,
        next_expires_at = p_next_expires_at,
        deleted = deleted OR p_deleted
    WHERE event_id = p_event_id AND epoch = p_epoch AND version = p_seq - 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    INSERT INTO journal (event_id, seq, batch_id, epoch, decided_at, changes)
    VALUES (p_event_id, p_seq, p_batch_id, p_epoch, p_decided_at, p_changes::json);

    IF cardinality(c_ids) > 0 THEN
        INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor,
            created_at, expires_at, updated_at, confirmed_at, cancelled_at, idempotency_key, seq)
        SELECT p_event_id, c.id, c.user_id, c.seat_nos::integer[], c.status, c.total_minor,
            c.created_at, c.expires_at, c.updated_at, c.confirmed_at, c.cancelled_at, c.key, p_seq
        FROM unnest(c_ids, c_user_ids, c_seat_nos, c_statuses, c_totals_minor, c_created_at,
            c_expires_at, c_updated_at, c_confirmed_at, c_cancelled_at, c_keys)
            AS c (id, user_id, seat_nos, status, total_minor, created_at,
                expires_at, updated_at, confirmed_at, cancelled_at, key);
    END IF;

    IF cardinality(u_ids) > 0 THEN
        UPDATE reservations r
        SET status = u.status,
            expires_at = u.expires_at,
            updated_at = u.updated_at,
            confirmed_at = u.confirmed_at,
            cancelled_at = u.cancelled_at,
            seq = p_seq
        FROM unnest(u_ids, u_statuses, u_expires_at, u_updated_at, u_confirmed_at, u_cancelled_at)
            AS u (id, status, expires_at, updated_at, confirmed_at, cancelled_at)
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM reservations
            WHERE event_id = p_event_id AND reservation_id = u.id OFFSET 0
        ) AS found
        WHERE r.ctid = found.place;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        IF row_count <> cardinality(u_ids) THEN
            RAISE EXCEPTION 'the batch changes % reservations, of which % exist', cardinality(u_ids), row_count;
        END IF;
    END IF;

    IF cardinality(p_released) > 0 THEN
        DELETE FROM claims c
        USING unnest(p_released) AS released (seat_no)
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM claims
            WHERE event_id = p_event_id AND seat_no = released.seat_no OFFSET 0
        ) AS found
        WHERE c.ctid = found.place;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        IF row_count <> cardinality(p_released) THEN
            RAISE EXCEPTION 'the batch releases % seats, of which % are claimed', cardinality(p_released), row_count;
        END IF;
    END IF;

    IF cardinality(p_claimed) > 0 THEN
        INSERT INTO claims (event_id, seat_no, reservation_id)
        SELECT p_event_id, c.seat_no, c.reservation_id
        FROM unnest(p_claimed, p_claimed_by) AS c (seat_no, reservation_id);
    END IF;

    IF p_details IS NOT NULL THEN
        UPDATE events
        SET name = d.name,
            description = d.description,
            venue = d.venue,
            start_at = p_start_at,
            end_at = p_end_at,
            hold_ttl_s = d.hold_ttl_s,
            max_hold_s = d.max_hold_s,
            max_seats_per_reservation = d.max_seats_per_reservation,
            updated_at = p_decided_at
        FROM json_to_record(p_details::json) AS d (name text, description text, venue text,
            hold_ttl_s integer, max_hold_s integer, max_seats_per_reservation integer)
        WHERE event_id = p_event_id;
    END IF;

    RETURN true;
END;
$$;
