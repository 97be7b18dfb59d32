//! What happens in a run, line by line, and the hash by which two runs are the same.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// The story of a run.
pub struct Story {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    hash: Sha256,
    lines: usize,
    findings: Vec<String>,
    /// `None`: only the hash is kept.
    text: Option<Vec<String>>,
}

impl Story {
    /// Begins now.
    pub fn new(is_kept: bool) -> Self {
        let state =
            State { hash: Sha256::new(), lines: 0, findings: Vec::new(), text: is_kept.then(Vec::new) };
        Self { began: Instant::now(), state: Mutex::new(state) }
    }

    /// Adds a line.
    pub fn tell(&self, line: impl Display) {
        let line = format!("{:>10.3} {line}", self.began.elapsed().as_secs_f64());
        let mut state = self.state();
        state.hash.update(line.as_bytes());
        state.lines += 1;
        if let Some(text) = &mut state.text {
            text.push(line);
        }
    }

    /// Adds something that must not be.
    pub fn find(&self, finding: impl Display) {
        let finding = finding.to_string();
        self.tell(format_args!("!! {finding}"));
        self.state().findings.push(finding);
    }

    /// Whether something was found already.
    pub fn has_findings(&self) -> bool {
        !self.state().findings.is_empty()
    }

    /// The hash of all lines, how many they are, what was found, and the lines if they were kept.
    pub fn end(&self) -> (String, usize, Vec<String>, Vec<String>) {
        let mut state = self.state();
        let digest = state.hash.clone().finalize();
        let hash = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (hash, state.lines, std::mem::take(&mut state.findings), state.text.take().unwrap_or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
