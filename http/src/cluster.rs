//! Many nodes: a command that this node does not own is passed on to the node that does.
//!
//! The layer sits inside [`crate::gate`]. A handler that meets [`engine::CallError::Elsewhere`] answers a problem
//! with an owner; the layer then sends the same request there, with the client's own headers, so that the owner
//! authenticates the client itself. Only the count of hops is the nodes' own, and believed only together with
//! their shared secret. A request that reached nobody comes back to this node once, to take the event over if it
//! may; one that got no answer may have been carried out, and is said to be.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use awc::Client;
use awc::error::{ConnectError, SendRequestError};
use engine::Engine;
use subtle::ConstantTimeEq;

use crate::auth::{API_KEY_HEADER, Identity};
use crate::extract;
use crate::problem::{Code, Problem};
use crate::request_id;
use crate::server::AppState;

/// Names the node that decided, in every answer.
pub const NODE_HEADER: HeaderName = HeaderName::from_static("x-holdfast-node");

const SECRET_HEADER: HeaderName = HeaderName::from_static("x-holdfast-cluster-secret");
const HOPS_HEADER: HeaderName = HeaderName::from_static("x-holdfast-hops");

/// Enough for an event that changes its owner while a request is on its way.
const MAX_HOPS: u8 = 3;

/// What is passed on of a request, besides its method, path, query and body.
const PASSED_ON: [&str; 7] = [
    "content-type",
    "authorization",
    API_KEY_HEADER,
    "idempotency-key",
    "x-request-id",
    "traceparent",
    "tracestate",
];

/// What is not passed back of an answer: it concerns one connection only.
const NOT_PASSED_BACK: [&str; 4] = ["connection", "content-length", "transfer-encoding", "x-request-id"];

const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// This node among others.
#[derive(Clone)]
pub struct Cluster {
    /// The address by which the other nodes reach this one.
    pub node_url: HeaderValue,
    /// The address by which this node reaches itself.
    pub own_url: String,
    /// What the nodes know and clients do not.
    pub secret: HeaderValue,
    /// How long the owner may take to answer.
    pub forward_timeout: Duration,
}

/// How often a request was passed on, as another node says.
#[derive(Debug, Clone, Copy)]
struct Hops(u8);

impl Cluster {
    /// How often another node passed this request on: 0 for a client's, whatever it says.
    pub fn hops(&self, headers: &HeaderMap) -> u8 {
        let secret = headers.get(SECRET_HEADER).map_or(&b""[..], |value| value.as_bytes());
        if !bool::from(secret.ct_eq(self.secret.as_bytes())) {
            return 0;
        }
        let hops = headers.get(HOPS_HEADER).and_then(|value| value.to_str().ok());
        hops.and_then(|hops| hops.parse().ok()).unwrap_or(0)
    }
}

/// The engine for a command: one that takes the event over where another node has sent the request here.
pub struct CommandEngine(pub Engine);

impl FromRequest for CommandEngine {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>();
        let passed_on = request.extensions().get::<Hops>().is_some_and(|hops| hops.0 > 0);
        ready(match state {
            Some(state) if passed_on => Ok(Self(state.engine.taking_over())),
            Some(state) => Ok(Self(state.engine.clone())),
            None => Err(Problem::new(Code::Internal, "the server has no state")),
        })
    }
}

/// The middleware.
pub async fn forward<B: MessageBody>(
    state: web::Data<AppState>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(cluster) = &state.cluster else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let hops = cluster.hops(request.headers());
    request.extensions_mut().insert(Hops(hops));
    let is_known = matches!(request.extensions().get::<Identity>(), Some(Identity::Known(_)));
    let passed = match is_known && is_command(request.method()) {
        true => Some(Passed::take(&mut request, state.max_body_bytes).await?),
        false => None,
    };
    let result = next.call(request).await;
    let response = match (passed, owner_of(&result)) {
        (Some(passed), Some(owner)) if hops < MAX_HOPS => {
            let answer = passed.pass_on(cluster, &owner, hops).await?;
            let request = match result {
                Ok(response) => response.into_parts().0,
                Err(error) => return Err(error),
            };
            ServiceResponse::new(request, answer).map_into_right_body()
        }
        _ => result?.map_into_left_body(),
    };
    Ok(response)
}

fn is_command(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PATCH | Method::DELETE)
}

fn owner_of<B>(result: &Result<ServiceResponse<B>, Error>) -> Option<String> {
    let error = match result {
        Ok(response) => response.response().error()?,
        Err(error) => error,
    };
    error.as_error::<Problem>()?.owner().map(str::to_owned)
}

/// Names this node as the one that decided, unless the answer came from another one.
pub(crate) fn name_node(cluster: Option<&Cluster>, headers: &mut HeaderMap) {
    if let Some(cluster) = cluster.filter(|_| !headers.contains_key(NODE_HEADER)) {
        headers.insert(NODE_HEADER, cluster.node_url.clone());
    }
}

/// A request, kept so that it can be sent again.
struct Passed {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Passed {
    async fn take(request: &mut ServiceRequest, max_body_bytes: usize) -> Result<Self, Problem> {
        let body = extract::read(&mut request.take_payload(), 0, max_body_bytes).await?.freeze();
        request.set_payload(Payload::from(body.clone()));
        let mut headers = HeaderMap::new();
        for name in PASSED_ON.map(HeaderName::from_static) {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Ok(Self { method: request.method().clone(), uri: request.uri().clone(), headers, body })
    }

    async fn pass_on(&self, cluster: &Cluster, owner: &str, hops: u8) -> Result<HttpResponse, Problem> {
        match self.send(cluster, owner, hops + 1).await {
            // `Disconnected` is also what a connection that ends before the answer is called.
            Err(SendRequestError::Connect(error)) if !matches!(error, ConnectError::Disconnected) => {
                tracing::warn!(owner, %error, "the owner cannot be reached");
                // Certainly not taken: perhaps this node may take the event over.
                self.send(cluster, &cluster.own_url, MAX_HOPS).await.map_err(unanswered)
            }
            result => result.map_err(unanswered),
        }
    }

    async fn send(&self, cluster: &Cluster, node: &str, hops: u8) -> Result<HttpResponse, SendRequestError> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request =
            client(cluster.forward_timeout).request(self.method.clone(), format!("{node}{path}"));
        for (name, value) in &self.headers {
            request = request.insert_header((name.clone(), value.clone()));
        }
        request = request
            .insert_header((SECRET_HEADER, cluster.secret.clone()))
            .insert_header((HOPS_HEADER, HeaderValue::from(u16::from(hops))));
        let mut answer = request.send_body(self.body.clone()).await?;
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

fn unanswered(error: SendRequestError) -> Problem {
    let detail = format!(
        "the owner did not answer ({error}): the request may have been carried out; repeat it with the same idempotency key"
    );
    Problem::new(Code::Unavailable, detail)
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

/// Keeps the request's id in its headers, so that it is passed on.
pub(crate) fn keep_request_id(headers: &mut HeaderMap, id: &request_id::RequestId) {
    headers.insert(request_id::HEADER, id.clone().into_header());
}

/// A secret or an address as the value of a header.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    HeaderValue::try_from(text)
}
