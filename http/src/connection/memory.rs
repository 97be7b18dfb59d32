//! The memory that answers take, which is bounded: how fast they leave is the clients' to choose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::Bytes;

/// The bytes of all answers under way and of prepared seat maps.
pub struct Memory {
    most: usize,
    taken: AtomicUsize,
}

/// Bytes that are in use until this is dropped.
pub struct Taken {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Memory {
    /// At most so many bytes.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0) })
    }

    /// Takes `bytes`, or `None` where they would be too many.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Taken> {
        let grow = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= self.most);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).ok()?;
        Some(Taken { memory: Arc::clone(self), bytes })
    }

    /// How many bytes are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many bytes there are.
    pub fn most(&self) -> usize {
        self.most
    }
}

impl Taken {
    /// Takes as many bytes as these really are, for as long as anybody has them.
    pub fn with(mut self, bytes: Vec<u8>) -> Bytes {
        let really = bytes.capacity();
        self.memory.taken.fetch_add(really, Ordering::Relaxed);
        self.memory.taken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = really;
        Bytes::from_owner(Owned { bytes, _taken: self })
    }
}

struct Owned {
    bytes: Vec<u8>,
    _taken: Taken,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.memory.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_ends_and_comes_back() {
        let memory = Memory::new(10);
        let first = memory.take(8).expect("there is room");
        assert!(memory.take(3).is_none());
        let mut bytes = first.with(vec![0; 7]);
        let second = memory.take(3).expect("there is room again");
        assert_eq!(memory.taken(), 10);
        drop((bytes.split_to(6), second));
        assert_eq!(memory.taken(), 7, "a piece holds all");
        drop(bytes);
        assert_eq!(memory.taken(), 0);
    }
}
