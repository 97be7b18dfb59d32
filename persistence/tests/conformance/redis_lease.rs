//! Leases on a real Redis.

use std::time::Duration;

use engine::{Bid, EventId, Lease, LeaseHolder, Timestamp};
use persistence::RedisLease;

const TTL: Duration = Duration::from_millis(400);

/// A node of the cluster named by `cluster`, so that tests do not meet.
fn node(cluster: &str, name: &str) -> RedisLease {
    let url = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a Redis: run `make test`");
    RedisLease::new(&url, 2, &format!("http://{name}.{cluster}"), SECRET, TTL).expect("the URL is valid")
}

const SECRET: &str = "a-secret-of-the-nodes";

/// Whoever can write to Redis must not bring nodes to send commands elsewhere.
#[actix_rt::test]
async fn what_no_node_has_signed_counts_as_not_there() {
    let (a, b, id, other) = (node("forged", "a"), node("forged", "b"), event_id(), event_id());
    let url = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a Redis: run `make test`");
    let client = deadpool_redis::redis::Client::open(url).expect("the URL is valid");
    let mut redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let lease = |id| format!("holdfast:lease:{id}");
    let mut set = async |key: String, value: &str| {
        let set = deadpool_redis::redis::cmd("SET").arg(key).arg(value).exec_async(&mut redis).await;
        set.expect("Redis answers");
    };
    for forged in ["http://evil", "http://evil|", "http://evil|00ff", "http://evil|xyz", ""] {
        set(lease(id), forged).await;
        assert_eq!(a.acquire(id, Bid::Never).await, Ok(LeaseHolder::Nobody), "{forged}");
        assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me), "{forged}");
        assert_eq!(a.acquire(id, Bid::Any).await, Ok(LeaseHolder::Other(address("forged", "b"))));
    }
    // Nor does what was signed for another event, or under another secret.
    let mut redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let get = deadpool_redis::redis::cmd("GET").arg(lease(id)).query_async(&mut redis).await;
    let signed: String = get.expect("Redis answers");
    set(lease(other), &signed).await;
    assert_eq!(a.acquire(other, Bid::Any).await, Ok(LeaseHolder::Me));
    for (lease, id) in [(&b, id), (&a, other)] {
        lease.release(id).await.expect("Redis answers");
    }
}

#[actix_rt::test]
async fn an_address_has_one_process() {
    let (first, second) = (node("twice", "a"), node("twice", "a"));
    assert!(first.claim_address().await);
    let beats = async {
        for _ in 0..8 {
            first.heartbeat(true).await.expect("Redis answers");
            tokio::time::sleep(TTL / 4).await;
        }
    };
    let (is_free, ()) = tokio::join!(second.claim_address(), beats);
    assert!(!is_free, "the first one lives");
    assert!(second.heartbeat(true).await.is_err());
    // The first one is gone without a word: its address is free after the time of a lease.
    assert!(second.claim_address().await);
    assert!(first.heartbeat(true).await.is_err());
}

fn address(cluster: &str, name: &str) -> String {
    format!("http://{name}.{cluster}")
}

fn event_id() -> EventId {
    EventId::mint(Timestamp::from_micros(1_800_000_000_000_000), uuid::Uuid::new_v4().as_u128() as u32)
}

#[actix_rt::test]
async fn a_lease_has_one_holder_until_it_is_released() {
    let (a, b, id) = (node("hold", "a"), node("hold", "b"), event_id());
    assert_eq!(a.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me));
    assert_eq!(a.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me));
    assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Other(address("hold", "a"))));
    b.release(id).await.expect("Redis answers");
    assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Other(address("hold", "a"))));
    a.release(id).await.expect("Redis answers");
    assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me));
    assert_eq!(a.renew(&[id]).await, Ok(vec![id]), "lost to b");
    b.release(id).await.expect("Redis answers");
}

#[actix_rt::test]
async fn a_lease_runs_out_unless_it_is_prolonged() {
    let (a, b, id) = (node("ttl", "a"), node("ttl", "b"), event_id());
    assert_eq!(a.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me));
    for _ in 0..4 {
        tokio::time::sleep(TTL / 2).await;
        assert_eq!(a.renew(&[id]).await, Ok(vec![]));
    }
    assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Other(address("ttl", "a"))));
    tokio::time::sleep(TTL + TTL / 2).await;
    assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me));
    b.release(id).await.expect("Redis answers");
    // Free again, as after a flush: the owner that prolongs it takes it back.
    assert_eq!(a.renew(&[id]).await, Ok(vec![]));
    a.release(id).await.expect("Redis answers");
}

#[actix_rt::test]
async fn a_free_lease_is_left_to_the_preferred_node() {
    let (a, b) = (node("prefer", "a"), node("prefer", "b"));
    let ids: Vec<_> = (0..32).map(|_| event_id()).collect();
    for node in [&a, &b, &a] {
        node.heartbeat(true).await.expect("Redis answers");
    }
    let mut owned_by_a = 0;
    for &id in &ids {
        let (from_a, from_b) = (a.acquire(id, Bid::Preferred).await, b.acquire(id, Bid::Preferred).await);
        match (from_a.expect("Redis answers"), from_b.expect("Redis answers")) {
            (LeaseHolder::Me, LeaseHolder::Other(owner)) => {
                owned_by_a += 1;
                // The register is one for all clusters of this Redis: other tests' nodes may be preferred.
                assert_eq!(owner, address("prefer", "a"));
            }
            (LeaseHolder::Other(owner), LeaseHolder::Me) => assert_eq!(owner, address("prefer", "b")),
            (LeaseHolder::Other(one), LeaseHolder::Other(other)) => assert_eq!(one, other),
            both => panic!("{both:?}"),
        }
        a.release(id).await.expect("Redis answers");
        b.release(id).await.expect("Redis answers");
    }
    assert!(owned_by_a < ids.len());
}

#[actix_rt::test]
async fn a_stopping_node_names_another_one_and_takes_nothing() {
    let (a, b, id) = (node("stop", "a"), node("stop", "b"), event_id());
    b.heartbeat(true).await.expect("Redis answers");
    a.heartbeat(false).await.expect("Redis answers");
    let holder = a.acquire(id, Bid::Never).await.expect("Redis answers");
    assert!(matches!(holder, LeaseHolder::Other(_)), "{holder:?}");
    assert_eq!(b.acquire(id, Bid::Any).await, Ok(LeaseHolder::Me));
    b.release(id).await.expect("Redis answers");
}

#[actix_rt::test]
async fn without_redis_every_call_is_a_fault_soon() {
    let lease = RedisLease::new("redis://127.0.0.1:1", 2, "http://a", SECRET, TTL).expect("the URL is valid");
    let begin = std::time::Instant::now();
    assert!(lease.acquire(event_id(), Bid::Any).await.is_err());
    assert!(lease.ping().await.is_err());
    assert!(begin.elapsed() < Duration::from_secs(3));
}
