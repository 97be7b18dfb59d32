-- Fills a migrated Postgres database with events of long ago, sold out in reservations of two seats, as Holdfast
-- itself would have left them: `holdfast verify` finds nothing wrong.
--
--   psql DATABASE_URL --variable reservations=10000000 --file old-reservations.sql
\set ON_ERROR_STOP on
\set per_event 100000
\set per_batch 50
SET synchronous_commit = off;
SET work_mem = '256MB';

-- The ids' layout: docs/adr/0002-ids-lead-to-their-event.md.
CREATE TEMP TABLE old_events AS
SELECT (lpad(to_hex(created_ms), 12, '0') || '8000' || tag)::uuid AS event_id, created_ms, tag,
    to_timestamp(created_ms / 1000) AS created_at
FROM (
    SELECT created_ms, to_hex((-9223372036854775808) + (created_ms << 20) + number) AS tag
    FROM (
        SELECT number,
            (extract(epoch FROM date_trunc('day', now()) - interval '400 days')::bigint + number) * 1000 AS created_ms
        FROM generate_series(1, (:reservations + :per_event - 1) / :per_event) AS number
    ) AS numbered
) AS tagged;

INSERT INTO events (event_id, name, description, venue, start_at, end_at, currency, hold_ttl_s, max_hold_s,
    max_seats_per_reservation, epoch, owner, created_at, updated_at)
SELECT event_id, 'Long ago', '', 'Here', created_at + interval '30 days', created_at + interval '31 days', 'JPY', 900,
    3600, 10, 1, 'gone', created_at, created_at
FROM old_events;

INSERT INTO sections (event_id, section_no, name, row_count, seats_per_row, seats, price_minor)
SELECT event_id, 1, NULL, 2 * :per_event / 10, 10, 2 * :per_event, 5000 FROM old_events;

-- One batch a second, in which all that is reserved is confirmed.
INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor, created_at, expires_at,
    updated_at, confirmed_at, seq)
SELECT event_id,
    (lpad(to_hex(created_ms + seq * 1000), 12, '0') || '8' || lpad(to_hex(number % :per_batch), 3, '0') || tag)::uuid,
    md5(number || tag)::uuid, ARRAY[2 * number + 1, 2 * number + 2], 1, 10000,
    decided_at, decided_at + interval '900 seconds', decided_at, decided_at, seq
FROM old_events
CROSS JOIN generate_series(0, :per_event - 1) AS number
CROSS JOIN LATERAL (SELECT number / :per_batch + 1 AS seq) AS batch
CROSS JOIN LATERAL (SELECT created_at + seq * interval '1 second' AS decided_at) AS moment;

INSERT INTO claims (event_id, seat_no, reservation_id)
SELECT event_id, unnest(seat_nos), reservation_id FROM reservations WHERE event_id IN (SELECT event_id FROM old_events);

INSERT INTO journal (event_id, seq, batch_id, epoch, decided_at, ordered_at, reserved_seats, confirmed_seats,
    changes)
SELECT event_id, seq, md5(seq || event_id::text)::uuid, 1, min(created_at), min(created_at), 0,
    2 * :per_batch * seq,
    ('[' || string_agg(format(
            '{"change":"reserved","id":"%s","user_id":"%s","seats":[%s,%s],"total_minor":10000,"expires_at":%s}',
            reservation_id, user_id, seat_nos[1], seat_nos[2], extract(epoch FROM expires_at)::bigint * 1000000
        ), ',' ORDER BY reservation_id) || ','
        || string_agg(format('{"change":"confirmed","id":"%s"}', reservation_id), ',' ORDER BY reservation_id)
        || ']')::json
FROM reservations WHERE event_id IN (SELECT event_id FROM old_events)
GROUP BY event_id, seq;

VACUUM (ANALYZE);
CHECKPOINT;
