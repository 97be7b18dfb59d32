//! The socket of a connection, which keeps the deadlines.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::addresses::Admitted;
use crate::connection::state::{Connection, HEAD, Timeouts};
use crate::metric;
use crate::wire::problem::CONTENT_TYPE;

/// What is said of a head that has not come. No handler has seen the request, which has neither a path nor
/// an id yet.
fn late_head() -> String {
    let body = r#"{"type":"about:blank","title":"The request took too long to come","status":408,"detail":"the head of the request did not come in time","code":"request_timeout"}"#;
    format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: {CONTENT_TYPE}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A client's socket.
pub struct Stream {
    socket: TcpStream,
    connection: Rc<Connection>,
    timer: Pin<Box<Sleep>>,
    _admitted: Admitted,
}

impl Stream {
    /// The socket of a client that was let in.
    pub fn new(socket: TcpStream, admitted: Admitted, timeouts: Timeouts) -> Self {
        Self {
            socket,
            connection: Connection::new(timeouts),
            timer: Box::pin(sleep_until(Instant::now())),
            _admitted: admitted,
        }
    }

    /// What is known of the connection.
    pub fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Waits for the client, but not past the deadline.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Some((until, at)) = self.connection.deadline() else { return Poll::Pending };
        // The timer may ring too early, and is then set anew: cheaper than for each request.
        if self.timer.is_elapsed() || self.timer.deadline() > until {
            self.timer.as_mut().reset(until);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                metric::count_closed(at);
                if at == HEAD {
                    let _ = self.socket.try_write(late_head().as_bytes());
                }
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.socket).poll_read(cx, buffer) {
            Poll::Pending => self.wait(cx),
            read => {
                if buffer.filled().len() > before {
                    self.connection.received();
                }
                read
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write(cx, bytes) {
            Poll::Pending => self.wait(cx),
            written => written,
        }
    }

    /// Called when all that was to be sent has been.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.flushed() {
            // The client learns that the answer is whole, while what it still sends is not met by a reset.
            let _ = Pin::new(&mut self.socket).poll_shutdown(cx);
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
