//! A TCP proxy that stands in front of a server and breaks the link on demand.
//!
//! A cut link holds bytes back and delivers them when it heals, as TCP does after a partition; it never drops
//! bytes out of the middle of a stream, which no network does.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the link behaves until it is told otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// Bytes to the server wait until this is false again.
    pub holds_requests: bool,
    /// Bytes from the server wait until this is false again.
    pub holds_answers: bool,
    /// How long bytes to the server take.
    pub request_delay: Duration,
    /// How long bytes from the server take.
    pub answer_delay: Duration,
    /// New connections are closed at once.
    pub refuses: bool,
}

/// What happens once, to the next bytes to the server that contain a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// They never arrive, and the connection ends.
    Request,
    /// They arrive and take effect, but the connection ends in place of the server's answer.
    Answer,
}

struct Shared {
    upstream: SocketAddr,
    link: watch::Sender<Link>,
    /// Its value counts the resets; a connection ends when it changes.
    resets: watch::Sender<u64>,
    armed: Mutex<Option<(Cut, Vec<u8>)>>,
    /// How many cuts have happened.
    cuts: watch::Sender<u64>,
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface, in front of `upstream`.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            link: watch::Sender::new(Link::default()),
            resets: watch::Sender::new(0),
            armed: Mutex::new(None),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how the link behaves.
    pub fn set(&self, link: Link) {
        self.shared.link.send_replace(link);
    }

    /// Ends every connection.
    pub fn reset(&self) {
        self.shared.resets.send_modify(|resets| *resets += 1);
    }

    /// Cuts once, at the next bytes to the server that contain `pattern`.
    pub fn arm(&self, cut: Cut, pattern: &[u8]) {
        *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some((cut, pattern.to_vec()));
    }

    /// Makes the link whole again. Held bytes go on.
    pub fn heal(&self) {
        *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.set(Link::default());
    }

    /// How many cuts have happened so far.
    pub fn cuts(&self) -> u64 {
        *self.shared.cuts.borrow()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.reset();
    }
}

impl Shared {
    fn take_cut(&self, bytes: &[u8]) -> Option<Cut> {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, pattern) = armed.as_ref()?;
        let matches = pattern.is_empty() || bytes.windows(pattern.len()).any(|window| window == pattern);
        if !matches {
            return None;
        }
        self.cuts.send_modify(|cuts| *cuts += 1);
        armed.take().map(|(cut, _)| cut)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if shared.link.borrow().refuses {
            continue;
        }
        tokio::spawn(serve(client, Arc::clone(&shared)));
    }
}

/// Carries one connection until either side, a cut or a reset ends it.
async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let mut resets = shared.resets.subscribe();
    let Ok(server) = TcpStream::connect(shared.upstream).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let loses_answer = watch::Sender::new(false);
    // Dropping the halves of one connection closes it, so that the first direction to end ends both.
    tokio::select! {
        () = carry_requests(client_in, server_out, &shared, &loses_answer) => {}
        () = carry_answers(server_in, client_out, &shared, &loses_answer) => {}
        _ = resets.changed() => {}
    }
}

async fn carry_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    loses_answer: &watch::Sender<bool>,
) {
    let mut bytes = vec![0; 64 * 1024];
    let mut link = shared.link.subscribe();
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        match shared.take_cut(&bytes[..length]) {
            Some(Cut::Request) => return,
            Some(Cut::Answer) => {
                loses_answer.send_replace(true);
            }
            None => {}
        }
        let delay = link.borrow().request_delay;
        tokio::time::sleep(delay).await;
        if link.wait_for(|link| !link.holds_requests).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

async fn carry_answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    loses_answer: &watch::Sender<bool>,
) {
    let mut bytes = vec![0; 64 * 1024];
    let mut link = shared.link.subscribe();
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if *loses_answer.borrow() {
            return;
        }
        let delay = link.borrow().answer_delay;
        tokio::time::sleep(delay).await;
        if link.wait_for(|link| !link.holds_answers).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each read with the same bytes, and says what it got.
    async fn echo() -> (SocketAddr, watch::Receiver<Vec<u8>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (got, receiver) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let got = got.clone();
                tokio::spawn(async move {
                    let mut bytes = [0; 1024];
                    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                        got.send_modify(|all| all.extend_from_slice(&bytes[..length]));
                        stream.write_all(&bytes[..length]).await.unwrap();
                    }
                });
            }
        });
        (address, receiver)
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(proxy.address()).await.unwrap()
    }

    /// What comes back for `text`: `None` if the connection ends.
    async fn exchange(stream: &mut TcpStream, text: &str) -> Option<String> {
        stream.write_all(text.as_bytes()).await.ok()?;
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => None,
            Ok(length) => Some(String::from_utf8_lossy(&bytes[..length]).into_owned()),
        }
    }

    const SOON: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn a_whole_link_carries_both_ways() {
        let (server, _) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        assert_eq!(exchange(&mut connect(&proxy).await, "hello").await.as_deref(), Some("hello"));
    }

    #[tokio::test]
    async fn a_held_answer_comes_when_the_link_heals_and_the_request_took_effect() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.set(Link { holds_answers: true, ..Link::default() });
        let mut stream = connect(&proxy).await;
        assert!(tokio::time::timeout(SOON, exchange(&mut stream, "a")).await.is_err());
        assert_eq!(*got.borrow(), b"a");
        proxy.heal();
        assert_eq!(exchange(&mut stream, "b").await.as_deref(), Some("a"));
    }

    #[tokio::test]
    async fn a_held_request_does_not_arrive() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.set(Link { holds_requests: true, ..Link::default() });
        let mut stream = connect(&proxy).await;
        assert!(tokio::time::timeout(SOON, exchange(&mut stream, "a")).await.is_err());
        assert!(got.borrow().is_empty());
    }

    #[tokio::test]
    async fn a_cut_answer_is_lost_after_its_request_took_effect() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.arm(Cut::Answer, b"COMMIT");
        let mut stream = connect(&proxy).await;
        assert_eq!(exchange(&mut stream, "BEGIN").await.as_deref(), Some("BEGIN"));
        assert_eq!(exchange(&mut stream, "COMMIT").await, None);
        assert_eq!(*got.borrow(), b"BEGINCOMMIT");
        assert_eq!(proxy.cuts(), 1);
        // Once only.
        assert!(exchange(&mut connect(&proxy).await, "COMMIT").await.is_some());
    }

    #[tokio::test]
    async fn a_cut_request_never_arrives() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.arm(Cut::Request, b"COMMIT");
        assert_eq!(exchange(&mut connect(&proxy).await, "COMMIT").await, None);
        assert!(got.borrow().is_empty());
    }

    #[tokio::test]
    async fn a_reset_ends_every_connection_and_a_refusal_every_new_one() {
        let (server, _) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        let mut stream = connect(&proxy).await;
        assert!(exchange(&mut stream, "a").await.is_some());
        proxy.reset();
        assert_eq!(exchange(&mut stream, "b").await, None);
        proxy.set(Link { refuses: true, ..Link::default() });
        assert_eq!(exchange(&mut connect(&proxy).await, "c").await, None);
    }
}
