//! A TCP proxy that stands in front of a server and breaks the link on demand: for all its clients, or for
//! those that come from one address.
//!
//! A cut link holds bytes back and delivers them when it heals, as TCP does after a partition; it never drops
//! bytes out of the middle of a stream, which no network does.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
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
    /// How long bytes from the server take.
    pub answer_delay: Duration,
    /// New connections are closed at once.
    pub refuses: bool,
}

impl Link {
    fn holds(&self, way: Way) -> bool {
        match way {
            Way::Request => self.holds_requests,
            Way::Answer => self.holds_answers,
        }
    }
}

/// The two ways of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Request,
    /// From the server.
    Answer,
}

/// What happens once, to a message to the server or to the answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trap {
    /// Stands in the message; empty: in every one.
    pub pattern: &'static [u8],
    /// How many messages that contain the pattern pass first.
    pub spares: u32,
    /// Whether it is the message that is caught, or its answer, when the message has taken effect.
    pub way: Way,
    /// What becomes of it.
    pub then: Then,
}

/// What becomes of what a trap has caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It never arrives, and the connection ends.
    Cut,
    /// It waits until the link heals, and so does all that comes after it this way.
    Hold,
}

/// The rules for all clients, and those for single ones.
#[derive(Default)]
struct Links {
    all: Link,
    from: HashMap<IpAddr, Link>,
}

impl Links {
    fn of(&self, source: IpAddr) -> Link {
        self.from.get(&source).copied().unwrap_or(self.all)
    }
}

struct Shared {
    upstream: SocketAddr,
    links: watch::Sender<Links>,
    /// Its value counts the resets; a connection ends when it changes.
    resets: watch::Sender<u64>,
    trap: Mutex<Option<Trap>>,
    /// How many times bytes were held or cut off.
    caught: watch::Sender<u64>,
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
            links: watch::Sender::default(),
            resets: watch::Sender::new(0),
            trap: Mutex::new(None),
            caught: watch::Sender::new(0),
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
        self.shared.links.send_modify(|links| links.all = link);
    }

    /// Changes how the link behaves for connections from `source` alone.
    pub fn set_from(&self, source: IpAddr, link: Link) {
        self.shared.links.send_modify(|links| {
            links.from.insert(source, link);
        });
    }

    /// Ends every connection.
    pub fn reset(&self) {
        self.shared.resets.send_modify(|resets| *resets += 1);
    }

    /// Waits for a message; in place of an earlier trap.
    pub fn set_trap(&self, trap: Trap) {
        *self.shared.trap() = Some(trap);
    }

    /// Makes the link whole again. Held bytes go on.
    pub fn heal(&self) {
        *self.shared.trap() = None;
        self.shared.links.send_replace(Links::default());
    }

    /// How many times bytes were held or cut off so far.
    pub fn caught(&self) -> u64 {
        *self.shared.caught.borrow()
    }

    /// Waits until bytes were held or cut off more than `before` times.
    pub async fn wait_caught(&self, before: u64) {
        // The sender lives in this proxy, so that the wait cannot fail.
        let _ = self.shared.caught.subscribe().wait_for(|&caught| caught > before).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.reset();
    }
}

impl Shared {
    fn trap(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trap, once, if this message to the server is the one that it waits for.
    fn spring(&self, message: &[u8]) -> Option<Trap> {
        let mut slot = self.trap();
        let trap = slot.as_mut()?;
        let pattern = trap.pattern;
        if !pattern.is_empty() && !message.windows(pattern.len()).any(|window| window == pattern) {
            return None;
        }
        if trap.spares > 0 {
            trap.spares -= 1;
            return None;
        }
        slot.take()
    }

    fn count_caught(&self) {
        self.caught.send_modify(|caught| *caught += 1);
    }

    /// Holds what comes this way from now on.
    fn hold(&self, way: Way) {
        self.links.send_modify(|links| match way {
            Way::Request => links.all.holds_requests = true,
            Way::Answer => links.all.holds_answers = true,
        });
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, source)) = listener.accept().await {
        if shared.links.borrow().of(source.ip()).refuses {
            continue;
        }
        tokio::spawn(serve(client, source.ip(), Arc::clone(&shared)));
    }
}

/// One connection, with the trap that its last message has sprung.
struct Connection {
    source: IpAddr,
    shared: Arc<Shared>,
    sprung: Mutex<Option<Trap>>,
}

