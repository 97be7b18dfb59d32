//! `holdfast healthcheck`: asks the server on this machine whether it is ready. For containers, which have
//! no `curl`.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Where the server listens: its own settings.
#[derive(Args)]
pub(crate) struct Address {
    /// The port to listen on.
    #[arg(long, env, default_value_t = 8080)]
    port: u16,
    /// The address to listen on.
    #[arg(long, env, default_value = "127.0.0.1")]
    bind: String,
}

/// Asks for `/readyz`; any answer but 200 is an error.
pub(crate) fn check(server: &Address) -> io::Result<()> {
    let host = match holdfast_http::config::unbracketed(&server.bind) {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let mut addresses = (host, server.port).to_socket_addrs()?;
    let address = addresses.next().ok_or_else(|| io::Error::other(format!("{host} has no address")))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    let status_line = answer.lines().next().unwrap_or_default();
    if status_line.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(io::Error::other(format!("not ready: {status_line}")))
    }
}
