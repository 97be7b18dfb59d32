//! What every request to the API passes before its handler: authentication, the rate limit, the deadline.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::auth::Identity;
use crate::cluster::{Call, PassedOn};
use crate::connection::state as connection;
use crate::log_fields::LogFields;
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
    let passed_on = passed_on(&state, &request);
    let identified = match passed_on {
        // The other node has asked for the key.
        Some(PassedOn { caller, .. }) => Ok(Identity::Known(caller)),
        None => state.keys.identify(request.headers()),
    };
    let is_free = passed_on.is_some() || UNLIMITED.contains(&request.path());
    if let Some(limit) = state.rate_limit.as_ref().filter(|_| !is_free) {
        let counted = identified.as_ref().copied().unwrap_or(Identity::Anonymous);
        limit.check(counted, request.peer_addr().map(|peer| peer.ip()))?;
    }
    let identity = identified?;
    LogFields::of(&request).set_identity(identity);
    request.extensions_mut().insert(identity);
    request.extensions_mut().insert(passed_on);
    let connection = connection::of(request.request());
    match tokio::time::timeout(state.request_timeout, next.call(request)).await {
        Ok(answer) => answer,
        Err(_) if connection.is_some_and(|connection| connection.awaits_body()) => {
            Err(Problem::late_body().into())
        }
        Err(_) => Err(Problem::late().into()),
    }
}

/// What another node says of the request, if it comes from one.
fn passed_on(state: &AppState, request: &ServiceRequest) -> Option<PassedOn> {
    let path_and_query = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let call = Call { method: request.method(), path_and_query };
    state.cluster.as_ref()?.passed_on(call, request.headers(), state.engine.now())
}
