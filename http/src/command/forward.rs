//! Sends a client's request to another node, and brings the answer back.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::{Method, Uri};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use awc::Client;
use awc::error::{ConnectError, SendRequestError};
use engine::route::PeerFault;
use engine::{Caller, Timestamp};

use crate::auth::Identity;
use crate::cluster::{Call, Cluster, PassedOn, STATEMENT_HEADER};

/// What is passed on of a request, besides its method, path, query and body. Not the client's key: a signed
/// statement says who asks.
const PASSED_ON: [&str; 5] = ["content-type", "idempotency-key", "x-request-id", "traceparent", "tracestate"];

/// What is not passed back of an answer: it concerns one connection only.
const NOT_PASSED_BACK: [&str; 4] = ["connection", "content-length", "transfer-encoding", "x-request-id"];

const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What a request was, without its body.
pub(super) struct Origin {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    caller: Caller,
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub(super) struct To<'a> {
    pub(super) node: &'a str,
    /// Which of the request's hops this is.
    pub(super) hops: u8,
    pub(super) now: Timestamp,
}

impl Origin {
    /// `None`: nobody is known to ask, and nothing is passed on.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let Some(&Identity::Known(caller)) = request.extensions().get::<Identity>() else { return None };
        let mut headers = HeaderMap::new();
        for name in PASSED_ON.map(HeaderName::from_static) {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Some(Self { method: request.method().clone(), uri: request.uri().clone(), headers, caller })
    }

    /// Sends the request to a node.
    pub(super) async fn pass_on(
        &self,
        cluster: &Cluster,
        to: To<'_>,
        body: Bytes,
    ) -> Result<HttpResponse, PeerFault> {
        self.send(cluster, to, body).await.map_err(|error| match error {
            // `Disconnected` is also what a connection that ends before the answer is called.
            SendRequestError::Connect(error) if !matches!(error, ConnectError::Disconnected) => {
                PeerFault::Unreached(error.to_string())
            }
            error => PeerFault::Unanswered(error.to_string()),
        })
    }

    async fn send(
        &self,
        cluster: &Cluster,
        to: To<'_>,
        body: Bytes,
    ) -> Result<HttpResponse, SendRequestError> {
        let To { node, hops, now } = to;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let call = Call { method: &self.method, path_and_query: path };
        let statement = cluster.signer.write(PassedOn { caller: self.caller, hops }, node, call, now);
        let mut request =
            client(cluster.forward_timeout).request(self.method.clone(), format!("{node}{path}"));
        for (name, value) in &self.headers {
            request = request.insert_header((name.clone(), value.clone()));
        }
        request = request.insert_header((STATEMENT_HEADER, statement));
        let mut answer = request.send_body(body).await?;
        let body = answer.body().limit(MAX_ANSWER_BYTES).await;
        let body = body.map_err(|error| SendRequestError::Body(Box::new(error)))?;
        let mut response = HttpResponse::build(answer.status());
        for (name, value) in answer.headers() {
            if !NOT_PASSED_BACK.contains(&name.as_str()) {
                response.append_header((name.clone(), value.clone()));
            }
        }
        Ok(response.body(body))
    }
}

/// The worker's client, with its pool of connections to the other nodes.
fn client(timeout: Duration) -> Client {
    thread_local! {
        static CLIENT: std::cell::OnceCell<Client> = const { std::cell::OnceCell::new() };
    }
    CLIENT.with(|client| {
        client
            .get_or_init(|| {
                let connector = awc::Connector::new().timeout(timeout / 4).limit(0);
                #[cfg(feature = "chaos")]
                let connector = match crate::chaos::source_ip() {
                    Some(source_ip) => connector.local_address(source_ip),
                    None => connector,
                };
                Client::builder()
                    .connector(connector)
                    .timeout(timeout)
                    .disable_redirects()
                    .no_default_headers()
                    .finish()
            })
            .clone()
    })
}
