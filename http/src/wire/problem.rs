//! The one place where a refusal becomes an HTTP answer: a problem document after RFC 9457.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::{StatusCode, Uri, header};
use actix_web::{HttpResponse, ResponseError};
use engine::{CallError, EventId, Fault, Invalid, Layout, MAX_PRICE_MINOR, MAX_SEATS_PER_EVENT, Rejection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::conflict::{Conflict, ConflictReason};
use crate::wire::repeat::{Certainty, Repeat, advice};
use crate::wire::request_id::RequestId;

/// The media type of problem documents.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// When to come back after a 503, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Every code, with its status and title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the titles say it")]
pub enum Code {
    MalformedRequest,
    Unauthenticated,
    Forbidden,
    NotFound,
    EventNotFound,
    SeatNotFound,
    ReservationNotFound,
    ChartNotFound,
    UserNotFound,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    SeatUnavailable,
    ReservationExpired,
    ReservationCancelled,
    HoldLimitReached,
    EventInUse,
    EventEnded,
    EventChanged,
    SoldTogether,
    LeavesSingleSeat,
    NoBlockFree,
    SoldOut,
    BodyTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    UnknownCategory,
    UnknownTicketType,
    IdempotencyKeyReused,
    RateLimited,
    Internal,
    Overloaded,
    Unavailable,
}

impl Code {
    /// As it stands in problem documents.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
    }

    /// The status and the title that go with a code.
    pub fn status_and_title(self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "The request is malformed"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "A valid API key is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "The API key does not allow this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "There is nothing here"),
            Self::EventNotFound => (StatusCode::NOT_FOUND, "There is no such event"),
            Self::SeatNotFound => (StatusCode::NOT_FOUND, "The event has no such seat"),
            Self::ReservationNotFound => (StatusCode::NOT_FOUND, "There is no such reservation"),
            Self::ChartNotFound => (StatusCode::NOT_FOUND, "There is no such chart"),
            Self::UserNotFound => (StatusCode::NOT_FOUND, "There is no such user"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "No acceptable encoding is available"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "The request took too long to come"),
            Self::SeatUnavailable => (StatusCode::CONFLICT, "Seats are not available"),
            Self::ReservationExpired => (StatusCode::CONFLICT, "The reservation expired"),
            Self::ReservationCancelled => (StatusCode::CONFLICT, "The reservation is cancelled"),
            Self::HoldLimitReached => (StatusCode::CONFLICT, "The hold cannot be extended"),
            Self::EventInUse => (StatusCode::CONFLICT, "The event has live reservations"),
            Self::EventEnded => (StatusCode::CONFLICT, "The event is over"),
            Self::EventChanged => (StatusCode::PRECONDITION_FAILED, "The event has changed"),
            Self::SoldTogether => (StatusCode::CONFLICT, "Seats sell only together with others"),
            Self::LeavesSingleSeat => (StatusCode::CONFLICT, "A seat would be left single"),
            Self::NoBlockFree => (StatusCode::CONFLICT, "No block has so many seats free"),
            Self::SoldOut => (StatusCode::CONFLICT, "So many places are not free"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be JSON, plain or in gzip")
            }
            Self::ValidationFailed => (StatusCode::UNPROCESSABLE_ENTITY, "Fields are not valid"),
            Self::UnknownCategory => (StatusCode::UNPROCESSABLE_ENTITY, "There is no such category"),
            Self::UnknownTicketType => (StatusCode::UNPROCESSABLE_ENTITY, "There is no such ticket type"),
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request")
            }
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests are waiting"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "The service is unavailable"),
        }
    }
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, or the query parameter.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its kind.
    pub code: Code,
    detail: String,
    conflicts: Vec<Conflict>,
    errors: Vec<FieldError>,
    seq: Option<u64>,
    retry_after_s: Option<u64>,
    allow: Option<String>,
    accept_encoding: bool,
    /// Of a fault: what is known of the request.
    certainty: Option<Certainty>,
    cause: Option<String>,
}

