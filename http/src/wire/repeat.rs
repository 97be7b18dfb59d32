//! What a caller may do after something broke: the one place that words it.

use std::cell::Cell;
use std::rc::Rc;

/// What a call does that is made once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing: it only looks.
    Reads,
    /// No more than the first time.
    Harmless,
    /// It makes another one, but for the same idempotency key. What it made is found by this call.
    Makes(&'static str),
}

/// What is known of a request that was answered with a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// It certainly had no effect.
    NothingDone,
    /// It had its effect, or not.
    Unknown,
}

/// Whether a request has an idempotency key: in its header, or as its handler finds in the body. The
/// middleware leaves it in the request.
#[derive(Debug, Clone, Default)]
pub struct KeyGiven(Rc<Cell<bool>>);

impl KeyGiven {
    /// What the headers tell.
    pub fn new(in_header: bool) -> Self {
        Self(Rc::new(Cell::new(in_header)))
    }

    /// There is one.
    pub fn note(&self) {
        self.0.set(true);
    }

    /// Whether there is one.
    pub fn get(&self) -> bool {
        self.0.get()
    }
}

/// What a caller may do.
pub fn advice(certainty: Certainty, repeat: Repeat, has_key: bool) -> String {
    const UNKNOWN: &str = "it is not known whether this was done";
    match (certainty, repeat) {
        (_, Repeat::Reads) => "safe to repeat: it changes nothing".to_owned(),
        (Certainty::NothingDone, _) => "safe to repeat: nothing was done".to_owned(),
        (Certainty::Unknown, Repeat::Harmless) => {
            format!("{UNKNOWN}; safe to repeat: done twice is the same as done once")
        }
        (Certainty::Unknown, Repeat::Makes(_)) if has_key => {
            format!("{UNKNOWN}; repeat it with the same idempotency key")
        }
        (Certainty::Unknown, Repeat::Makes(look)) => {
            format!("{UNKNOWN}; look first ({look}): without an idempotency key a repetition may do it twice")
        }
    }
}
