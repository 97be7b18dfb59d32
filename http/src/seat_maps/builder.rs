//! What prepares seat maps: one large one at a time, whoever asks for how many, so that the other requests
//! always have the other cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::web;
use tokio::sync::Semaphore;

/// From so many seats on, a map is worked on by a thread for blocking work: a request worker has others to
/// answer.
const LARGE_EVENT_SEATS: usize = 5_000;

/// The one place where maps are worked on.
pub struct Builder {
    turn: Arc<Semaphore>,
    built: AtomicU64,
}

/// Why something was not built.
#[derive(Debug)]
pub enum NotBuilt {
    /// Too many bytes are under way.
    NoRoom,
    /// The thread for it ended.
    Broken(String),
}

impl Default for Builder {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), built: AtomicU64::new(0) }
    }
}

impl Builder {
    /// Does work that takes time by the number of an event's seats: at once for a small one, else in its
    /// turn.
    pub async fn build<T: Send + 'static>(
        &self,
        seats: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotBuilt> {
        self.built.fetch_add(1, Ordering::Relaxed);
        if seats < LARGE_EVENT_SEATS {
            return Ok(work());
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let worked = web::block(move || {
            // Whoever asked may be gone: it is the work that ends the turn.
            let _turn = turn;
            work()
        });
        worked.await.map_err(|error| NotBuilt::Broken(error.to_string()))
    }

    /// How often something was built.
    pub fn built(&self) -> u64 {
        self.built.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[actix_web::test]
    async fn one_large_map_is_built_at_a_time_even_if_nobody_waits_for_it() {
        let builder = Builder::default();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let build = |_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            builder.build(LARGE_EVENT_SEATS, move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(20));
                now.fetch_sub(1, Ordering::SeqCst);
            })
        };
        let given_up = tokio::time::timeout(Duration::from_millis(5), build(0)).await;
        assert!(given_up.is_err());
        join_all((1..8).map(build)).await;
        assert_eq!((most.load(Ordering::SeqCst), builder.built()), (1, 8));
    }
}
