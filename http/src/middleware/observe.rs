//! The outermost middleware: gives each request its id, writes problems as documents, and when the answer is
//! known counts it and logs one line.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures_util::FutureExt;

use crate::connection::answer::{AnswerBody, CountedElsewhere};
use crate::connection::memory::Taken;
use crate::connection::state::{self, Connection};
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::log_fields::{LogFields, cut};
use crate::metric;
use crate::state::AppState;
use crate::wire::problem::Problem;
use crate::wire::repeat::KeyGiven;
use crate::wire::request_id::{self, RequestId};

/// An answer of so many bytes is never refused.
const SMALL_BYTES: u64 = 65_536;

/// The middleware.
pub async fn observe<B: MessageBody + 'static>(
    state: web::Data<AppState>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<AnswerBody>, Error> {
    let asked = Asked {
        started: Instant::now(),
        method: request.method().clone(),
        uri: request.uri().clone(),
        request_id: RequestId::of(request.headers()),
        log_fields: LogFields::attach(&request),
        is_chunked: state::is_chunked(request.headers()),
        connection: state::of(request.request()),
        key_given: KeyGiven::new(request.headers().contains_key(IDEMPOTENCY_KEY)),
    };
    request.extensions_mut().insert(asked.key_given.clone());
    if let Some(connection) = &asked.connection {
        connection.begin_request();
    }
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
            let (request, response) = response.into_parts();
            Ok(ServiceResponse::new(request, asked.answer(&state, response)))
        }
        Err(error) => {
            let response = asked.render(&state, &problem_of(&error));
            let response = asked.answer(&state, response).map_into_boxed_body();
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
    is_chunked: bool,
    connection: Option<Rc<Connection>>,
    key_given: KeyGiven,
}

impl Asked {
    /// The answer as it goes out.
    fn answer<B: MessageBody + 'static>(
        self,
        state: &AppState,
        response: HttpResponse<B>,
    ) -> HttpResponse<AnswerBody> {
        let (response, taken) = self.within_memory(state, self.with_problem(state, response));
        let connection = self.connection.clone();
        let mut response = response.map_body(|_, body| AnswerBody::new(body, taken, connection));
        if self.connection.as_ref().is_some_and(|connection| connection.begin_answer(self.is_chunked)) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        self.conclude(state, response.status(), response.headers_mut());
        response
    }

    /// The answer, if there is room for it, or if it is small or a command's; else a refusal, which takes
    /// next to none.
    fn within_memory(&self, state: &AppState, response: HttpResponse) -> (HttpResponse, Option<Taken>) {
        let BodySize::Sized(bytes) = response.body().size() else { return (response, None) };
        if response.extensions().contains::<CountedElsewhere>() {
            return (response, None);
        }
        let taken = state.memory.take(bytes as usize);
        // The handler has run: what a command did is told, also where there is no room, and health with it.
        if taken.is_none() && bytes > SMALL_BYTES && self.method.is_safe() {
            return (self.render(state, &Problem::no_room()), None);
        }
        (response, taken)
    }

    fn with_problem<B: MessageBody + 'static>(
        &self,
        state: &AppState,
        response: HttpResponse<B>,
    ) -> HttpResponse {
        let problem = match response.error() {
            Some(error) => problem_of(error),
            // Refusals of the framework and of the Swagger files have no body.
            None if is_bare_error(&response) => {
                Problem::from_status(response.status(), "there is nothing here")
            }
            None => return response.map_into_boxed_body(),
        };
        self.render(state, &problem)
    }

    fn render(&self, state: &AppState, problem: &Problem) -> HttpResponse {
        if let Some(cause) = problem.cause() {
            tracing::warn!(
                request_id = self.request_id.as_str(),
                path = cut(self.uri.path()),
                cause,
                "request failed"
            );
        }
        metric::count_refusal(problem.code.name());
        let repeat = state.routes.find(self.uri.path()).repeat(&self.method);
        problem.render(&self.uri, &self.request_id, repeat, self.key_given.get())
    }

    fn conclude(self, state: &AppState, status: StatusCode, headers: &mut HeaderMap) {
        let latency = self.started.elapsed();
        let route = state.routes.find(self.uri.path());
        route.metrics.record(&self.method, status, latency);
        let caller = self.log_fields.identity().map(|identity| state.keys.describe(identity));
        let (event_id, reservation_id) = self.log_fields.subject(self.uri.path(), headers);
        tracing::info!(
            target: "access",
            method = cut(self.method.as_str()),
            path = cut(self.uri.path()),
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

fn is_bare_error<B>(response: &HttpResponse<B>) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !response.headers().contains_key(CONTENT_TYPE)
}