impl Problem {
    /// A problem of this kind; `detail` says what is wrong in this case.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s =
            matches!(code, Code::Overloaded | Code::Unavailable | Code::RateLimited).then_some(RETRY_AFTER_S);
        Self {
            code,
            detail: detail.into(),
            conflicts: Vec::new(),
            errors: Vec::new(),
            seq: None,
            retry_after_s,
            allow: None,
            accept_encoding: false,
            certainty: None,
            cause: None,
        }
    }

    /// Fields that break rules.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let texts: Vec<_> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
        Self { errors, ..Self::new(Code::ValidationFailed, texts.join("; ")) }
    }

    /// One field that breaks a rule.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Seats that are not of the event.
    pub fn seats_not_found(ids: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        let ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
        Self::new(Code::SeatNotFound, format!("the event has no seat with the id {}", ids.join(", ")))
    }

    /// A body whose `Content-Encoding` is not taken; the answer says which are (RFC 7694).
    pub fn unsupported_encoding(given: &str) -> Self {
        let detail = format!("Content-Encoding: {given}; send the body as it is, or in gzip");
        Self { accept_encoding: true, ..Self::new(Code::UnsupportedMediaType, detail) }
    }

    /// A method that the path does not know.
    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("allowed are {allow}");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    /// Too many requests; the next is welcome in `retry_after_s` seconds.
    pub fn rate_limited(retry_after_s: u64) -> Self {
        let detail = format!("try again in {retry_after_s} s");
        Self { retry_after_s: Some(retry_after_s), ..Self::new(Code::RateLimited, detail) }
    }

    /// What the engine answered; to a command about the event `event_id`, if about one.
    pub fn from_call(error: CallError, event_id: impl Into<Option<EventId>>) -> Self {
        match error {
            CallError::Rejected { rejection, seq } => {
                Self { seq, ..Self::from_rejection(rejection, event_id.into()) }
            }
            CallError::Fault(fault @ Fault::Overloaded) => {
                Self::fault(Code::Overloaded, &fault.to_string(), Certainty::NothingDone)
            }
            CallError::Fault(Fault::Unavailable(cause)) => Self::fault(
                Code::Unavailable,
                "a part of the service does not answer",
                Certainty::NothingDone,
            )
            .because(cause),
            CallError::Fault(Fault::Unknown(cause)) => {
                Self::fault(Code::Unavailable, "a part of the service did not answer", Certainty::Unknown)
                    .because(cause)
            }
            CallError::Elsewhere(owner) => {
                Self::fault(Code::Unavailable, "another node owns the event", Certainty::NothingDone)
                    .because(owner)
            }
        }
    }

    /// A request that took too long.
    pub fn late() -> Self {
        Self::fault(Code::Unavailable, "the request took too long", Certainty::Unknown)
    }

    /// A request whose body did not come.
    pub fn late_body() -> Self {
        Self::fault(Code::RequestTimeout, "the body did not come in time", Certainty::NothingDone)
    }

    /// There is no room for an answer of this size.
    pub fn no_room() -> Self {
        Self::fault(Code::Overloaded, "too many answers are on their way", Certainty::NothingDone)
    }

    /// What the caller may do then is added when the document is written.
    fn fault(code: Code, what: &str, certainty: Certainty) -> Self {
        Self { certainty: Some(certainty), ..Self::new(code, what) }
    }

    /// What broke, for the log and not for the client.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Something of the server itself that broke.
    pub fn from_broken(cause: String) -> Self {
        Self::fault(Code::Internal, "this is the server's fault", Certainty::Unknown).because(cause)
    }

    fn because(self, cause: String) -> Self {
        Self { cause: Some(cause), ..self }
    }

    fn from_rejection(rejection: Rejection, event_id: Option<EventId>) -> Self {
        let seat_id = |seat_no| event_id.map(|id| id.seat(seat_no));
        let detail = rejection.to_string();
        match rejection {
            Rejection::EventNotFound => Self::new(Code::EventNotFound, detail),
            Rejection::SeatNotFound(seats) => Self::seats_not_found(seats.into_iter().filter_map(seat_id)),
            Rejection::ReservationNotFound => Self::new(Code::ReservationNotFound, detail),
            Rejection::SeatUnavailable(conflicts) => {
                let conflicts = conflicts.into_iter().filter_map(|conflict| {
                    let reservation_id = match conflict.reason {
                        engine::ConflictReason::Yours(id) => Some(id),
                        _ => None,
                    };
                    let seat_id = seat_id(conflict.seat_no)?;
                    let reason = conflict.reason.into();
                    Some(Conflict { seat_id, seat_number: None, reason, reservation_id })
                });
                Self { conflicts: conflicts.collect(), ..Self::new(Code::SeatUnavailable, detail) }
            }
            Rejection::ReservationExpired(_) => Self::new(Code::ReservationExpired, detail),
            Rejection::ReservationCancelled => Self::new(Code::ReservationCancelled, detail),
            Rejection::HoldLimitReached(_) => Self::new(Code::HoldLimitReached, detail),
            Rejection::EventInUse => Self::new(Code::EventInUse, detail),
            Rejection::EventEnded(_) => Self::new(Code::EventEnded, detail),
            Rejection::EventChanged => Self::new(Code::EventChanged, detail),
            Rejection::SoldTogether(seats) => {
                let conflicts = seats.into_iter().filter_map(seat_id);
                let conflicts = conflicts.map(|id| Conflict::of(id, ConflictReason::SoldTogether));
                Self { conflicts: conflicts.collect(), ..Self::new(Code::SoldTogether, detail) }
            }
            Rejection::LeavesSingleSeat(seat_no) => {
                let conflict = seat_id(seat_no).map(|id| Conflict::of(id, ConflictReason::LeftSingle));
                Self {
                    conflicts: conflict.into_iter().collect(),
                    ..Self::new(Code::LeavesSingleSeat, detail)
                }
            }
            Rejection::NoBlockFree => Self::new(Code::NoBlockFree, detail),
            Rejection::SoldOut { .. } => Self::new(Code::SoldOut, detail),
            Rejection::TicketType(_) => Self::new(Code::UnknownTicketType, detail),
            Rejection::IdempotencyKeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            Rejection::Invalid(invalid) => {
                let (field, message) = field_error(invalid);
                Self::invalid_field(field, message)
            }
        }
    }

    /// Whether it is about seats that have no labels yet.
    pub fn has_seats(&self) -> bool {
        !self.conflicts.is_empty()
    }

    /// With the labels of its seats.
    pub fn with_labels(mut self, layout: &Layout) -> Self {
        for conflict in &mut self.conflicts {
            conflict.seat_number = layout.place(conflict.seat_id.seat_no()).map(|place| place.label());
        }
        if let (Code::LeavesSingleSeat, [Conflict { seat_number: Some(label), .. }]) =
            (self.code, &self.conflicts[..])
        {
            self.detail = format!("{label} would be left single");
        }
        self
    }

    /// The problem that stands for an error of the web framework.
    pub fn from_status(status: StatusCode, detail: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::NOT_ACCEPTABLE => Code::NotAcceptable,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            status if status.is_client_error() => Code::MalformedRequest,
            _ => Code::Internal,
        };
        Self::new(code, detail)
    }

    /// The answer, as the document of one request: to a call that can be repeated so, with or without a key.
    pub fn render(
        &self,
        instance: &Uri,
        request_id: &RequestId,
        repeat: Repeat,
        has_key: bool,
    ) -> HttpResponse {
        let (status, title) = self.code.status_and_title();
        let detail = match self.certainty {
            Some(certainty) => format!("{}; {}", self.detail, advice(certainty, repeat, has_key)).into(),
            None => Cow::from(&self.detail),
        };
        let document = ProblemDocument {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail: &detail,
            instance: instance.path(),
            code: self.code,
            request_id: request_id.as_str(),
            conflicts: &self.conflicts,
            errors: &self.errors,
            seq: self.seq,
        };
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, CONTENT_TYPE));
        if let Some(retry_after_s) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, retry_after_s));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.accept_encoding {
            response.insert_header((header::ACCEPT_ENCODING, "gzip, identity"));
        }
        if self.code == Code::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"holdfast\""));
        }
        response.body(serde_json::to_vec(&document).expect("a problem document has string keys only"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// The body is written by the outermost middleware, which knows the request.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status_and_title().0
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// Always `about:blank`: the `code` says which problem it is.
    #[schema(format = "uri-reference")]
    r#type: &'a str,
    /// A short text for the code.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong in this case.
    detail: &'a str,
    /// The path of the request.
    #[schema(format = "uri-reference")]
    instance: &'a str,
    /// A stable code.
    code: Code,
    /// The id of the request, as in the header `X-Request-Id`.
    request_id: &'a str,
    /// With `seat_unavailable`: the seats that are taken, and why.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false, value_type = Vec<Conflict>)]
    conflicts: &'a [Conflict],
    /// With `validation_failed`: every field that breaks a rule.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false, value_type = Vec<FieldError>)]
    errors: &'a [FieldError],
    /// The number of the journal batch that the request was decided against, where an event was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = u64)]
    seq: Option<u64>,
}

/// The field of a request that a rule of the engine's is about, and what is wrong with it.
fn field_error(invalid: Invalid) -> (&'static str, String) {
    match invalid {
        Invalid::NoSeats => ("seat_ids", "must have at least 1 seat".to_owned()),
        Invalid::TooManySeats { given, most } => {
            ("seat_ids", format!("must have at most {most} seats, has {given}"))
        }
        Invalid::RepeatedSeat => ("seat_ids", "must not repeat a seat".to_owned()),
        Invalid::EndsBeforeStart => ("end_at", "must be after start_at".to_owned()),
        Invalid::HoldBeyondLongest => ("max_hold_s", "must be at least hold_ttl_s".to_owned()),
        Invalid::SeatsOfEvent { given } => {
            ("sections", format!("must give 1 to {MAX_SEATS_PER_EVENT} seats, gives {given}"))
        }
        Invalid::Price => ("price", format!("prices must be from 0 to {MAX_PRICE_MINOR}")),
        Invalid::TogetherBeyondMost { .. } => ("max_seats_per_reservation", invalid.to_string()),
        Invalid::Allocation => ("allocations", invalid.to_string()),
        Invalid::NotAdded => ("sections", invalid.to_string()),
    }
}
