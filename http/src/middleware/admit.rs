//! What every request to the API passes before its handler: authentication, the rate limit, the deadline.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::auth::Identity;
use crate::state::AppState;
use crate::wire::problem::Problem;

/// Those who watch the server are never too many; the probes at the root do not come this way.
const UNLIMITED: [&str; 2] = ["/api/v1/health", "/api/v1/metrics"];

/// The middleware: refuses a wrong key on any call, and leaves the [`Identity`] in the request.
pub async fn admit<B: MessageBody>(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let identified = state.keys.identify(request.headers());
    let passed_on = state.cluster.as_ref().is_some_and(|cluster| cluster.hops(request.headers()) > 0);
    let is_free = passed_on || UNLIMITED.contains(&request.path());
    if let Some(limit) = state.rate_limit.as_ref().filter(|_| !is_free) {
        let counted = identified.as_ref().copied().unwrap_or(Identity::Anonymous);
        limit.check(counted, request.peer_addr().map(|peer| peer.ip()))?;
    }
    request.extensions_mut().insert(identified?);
    match tokio::time::timeout(state.request_timeout, next.call(request)).await {
        Ok(answer) => answer,
        Err(_) => Err(Problem::late().into()),
    }
}
