//! The peers' tables: making and filling them, and the check of what a run left there.

use engine::EventInfo;
use sqlx::{Connection, Executor, PgConnection, PgPool};

/// Makes the tables, in a database that has none yet.
pub async fn create(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Servers that start at the same time wait for each other.
    let mut transaction = connection.begin().await?;
    transaction.execute("SELECT pg_advisory_xact_lock(4711)").await?;
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('peers.seats') IS NOT NULL")
        .fetch_one(&mut *transaction)
        .await?;
    if !exists {
        sqlx::raw_sql(include_str!("../schema.sql")).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// A row for each seat of a new event.
pub(crate) async fn create_seats(pool: &PgPool, event: &EventInfo) -> Result<(), sqlx::Error> {
    let seats = 1..=event.seating.seats();
    let prices: Vec<_> =
        seats.clone().map(|seat_no| event.seating.price_minor(seat_no, 0).unwrap_or_default()).collect();
    sqlx::query(
        "INSERT INTO peers.seats (event_id, seat_no, price_minor)
         SELECT $1, * FROM unnest($2::integer[], $3::bigint[])",
    )
    .bind(event.id.as_uuid())
    .bind(seats.map(u32::cast_signed).collect::<Vec<_>>())
    .bind(prices)
    .execute(pool)
    .await?;
    // What autovacuum would have done before the sale begins: plans that know the table, and clean pages.
    sqlx::query("VACUUM (ANALYZE) peers.seats").execute(pool).await?;
    Ok(())
}

/// What a run left in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Found {
    /// How many reservations there are.
    pub reservations: i64,
    /// Seats that stand in more than one reservation.
    pub held_twice: i64,
    /// Seats of reservations that the seat itself says nothing of, and the other way round.
    pub unlike: i64,
}

/// Reads what there is in a peer's tables.
pub async fn check(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    sqlx::query_as(
        "WITH held AS (
             SELECT event_id, seat_no, reservation_id FROM peers.reservations, unnest(seat_nos) AS seat_no
         ), taken AS (
             SELECT event_id, seat_no, reservation_id FROM peers.seats WHERE status <> 0
         )
         SELECT (SELECT count(*) FROM peers.reservations) AS reservations,
             (SELECT count(*) - count(DISTINCT (event_id, seat_no)) FROM held) AS held_twice,
             (SELECT count(*) FROM (SELECT * FROM held EXCEPT SELECT * FROM taken) AS a)
             + (SELECT count(*) FROM (SELECT * FROM taken EXCEPT SELECT * FROM held) AS b) AS unlike",
    )
    .fetch_one(connection)
    .await
}

/// The same of Holdfast's tables.
pub async fn check_holdfast(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    sqlx::query_as(
        "WITH held AS (
             SELECT event_id, seat_no, reservation_id FROM reservations, unnest(seat_nos) AS seat_no
         )
         SELECT (SELECT count(*) FROM reservations) AS reservations,
             (SELECT count(*) - count(DISTINCT (event_id, seat_no)) FROM held) AS held_twice,
             (SELECT count(*) FROM (SELECT * FROM held EXCEPT SELECT event_id, seat_no, reservation_id FROM claims) AS a)
             + (SELECT count(*) FROM (SELECT event_id, seat_no, reservation_id FROM claims EXCEPT SELECT * FROM held) AS b)
             AS unlike",
    )
    .fetch_one(connection)
    .await
}
