//! Publications on a real Redis.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::redis::{Client, cmd};
use engine::{EventId, MAX_PUBLICATION_AGE, Publication, Publications, SeatCounts, SeatMap, SeatStatus};
use persistence::RedisPublications;
use tokio::time::Instant;

use crate::helpers::{NOW, new_event_at};

fn redis_url() -> String {
    std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a Redis: run `make test`")
}

fn publications() -> RedisPublications {
    RedisPublications::new(&redis_url(), 2).expect("the URL is valid")
}

/// A new event with its first seat reserved, as of version 5.
fn map() -> SeatMap {
    let info = Arc::new(new_event_at(NOW));
    let mut statuses = vec![SeatStatus::Available; info.seating.seats() as usize];
    statuses[0] = SeatStatus::Reserved;
    SeatMap { info, version: 5, counts: SeatCounts { reserved: 1, ..SeatCounts::default() }, statuses }
}

fn publication(map: &SeatMap, version: u64, age: Duration) -> Publication {
    let as_of = Instant::now().checked_sub(age).expect("the machine runs for longer");
    Publication { map: Arc::new(SeatMap { version, ..map.clone() }), as_of }
}

async fn latest_version(publications: &RedisPublications, id: EventId) -> Option<u64> {
    publications.latest(id).await.expect("Redis answers").map(|map| map.version)
}

#[actix_rt::test]
async fn what_one_node_publishes_another_reads_until_it_is_too_old() {
    let (owner, reader, map) = (publications(), publications(), map());
    let id = map.info.id;
    assert_eq!(reader.latest(id).await, Ok(None));
    let published = Instant::now();
    assert_eq!(owner.publish(&publication(&map, 5, Duration::ZERO)).await, Ok(true));
    let read = reader.latest(id).await.expect("Redis answers");
    assert!(read.is_some() || published.elapsed() > MAX_PUBLICATION_AGE / 2, "gone too soon");
    assert!(read.is_none_or(|read| read == map));
    tokio::time::sleep(MAX_PUBLICATION_AGE).await;
    assert_eq!(reader.latest(id).await, Ok(None));
}

#[actix_rt::test]
async fn an_older_version_never_replaces_a_newer_one() {
    let (publications, map) = (publications(), map());
    let id = map.info.id;
    let publish = async |version| {
        let publication = publication(&map, version, Duration::ZERO);
        publications.publish(&publication).await.expect("Redis answers")
    };
    assert!(publish(9).await);
    assert!(!publish(8).await);
    assert!(latest_version(&publications, id).await.is_none_or(|version| version == 9));
    assert!(publish(10).await, "9 < 10 as numbers");
    tokio::time::sleep(MAX_PUBLICATION_AGE).await;
    assert!(!publish(9).await, "also when the newer one is gone");
    assert_eq!(latest_version(&publications, id).await, None);
    assert!(publish(10).await);
}

/// Of an owner that was paused before it published, or whose network is slow.
#[actix_rt::test]
async fn an_age_counts_from_when_the_map_was_the_newest() {
    let (publications, map) = (publications(), map());
    let id = map.info.id;
    let late = publication(&map, 5, MAX_PUBLICATION_AGE);
    assert_eq!(publications.publish(&late).await, Ok(false));
    assert_eq!(publications.latest(id).await, Ok(None));
    let left = Duration::from_millis(200);
    let aged = publication(&map, 6, MAX_PUBLICATION_AGE - left);
    publications.publish(&aged).await.expect("Redis answers");
    tokio::time::sleep(left).await;
    assert_eq!(publications.latest(id).await, Ok(None));
}

#[actix_rt::test]
async fn what_is_not_understood_is_not_there() {
    let (publications, map) = (publications(), map());
    let id = map.info.id;
    let client = Client::open(redis_url()).expect("the URL is valid");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let mut set = cmd("SET");
    set.arg(format!("holdfast:published:{{{id}}}")).arg("garbage").arg("PX").arg(10_000);
    set.query_async::<()>(&mut connection).await.expect("Redis answers");
    assert_eq!(publications.latest(id).await, Ok(None));
    assert_eq!(publications.publish(&publication(&map, 5, Duration::ZERO)).await, Ok(true));
    assert!(latest_version(&publications, id).await.is_none_or(|version| version == 5));
}

#[actix_rt::test]
async fn without_redis_every_call_is_a_fault() {
    let publications = RedisPublications::new("redis://127.0.0.1:1", 2).expect("the URL is valid");
    let map = map();
    assert!(publications.latest(map.info.id).await.is_err());
    assert!(publications.publish(&publication(&map, 5, Duration::ZERO)).await.is_err());
}
