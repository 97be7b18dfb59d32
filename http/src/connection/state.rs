//! What a connection is at, and until when.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, TRANSFER_ENCODING};
use tokio::time::Instant;

/// How long a client that was told to close may still send what nobody reads, so that it can read the answer.
pub const LINGER: Duration = Duration::from_secs(1);

/// What a client is late with whose request's head has not come.
pub(super) const HEAD: &str = "head";

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the head of a request, from its first byte; of the first one, from the connection's beginning.
    pub head: Duration,
    /// To take an answer, from its first byte to its last.
    pub answer: Duration,
}

/// A connection, as its socket and the requests on it share it.
pub struct Connection {
    timeouts: Timeouts,
    phase: Cell<Phase>,
    body: Cell<BodyProgress>,
    is_last: Cell<bool>,
}

/// What a connection is at. Of requests that were sent ahead, one at a time is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come since the last answer; the framework closes what stays idle.
    Idle,
    /// The head of a request comes in.
    Head { until: Instant },
    /// A request is worked on, which has a deadline of its own.
    Request,
    /// An answer goes out. Once it is `handed_over`, the framework has all of it, and the client maybe not.
    Answer { until: Instant, handed_over: bool },
    /// The last answer has gone out.
    Closing { until: Instant },
}

/// How far the body of the request has come that is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyProgress {
    Unread,
    Coming,
    Read,
}

impl Connection {
    pub(super) fn new(timeouts: Timeouts) -> Rc<Self> {
        Rc::new(Self {
            timeouts,
            phase: Cell::new(Phase::Head { until: Instant::now() + timeouts.head }),
            body: Cell::new(BodyProgress::Unread),
            is_last: Cell::new(false),
        })
    }

    /// A request is worked on from now on.
    pub fn begin_request(&self) {
        self.phase.set(Phase::Request);
        self.body.set(BodyProgress::Unread);
    }

    /// Its body is read from now on.
    pub fn begin_body(&self) {
        self.body.set(BodyProgress::Coming);
    }

    /// Its body has been read to its end.
    pub fn end_body(&self) {
        self.body.set(BodyProgress::Read);
    }

    /// Whether its body is what is waited for.
    pub fn awaits_body(&self) -> bool {
        self.body.get() == BodyProgress::Coming
    }

    /// It is answered from now on. Returns whether this has to be the connection's last answer: the framework
    /// would read the rest of a body in chunks for as long as it comes.
    pub fn begin_answer(&self, is_chunked: bool) -> bool {
        let until = Instant::now() + self.timeouts.answer;
        self.phase.set(Phase::Answer { until, handed_over: false });
        let is_last = is_chunked && self.body.get() != BodyProgress::Read;
        self.is_last.set(is_last);
        is_last
    }

    pub(super) fn hand_over(&self) {
        if let Phase::Answer { until, .. } = self.phase.get() {
            self.phase.set(Phase::Answer { until, handed_over: true });
        }
    }

    /// Bytes have come in.
    pub(super) fn received(&self) {
        if self.phase.get() == Phase::Idle {
            self.phase.set(Phase::Head { until: Instant::now() + self.timeouts.head });
        }
    }

    /// All that the framework has written is with the system. Returns whether nothing more will be.
    pub(super) fn flushed(&self) -> bool {
        let Phase::Answer { handed_over: true, .. } = self.phase.get() else { return false };
        let is_last = self.is_last.get();
        let closing = Phase::Closing { until: Instant::now() + LINGER };
        self.phase.set(if is_last { closing } else { Phase::Idle });
        is_last
    }

    /// Until when, and what the client is at.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match self.phase.get() {
            Phase::Idle | Phase::Request => None,
            Phase::Head { until } => Some((until, HEAD)),
            Phase::Answer { until, .. } => Some((until, "answer")),
            Phase::Closing { until } => Some((until, "body")),
        }
    }
}

/// Whether the body of a request comes in chunks, of which nobody knows how many.
pub fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
}

/// The connection that a request came by.
pub fn of(request: &actix_web::HttpRequest) -> Option<Rc<Connection>> {
    request.conn_data::<Rc<Connection>>().cloned()
}
