//! The outermost middleware: gives each request its id, writes problems as documents, and when the answer is
//! known counts it and logs one line.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;

use crate::idempotency::IDEMPOTENCY_KEY;
use crate::log_fields::LogFields;
use crate::metric;
use crate::state::AppState;
use crate::wire::problem::Problem;
use crate::wire::repeat::{KeyGiven, Repeat};
use crate::wire::request_id::{self, RequestId};

/// The middleware.
pub async fn observe<B: MessageBody>(
    state: web::Data<AppState>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let asked = Asked {
        started: Instant::now(),
        method: request.method().clone(),
        uri: request.uri().clone(),
        request_id: RequestId::of(request.headers()),
        log_fields: LogFields::attach(&request),
        repeat: state.routes.find(request.path()).repeat(request.method()),
        key_given: KeyGiven::new(request.headers().contains_key(IDEMPOTENCY_KEY)),
    };
    request.extensions_mut().insert(asked.key_given.clone());
    if asked.method == Method::HEAD {
        // Handlers know GET only; the server sends no body in answer to HEAD, however it was made.
        request.head_mut().method = Method::GET;
    }
    if state.cluster.is_some() {
        // So that it is passed on.
        request.headers_mut().insert(request_id::HEADER, asked.request_id.clone().into_header());
    }
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    // Unlike a closed connection, an answer has the id by which the log tells what went wrong.
    match answer.unwrap_or_else(|_| Err(Problem::from_broken("a panic".to_owned()).into())) {
        Ok(response) => {
            let mut response = asked.with_problem(response);
            asked.conclude(&state, response.status(), response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut response = asked.render(&problem_of(&error));
            asked.conclude(&state, response.status(), response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// What is known of a request before its answer.
struct Asked {
    started: Instant,
    method: Method,
    uri: Uri,
    request_id: RequestId,
    log_fields: Rc<LogFields>,
    repeat: Repeat,
    key_given: KeyGiven,
}

impl Asked {
    fn with_problem<B: MessageBody>(&self, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
        let problem = match response.response().error() {
            Some(error) => problem_of(error),
            // Refusals of the framework and of the Swagger files have no body.
            None if is_bare_error(&response) => {
                Problem::from_status(response.status(), "there is nothing here")
            }
            None => return response.map_into_left_body(),
        };
        let (request, _) = response.into_parts();
        ServiceResponse::new(request, self.render(&problem)).map_into_right_body()
    }

    fn render(&self, problem: &Problem) -> actix_web::HttpResponse {
        if let Some(cause) = problem.cause() {
            tracing::warn!(
                request_id = self.request_id.as_str(),
                path = self.uri.path(),
                cause,
                "request failed"
            );
        }
        metric::count_refusal(problem.code.name());
        problem.render(&self.uri, &self.request_id, self.repeat, self.key_given.get())
    }

    fn conclude(self, state: &AppState, status: StatusCode, headers: &mut HeaderMap) {
        let latency = self.started.elapsed();
        let route = state.routes.find(self.uri.path());
        route.metrics.record(&self.method, status, latency);
        let caller = self.log_fields.identity().map(|identity| state.keys.describe(identity));
        let (event_id, reservation_id) = self.log_fields.subject(self.uri.path(), headers);
        tracing::info!(
            target: "access",
            method = self.method.as_str(),
            path = self.uri.path(),
            route = route.template.as_str(),
            status = status.as_u16(),
            latency_us = latency.as_micros() as u64,
            request_id = self.request_id.as_str(),
            role = caller.map(|(role, _)| role),
            key_id = caller.and_then(|(_, key_id)| key_id),
            event_id = event_id.map(tracing::field::display),
            reservation_id = reservation_id.map(tracing::field::display),
        );
        headers.insert(request_id::HEADER, self.request_id.into_header());
        if let Some(cluster) = &state.cluster {
            cluster.name_node(headers);
        }
    }
}

fn problem_of(error: &Error) -> Problem {
    match error.as_error::<Problem>() {
        Some(problem) => problem.clone(),
        None => Problem::from_status(error.as_response_error().status_code(), error.to_string()),
    }
}

fn is_bare_error<B>(response: &ServiceResponse<B>) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !response.headers().contains_key(CONTENT_TYPE)
}
