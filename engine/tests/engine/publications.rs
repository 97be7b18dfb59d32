//! What owners publish, and what other nodes make of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::{
    Caller, Engine, EngineConfig, EventId, EventPatch, Fault, LocalLease, Publication, PublicationFault,
    Publications, Rejection, SeatMap, SeatStatus,
};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::universe::{Universe, config, eventually, fault, rejection};

/// Publications in memory. They do not age.
#[derive(Debug)]
struct MemoryPublications {
    maps: Mutex<HashMap<EventId, SeatMap>>,
    taken: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    /// Whether neither call comes to an end.
    hangs: watch::Sender<bool>,
}

impl MemoryPublications {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            maps: Mutex::default(),
            taken: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            hangs: watch::Sender::new(false),
        })
    }

    fn maps(&self) -> std::sync::MutexGuard<'_, HashMap<EventId, SeatMap>> {
        self.maps.lock().expect("no panic")
    }

    fn version(&self, id: EventId) -> Option<u64> {
        self.maps().get(&id).map(|map| map.version)
    }

    async fn unless_it_hangs(&self) {
        let _ = self.hangs.subscribe().wait_for(|hangs| !hangs).await;
    }
}

/// Counts a call as long as it is under way, also one that is dropped.
struct UnderWay<'a>(&'a MemoryPublications);

