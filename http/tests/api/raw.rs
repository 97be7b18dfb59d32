//! A client that speaks HTTP by hand, as slowly as it likes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// A deadline that is missed in a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("it is sent");
    }

    /// Sends a byte of `text`, again and again, every 20 ms until the server closes. Returns what the server
    /// said, and how long it took to close.
    pub(crate) async fn drip(self, text: &'static str) -> (String, Duration) {
        let (mut reader, mut writer) = self.0.into_split();
        let begun = Instant::now();
        let drip = tokio::spawn(async move {
            for byte in text.bytes().cycle() {
                if writer.write_all(&[byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
            // Nothing to say is not the end.
            std::future::pending().await
        });
        let mut said = Vec::new();
        let end = timeout(PATIENCE, reader.read_to_end(&mut said)).await;
        drip.abort();
        assert!(end.is_ok(), "still open; it said {:?}", String::from_utf8_lossy(&said));
        (String::from_utf8_lossy(&said).into_owned(), begun.elapsed())
    }

    /// Reads one answer with a `Content-Length`.
    pub(crate) async fn answer(&mut self) -> String {
        let mut said = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&said).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() == length.map_or(0, |length| length.parse().expect("a number")) {
                    return text;
                }
            }
            let read = timeout(PATIENCE, self.0.read_buf(&mut said)).await.expect("in time").expect("bytes");
            assert!(read > 0, "closed after {text:?}");
        }
    }

    /// Waits until the server has closed, without reading what it says; asks every 20 ms. A server that
    /// closes with something unread resets the connection.
    pub(crate) async fn until_closed(&mut self) -> Duration {
        let begun = Instant::now();
        while self.0.write_all(b"\r\n").await.is_ok() {
            assert!(begun.elapsed() < PATIENCE, "still open");
            sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    }

    /// Whether the server closes at once and says nothing.
    pub(crate) async fn hears_nothing(mut self) -> bool {
        let mut said = [0; 64];
        matches!(timeout(Duration::from_millis(300), self.0.read(&mut said)).await, Ok(Ok(0) | Err(_)))
    }
}
