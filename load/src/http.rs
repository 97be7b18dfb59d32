//! A client for HTTP/1.1 that costs next to nothing: it shares the processors with the server it loads.
//!
//! One connection, one request at a time, kept alive. No pool, no pipelining, no TLS, no redirects.

mod response;

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) use response::Response;
use response::{Head, decode_chunks, parse_head};

/// Where the server is, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    address: String,
    path_prefix: String,
    fixed_headers: String,
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("connection failed: {0}")]
    Connection(#[from] io::Error),
    #[error("not an HTTP/1.1 answer: {0}")]
    Malformed(String),
}

impl HttpError {
    /// A short name to count by.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Connection(_) => "connection",
            Self::Malformed(_) => "malformed answer",
        }
    }
}

/// What to ask.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
    pub(crate) gzip: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, ..Self::default() }
    }

    pub(crate) fn post(path: &'a str, body: Option<&'a str>) -> Self {
        Self { method: "POST", path, body, ..Self::default() }
    }
}

impl Target {
    /// Takes `http://host:port` with an optional path before `/api/v1`.
    pub(crate) fn new(url: &str, api_key: &str, timeout: Duration) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            format!("{url}: only http:// is spoken here; put a proxy before the server to load it over TLS")
        })?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() {
            return Err(format!("{url}: there is no host in it"));
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        if api_key.chars().any(|c| c.is_control()) {
            return Err("the API key holds a control character".to_owned());
        }
        let path = path.trim_end_matches('/');
        Ok(Self {
            address,
            path_prefix: if path.is_empty() { String::new() } else { format!("/{path}") },
            fixed_headers: format!(" HTTP/1.1\r\nHost: {authority}\r\nX-API-Key: {api_key}\r\n"),
            timeout,
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// One kept-alive connection. It reconnects by itself when the last answer closed it.
#[derive(Debug)]
pub(crate) struct Connection {
    target: Arc<Target>,
    stream: Option<TcpStream>,
    out: String,
    input: Vec<u8>,
    decoded: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, stream: None, out: String::new(), input: Vec::new(), decoded: Vec::new() }
    }

    /// Connects now, so that the first request does not pay for it.
    pub(crate) async fn connect(&mut self) -> Result<(), HttpError> {
        let timeout = self.target.timeout;
        tokio::time::timeout(timeout, self.ensure_open()).await.map_err(|_| HttpError::Timeout(timeout))?
    }

    /// Sends a request and waits for its whole answer. Never sends a request twice.
    pub(crate) async fn send(&mut self, request: Request<'_>) -> Result<Response<'_>, HttpError> {
        let timeout = self.target.timeout;
        let answer = match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout(timeout)),
        };
        match answer {
            Ok(head) => {
                if head.close {
                    self.stream = None;
                }
                let body = if head.chunked { &self.decoded } else { &self.input };
                Ok(Response { status: head.status, etag: head.etag, body: &body[head.body] })
            }
            Err(error) => {
                // What is left on the wire would be taken for the next answer.
                self.stream = None;
                Err(error)
            }
        }
    }

    async fn exchange(&mut self, request: Request<'_>) -> Result<Head, HttpError> {
        self.ensure_open().await?;
        self.write_out(request);
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        stream.write_all(self.out.as_bytes()).await?;

        self.input.clear();
        let mut head = loop {
            read_more(stream, &mut self.input).await?;
            if let Some(head) = parse_head(&self.input, request.method)? {
                break head;
            }
        };
        if head.chunked {
            while !decode_chunks(&self.input[head.body.start..], &mut self.decoded)? {
                read_more(stream, &mut self.input).await?;
            }
            head.body = 0..self.decoded.len();
        } else {
            while self.input.len() < head.body.end {
                self.input.reserve(head.body.end - self.input.len());
                read_more(stream, &mut self.input).await?;
            }
        }
        Ok(head)
    }

    async fn ensure_open(&mut self) -> Result<(), HttpError> {
        // A server closes idle connections. Seen before sending, that is no failed request.
        if let Some(stream) = &self.stream
            && matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        {
            return Ok(());
        }
        let stream = TcpStream::connect(&self.target.address).await?;
        stream.set_nodelay(true)?;
        self.stream = Some(stream);
        Ok(())
    }

    fn write_out(&mut self, request: Request<'_>) {
        let out = &mut self.out;
        out.clear();
        out.push_str(request.method);
        out.push(' ');
        out.push_str(&self.target.path_prefix);
        out.push_str(request.path);
        out.push_str(&self.target.fixed_headers);
        if let Some(etag) = request.if_none_match {
            out.push_str("If-None-Match: ");
            out.push_str(etag);
            out.push_str("\r\n");
        }
        if request.gzip {
            out.push_str("Accept-Encoding: gzip\r\n");
        }
        if let Some(body) = request.body {
            // Writing to a String cannot fail.
            let _ = write!(out, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
            out.push_str(body);
        } else if request.method == "POST" {
            out.push_str("Content-Length: 0\r\n\r\n");
        } else {
            out.push_str("\r\n");
        }
    }
}

async fn read_more(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<(), HttpError> {
    if stream.read_buf(input).await? == 0 {
        return Err(closed());
    }
    Ok(())
}

fn closed() -> HttpError {
    HttpError::Connection(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before the whole answer came"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target = |url: &str| Target::new(url, "key", Duration::from_secs(1));
        assert_eq!(target("http://127.0.0.1:8080").unwrap().address(), "127.0.0.1:8080");
        assert_eq!(target("http://example.org/").unwrap().address(), "example.org:80");
        assert_eq!(target("http://h:1/tickets/").unwrap().path_prefix, "/tickets");
        assert!(target("https://h").unwrap_err().contains("only http://"));
        assert!(target("http://").unwrap_err().contains("no host"));
    }

    #[test]
    fn a_request_is_written_as_http() {
        let target = Target::new("http://h:1", "key", Duration::from_secs(1)).unwrap();
        let mut connection = Connection::new(Arc::new(target));
        connection.write_out(Request::post("/x", Some("{}")));
        assert_eq!(
            connection.out,
            "POST /x HTTP/1.1\r\nHost: h:1\r\nX-API-Key: key\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        );
        connection.write_out(Request { if_none_match: Some("\"1\""), ..Request::get("/y") });
        assert_eq!(
            connection.out,
            "GET /y HTTP/1.1\r\nHost: h:1\r\nX-API-Key: key\r\nIf-None-Match: \"1\"\r\n\r\n"
        );
    }
}
