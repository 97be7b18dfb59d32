//! How long an event takes to become live, by how much there was before: its time and memory must be those of
//! what is live. On SQLite, and on the Postgres of `TEST_DATABASE_URL`.
//!
//! ```text
//! scripts/with-services cargo run --release -p holdfast-benches --example activation -- ENDED LIVE_SEATS
//! ```
//!
//! ENDED reservations that were cancelled, each with a key of today, and LIVE_SEATS seats sold in pairs. Each
//! line has the median of five activations in ms, and the longest that other calls took meanwhile: a batch of
//! another event, and a look at the store's clock.

use std::time::{Duration, Instant};

use engine::EventId;
use holdfast_benches::{Sale, event_info};
use persistence::StoreOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

const SEATS: u32 = 200_000;
const KEYS: u32 = 20_000;

/// The id of reservation `n`: docs/adr/0002-ids-lead-to-their-event.md.
const POSTGRES: &str = "
CREATE FUNCTION pg_temp.id(event uuid, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$
    SELECT (lpad(to_hex(1700000000000 + n / 1000), 12, '0') || '8' || lpad(to_hex(n % 1000 + 1), 3, '0')
        || right(replace(event::text, '-', ''), 16))::uuid
$f$;
SET synchronous_commit = off;
INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor, created_at, expires_at,
    updated_at, cancelled_at, idempotency_key, seq)
SELECT 'EVENT', pg_temp.id('EVENT', n), gen_random_uuid(), '{1,2}', 2, 1000, now(), now(), now(), now(), 'key-' || n, 1
FROM generate_series(0, ENDED - 1) AS n;
INSERT INTO ended_keys (event_id, key_hash, reservation_id, request_hash)
SELECT 'EVENT', md5(n::text)::uuid, pg_temp.id('EVENT', n), n FROM generate_series(0, ENDED - 1) AS n;
INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor, created_at, expires_at,
    updated_at, confirmed_at, idempotency_key, seq)
SELECT 'EVENT', pg_temp.id('EVENT', ENDED + n), gen_random_uuid(), ARRAY[2 * n + 1, 2 * n + 2], 1, 1000, now(), now(),
    now(), now(), 'live-' || n, 1
FROM generate_series(0, LIVE / 2 - 1) AS n;
INSERT INTO claims (event_id, seat_no, reservation_id)
SELECT 'EVENT', n + 1, pg_temp.id('EVENT', ENDED + n / 2) FROM generate_series(0, LIVE - 1) AS n;
ANALYZE;
CHECKPOINT;
";

const SQLITE: &str = "
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1000000;
BEGIN;
INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor, created_at, expires_at,
    updated_at, cancelled_at, idempotency_key, seq)
WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s LIMIT ENDED)
SELECT x'EVENT', unhex(printf('%012x8%03x', 1700000000000 + n / 1000, n % 1000 + 1) || 'TAG'), randomblob(16), '[1,2]',
    2, 1000, 0, 0, 0, 0, 'key-' || n, 1 FROM s;
INSERT INTO ended_keys (event_id, key_hash, reservation_id, request_hash)
WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s LIMIT ENDED)
SELECT x'EVENT', unhex(printf('%032x', n)), unhex(printf('%012x8%03x', 1700000000000 + n / 1000, n % 1000 + 1) || 'TAG'),
    n FROM s;
INSERT INTO reservations (event_id, reservation_id, user_id, seat_nos, status, total_minor, created_at, expires_at,
    updated_at, confirmed_at, idempotency_key, seq)
WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s LIMIT LIVE / 2)
SELECT x'EVENT', unhex(printf('%012x8%03x', 1800000000000 + n / 1000, n % 1000 + 1) || 'TAG'), randomblob(16),
    '[' || (2 * n + 1) || ',' || (2 * n + 2) || ']', 1, 1000, 0, 0, 0, 0, 'live-' || n, 1 FROM s;
INSERT INTO claims (event_id, seat_no, reservation_id)
WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s LIMIT LIVE)
SELECT x'EVENT', n + 1, unhex(printf('%012x8%03x', 1800000000000 + n / 2 / 1000, n / 2 % 1000 + 1) || 'TAG') FROM s;
COMMIT;
ANALYZE;
PRAGMA wal_checkpoint(TRUNCATE);
";

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let (ended, live) = (numbers.next().unwrap_or(100_000), numbers.next().unwrap_or(u64::from(SEATS)));
    println!(
        "{:<10} {:>12} {:>12} {:>14} {:>16} {:>12}",
        "store", "ended", "live seats", "activation, ms", "others' batch", "clock"
    );
    let folder = tempfile::tempdir().expect("there is room for a database");
    let file = format!("sqlite://{}/holdfast.db", folder.path().display());
    measure("sqlite", &file, ended, live).await;
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        measure("postgres", &url, ended, live).await;
    }
}

async fn measure(name: &str, url: &str, ended: u64, live: u64) {
    let options = StoreOptions { migrate: true, ..StoreOptions::new(url) };
    let store = persistence::connect(&options).await.expect("the database is there");
    let info = event_info(SEATS, rand::random());
    store.create_event(&info).await.expect("the event is new");
    fill(url, info.id, ended, live).await;
    let mut sale = Sale::begin(&*store, SEATS).await;
    let mut callers = 0..;
    let (mut took, mut batch_ms, mut clock_ms) = (Vec::new(), 0f64, 0f64);
    for _ in 0..5 {
        let began = Instant::now();
        let activation = async {
            let snapshot = store.activate(info.id, "benchmark", KEYS).await;
            let snapshot = snapshot.expect("the store answers").expect("the event is there");
            assert_eq!(snapshot.live.len() as u64, live / 2);
            assert_eq!(snapshot.has_more_keys, ended > u64::from(KEYS));
            began.elapsed()
        };
        tokio::pin!(activation);
        let elapsed = loop {
            let others = async {
                let began = Instant::now();
                store
                    .append(&sale.next_batch(callers.next().unwrap_or_default(), 1))
                    .await
                    .expect("the batch is written");
                let batch = began.elapsed();
                store.now().await.expect("the store answers");
                (batch, began.elapsed() - batch)
            };
            tokio::select! {
                biased;
                elapsed = &mut activation => break elapsed,
                (batch, clock) = others => {
                    batch_ms = batch_ms.max(millis(batch));
                    clock_ms = clock_ms.max(millis(clock));
                }
            }
        };
        took.push(millis(elapsed));
        // A batch that was cut off may have been written.
        sale = Sale::begin(&*store, SEATS).await;
    }
    took.sort_by(f64::total_cmp);
    println!("{name:<10} {ended:>12} {live:>12} {:>14.1} {batch_ms:>16.1} {clock_ms:>12.1}", took[2]);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn fill(url: &str, id: EventId, ended: u64, live: u64) {
    let hex = id.as_uuid().simple().to_string();
    let event = if url.starts_with("sqlite") { hex.clone() } else { id.to_string() };
    let text = if url.starts_with("sqlite") { SQLITE } else { POSTGRES };
    let text = text
        .replace("EVENT", &event)
        .replace("TAG", &hex[16..])
        .replace("ENDED", &ended.to_string())
        .replace("LIVE", &live.to_string());
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(url).await.expect("the file is there");
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.expect("it is filled");
    } else {
        let mut connection = PgConnection::connect(url).await.expect("the database is there");
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.expect("it is filled");
    }
}