impl<'a> UnderWay<'a> {
    fn count(publications: &'a MemoryPublications) -> Self {
        let under_way = publications.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        publications.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        Self(publications)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Publications for MemoryPublications {
    async fn publish(&self, publication: &Publication) -> Result<bool, PublicationFault> {
        let _under_way = UnderWay::count(self);
        self.unless_it_hangs().await;
        self.taken.fetch_add(1, Ordering::SeqCst);
        self.maps().insert(publication.map.info.id, SeatMap::clone(&publication.map));
        Ok(true)
    }

    async fn latest(&self, id: EventId) -> Result<Option<SeatMap>, PublicationFault> {
        self.unless_it_hangs().await;
        Ok(self.maps().get(&id).cloned())
    }
}

/// An owner in its universe, another node that owns nothing, and what lies between them.
async fn two_nodes() -> (Universe, Engine, Arc<MemoryPublications>, EventId) {
    let publications = MemoryPublications::new();
    let config = || EngineConfig { publications: Some(publications.clone()), ..config() };
    let owner = Universe::new(config());
    let (store, clock) = (owner.store.clone(), owner.clock.clone());
    let other = Engine::start(config(), store, Arc::new(LocalLease), clock);
    let id = owner.event(100).await;
    (owner, other, publications, id)
}

async fn published(publications: &MemoryPublications, id: EventId, version: u64) {
    eventually("it is published", async || publications.version(id) == Some(version)).await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn another_node_reads_what_is_published_and_else_the_store() {
    let (owner, other, publications, id) = two_nodes().await;
    assert_eq!(other.event(id).await.expect("in the store").version, 0);
    let held = owner.reserve(id, 1, &[7, 8]).await.expect("free").reservation.id;
    owner.engine.confirm(held, Caller::Admin).await.expect("pending");
    let patch = EventPatch { name: Some("Rock Festival".into()), ..EventPatch::default() };
    let amended = owner.engine.amend_event(id, patch).await.expect("it is valid");
    published(&publications, id, 3).await;

    eventually("the publication is read", async || other.event(id).await.expect("exists").version == 3).await;
    owner.store.set_down(true);
    let view = other.event(id).await.expect("without the store");
    assert_eq!((&view.info, view.counts, view.version), (&amended.info, amended.counts, 3));
    let map = other.seat_map(id).await.expect("without the store");
    assert_eq!((map.version, map.statuses.len()), (3, 100));
    assert_eq!((map.statuses[6], map.statuses[8]), (SeatStatus::Confirmed, SeatStatus::Available));

    publications.maps().clear();
    eventually("it is kept for a moment only", async || other.event(id).await.is_err()).await;
    assert!(matches!(fault(other.seat_map(id).await), Fault::Unavailable(_)));
    owner.store.set_down(false);
    assert_eq!(other.event(id).await.expect("in the store").version, 3);
    assert_eq!(*other.seat_map(id).await.expect("in the store"), *map);
    owner.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn an_event_is_published_ten_times_a_second_at_most_and_the_last_batch_always() {
    let (owner, _, publications, id) = two_nodes().await;
    let begin = Instant::now();
    for seat_no in 1..=100 {
        owner.reserve(id, 1, &[seat_no]).await.expect("free");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    published(&publications, id, 100).await;
    // Read after the elapsed time: the bound can only be too generous.
    let taken = publications.taken.load(Ordering::SeqCst);
    let intervals = begin.elapsed().as_millis() / 100;
    assert!(taken as u128 <= intervals + 1, "{taken} publications in {intervals} intervals");
    owner.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn nothing_waits_for_publications() {
    let (owner, other, publications, id) = two_nodes().await;
    publications.hangs.send_replace(true);
    for seat_no in 1..=20 {
        owner.reserve(id, 1, &[seat_no]).await.expect("free");
        let version = owner.engine.event(id).await.expect("it is live").version;
        assert_eq!(version, u64::from(seat_no), "the owner's reads are never stale");
        assert_eq!(owner.engine.seat_map(id).await.expect("it is live").version, version);
        assert_eq!(other.event(id).await.expect("from the store").version, version);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(publications.taken.load(Ordering::SeqCst), 0);
    assert_eq!(publications.most_under_way.load(Ordering::SeqCst), 1, "they queue up");
    publications.hangs.send_replace(false);
    owner.reserve(id, 1, &[21]).await.expect("free");
    published(&publications, id, 21).await;
    owner.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn reads_of_a_node_do_not_go_back() {
    let (owner, other, publications, id) = two_nodes().await;
    owner.reserve(id, 1, &[1]).await.expect("free");
    published(&publications, id, 1).await;
    let old = publications.maps().remove(&id).expect("it is published");
    publications.hangs.send_replace(true);
    owner.reserve(id, 1, &[2]).await.expect("free");
    assert_eq!(other.event(id).await.expect("from the store").version, 2);
    publications.maps().insert(id, old);
    publications.hangs.send_replace(false);
    // Longer than publications are left alone after a fault.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1_300) {
        assert_eq!(other.event(id).await.expect("it exists").version, 2);
        publications.maps().retain(|_, map| map.version == 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    owner.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn who_deletes_an_event_does_not_find_it_published() {
    let (owner, _, publications, id) = two_nodes().await;
    let held = owner.reserve(id, 1, &[1]).await.expect("free").reservation.id;
    owner.engine.cancel(held, Caller::Admin).await.expect("pending");
    published(&publications, id, 2).await;
    owner.engine.delete_event(id).await.expect("nothing is held");
    assert_eq!(rejection(owner.engine.event(id).await), Rejection::EventNotFound);
    assert_eq!(rejection(owner.engine.seat_map(id).await), Rejection::EventNotFound);
    owner.end().await;
}

/// The last batch before an event ends here may be published nowhere.
#[actix_rt::test(system = "crate::universe::Paused")]
async fn what_an_owner_has_shown_bars_older_publications() {
    let (owner, _, publications, id) = two_nodes().await;
    owner.reserve(id, 1, &[1]).await.expect("free");
    published(&publications, id, 1).await;
    publications.hangs.send_replace(true);
    owner.reserve(id, 1, &[2]).await.expect("free");
    let under_way = || publications.under_way.load(Ordering::SeqCst);
    eventually("it is being published", async || under_way() == 1).await;
    eventually("that is given up", async || under_way() == 0).await;
    publications.hangs.send_replace(false);
    assert_eq!(owner.engine.event(id).await.expect("it is live").version, 2);
    owner.engine.shutdown().await;
    assert_eq!(publications.version(id), Some(1));
    assert_eq!(owner.engine.event(id).await.expect("from the store").version, 2);
    assert_eq!(owner.engine.seat_map(id).await.expect("from the store").version, 2);
    owner.end().await;
}

#[actix_rt::test(system = "crate::universe::Paused")]
async fn what_a_paused_node_has_read_before_is_not_shown_after() {
    let (owner, other, publications, id) = two_nodes().await;
    owner.reserve(id, 1, &[1]).await.expect("free");
    published(&publications, id, 1).await;
    publications.hangs.send_replace(true);
    owner.reserve(id, 1, &[2]).await.expect("free");
    publications.hangs.send_replace(false);
    let old = publications.maps().get(&id).map(|map| map.version);
    // The read of the publication has begun when the pause comes.
    let pause = tokio::time::advance(Duration::from_millis(300));
    let (view, ()) = tokio::join!(other.event(id), pause);
    assert_eq!((old, view.expect("from the store").version), (Some(1), 2));
    owner.end().await;
}
