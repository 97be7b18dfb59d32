//! What a load balancer does: it sends requests only to nodes that say they are ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

/// Much shorter than the time for which a stopping node stays reachable.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// Knows which nodes are ready, until it is dropped.
pub struct Balancer {
    ready: Arc<Vec<AtomicBool>>,
    _looking: JoinSet<()>,
}

impl Balancer {
    /// Watches the nodes at these addresses; they count as ready at first.
    pub fn start(nodes: &[String]) -> Self {
        let ready: Arc<Vec<AtomicBool>> = Arc::new(nodes.iter().map(|_| AtomicBool::new(true)).collect());
        let mut looking = JoinSet::new();
        for (index, node) in nodes.iter().enumerate() {
            looking.spawn(look(format!("{node}/readyz"), index, Arc::clone(&ready)));
        }
        Self { ready, _looking: looking }
    }

    /// The wanted node if it is ready, or the next one that is, or the wanted one if none is.
    pub fn choose(&self, wanted: usize) -> usize {
        let count = self.ready.len();
        let mut in_turn = (0..count).map(|offset| (wanted + offset) % count);
        in_turn.find(|&node| self.ready[node].load(Ordering::SeqCst)).unwrap_or(wanted)
    }
}

async fn look(url: String, index: usize, ready: Arc<Vec<AtomicBool>>) {
    let client = reqwest::Client::new();
    loop {
        let answer = client.get(&url).timeout(LOOK_TIMEOUT).send().await;
        let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
        ready[index].store(is_ready, Ordering::SeqCst);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_not_ready_is_passed_over() {
        let choose = |ready: [bool; 3], wanted| {
            let ready = Arc::new(ready.into_iter().map(AtomicBool::new).collect());
            Balancer { ready, _looking: JoinSet::new() }.choose(wanted)
        };
        assert_eq!(choose([true, true, true], 1), 1);
        assert_eq!(choose([true, false, true], 1), 2);
        assert_eq!(choose([true, false, false], 1), 0);
        assert_eq!(choose([false, false, false], 1), 1);
    }
}
