//! The body of an answer on its way: in pieces, and told to its connection when the framework has all of it.

use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use crate::connection::memory::Taken;
use crate::connection::state::Connection;

/// The framework copies what it is given until the client takes it: of a seat map no more than this.
const PIECE_BYTES: usize = 64 * 1024;

/// In an answer's extensions: its bytes are shared, and counted where they were made.
pub struct CountedElsewhere;

/// A body in pieces.
pub struct AnswerBody {
    body: BoxBody,
    size: BodySize,
    /// What is left of what the body gave last, shared with it.
    rest: Bytes,
    connection: Option<Rc<Connection>>,
    _taken: Option<Taken>,
}

impl AnswerBody {
    /// The body of an answer that goes out by `connection`.
    pub fn new(body: BoxBody, taken: Option<Taken>, connection: Option<Rc<Connection>>) -> Self {
        Self { size: body.size(), body, rest: Bytes::new(), connection, _taken: taken }
    }
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.hand_over();
        }
    }
}