/// Carries one connection until either side, a trap or a reset ends it.
async fn serve(client: TcpStream, source: IpAddr, shared: Arc<Shared>) {
    let mut resets = shared.resets.subscribe();
    let Ok(server) = TcpStream::connect(shared.upstream).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let connection = Connection { source, shared, sprung: Mutex::new(None) };
    // Dropping the halves of one connection closes it, so that the first direction to end ends both.
    tokio::select! {
        () = connection.carry(Way::Request, client_in, server_out) => {}
        () = connection.carry(Way::Answer, server_in, client_out) => {}
        _ = resets.changed() => {}
    }
}

impl Connection {
    async fn carry(&self, way: Way, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 64 * 1024];
        let mut links = self.shared.links.subscribe();
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            match self.sprung(way, &bytes[..length]) {
                Some(Then::Cut) => return self.shared.count_caught(),
                Some(Then::Hold) => self.shared.hold(way),
                None => {}
            }
            let link = links.borrow().of(self.source);
            if way == Way::Answer {
                tokio::time::sleep(link.answer_delay).await;
            }
            if links.borrow().of(self.source).holds(way) {
                self.shared.count_caught();
            }
            if links.wait_for(|links| !links.of(self.source).holds(way)).await.is_err() {
                return;
            }
            if to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }

    /// What a trap does to these bytes.
    fn sprung(&self, way: Way, bytes: &[u8]) -> Option<Then> {
        let mut sprung = self.sprung.lock().unwrap_or_else(PoisonError::into_inner);
        if way == Way::Request && sprung.is_none() {
            *sprung = self.shared.spring(bytes);
        }
        sprung.take_if(|trap| trap.way == way).map(|trap| trap.then)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpSocket;

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
        proxy.set_trap(Trap { pattern: b"COMMIT", spares: 0, way: Way::Answer, then: Then::Cut });
        let mut stream = connect(&proxy).await;
        assert_eq!(exchange(&mut stream, "BEGIN").await.as_deref(), Some("BEGIN"));
        assert_eq!(exchange(&mut stream, "COMMIT").await, None);
        assert_eq!(*got.borrow(), b"BEGINCOMMIT");
        assert_eq!(proxy.caught(), 1);
        // Once only.
        assert!(exchange(&mut connect(&proxy).await, "COMMIT").await.is_some());
    }

    #[tokio::test]
    async fn a_cut_request_never_arrives() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.set_trap(Trap { pattern: b"COMMIT", spares: 0, way: Way::Request, then: Then::Cut });
        assert_eq!(exchange(&mut connect(&proxy).await, "COMMIT").await, None);
        assert!(got.borrow().is_empty());
    }

    #[tokio::test]
    async fn a_trap_spares_messages_and_then_holds_all_that_come_its_way() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.set_trap(Trap { pattern: b"", spares: 1, way: Way::Request, then: Then::Hold });
        let (mut first, mut second) = (connect(&proxy).await, connect(&proxy).await);
        assert!(exchange(&mut first, "a").await.is_some());
        for stream in [&mut first, &mut second] {
            assert!(tokio::time::timeout(SOON, exchange(stream, "b")).await.is_err());
        }
        assert_eq!(*got.borrow(), b"a");
        assert_eq!(proxy.caught(), 2);
        proxy.heal();
        assert_eq!(exchange(&mut connect(&proxy).await, "c").await.as_deref(), Some("c"));
    }

    #[tokio::test]
    async fn a_trap_for_an_answer_holds_it_after_its_request_took_effect() {
        let (server, got) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        proxy.set_trap(Trap { pattern: b"COMMIT", spares: 0, way: Way::Answer, then: Then::Hold });
        let mut stream = connect(&proxy).await;
        assert!(tokio::time::timeout(SOON, exchange(&mut stream, "COMMIT")).await.is_err());
        assert_eq!(*got.borrow(), b"COMMIT");
        proxy.heal();
        assert_eq!(exchange(&mut stream, "").await.as_deref(), Some("COMMIT"));
    }

    #[tokio::test]
    async fn a_rule_for_one_source_concerns_no_other() {
        let (server, _) = echo().await;
        let proxy = Proxy::start(server).await.unwrap();
        let source = IpAddr::from([127, 0, 0, 11]);
        proxy.set_from(source, Link { holds_requests: true, ..Link::default() });
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let mut held = socket.connect(proxy.address()).await.unwrap();
        assert!(tokio::time::timeout(SOON, exchange(&mut held, "a")).await.is_err());
        assert!(exchange(&mut connect(&proxy).await, "b").await.is_some());
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
