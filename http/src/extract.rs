//! What handlers take from a request: ids in the path, query parameters and JSON bodies, all of them checked,
//! and refused as problem documents.

use std::fmt::Display;
use std::future::{Future, Ready, ready};
use std::io::Read;
use std::pin::Pin;
use std::rc::Rc;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use engine::{EventId, ReservationId, UserId};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::auth::is_admin;
use crate::connection::state::{self, Connection};
use crate::state::AppState;
use crate::wire::chart_body::ChartPathId;
use crate::wire::object::Object;
use crate::wire::problem::{Code, FieldError, Problem};

/// The id in the path. One that cannot be an id of its kind does not exist.
pub struct PathId<T>(pub T);

/// Ids that stand in paths.
pub trait ApiId: FromStr {
    /// The code for an id that does not exist.
    const NOT_FOUND: Code;
    /// The same in words.
    const NOT_FOUND_DETAIL: &'static str;
}

impl ApiId for EventId {
    const NOT_FOUND: Code = Code::EventNotFound;
    const NOT_FOUND_DETAIL: &'static str = "there is no such event";
}

impl ApiId for ReservationId {
    const NOT_FOUND: Code = Code::ReservationNotFound;
    const NOT_FOUND_DETAIL: &'static str = "there is no such reservation";
}

impl ApiId for ChartPathId {
    const NOT_FOUND: Code = Code::ChartNotFound;
    const NOT_FOUND_DETAIL: &'static str = "there is no such chart";
}

impl ApiId for UserId {
    const NOT_FOUND: Code = Code::UserNotFound;
    const NOT_FOUND_DETAIL: &'static str = "a user's id is a UUID";
}

impl<T: ApiId> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|id| id.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::new(T::NOT_FOUND, T::NOT_FOUND_DETAIL)))
    }
}

/// Query parameters.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Parameters<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        ready(query.map(|query| Self(query.into_inner())).map_err(|error| {
            let detail = match error {
                actix_web::error::QueryPayloadError::Deserialize(cause) => cause.to_string(),
                other => other.to_string(),
            };
            Problem::new(Code::MalformedRequest, format!("query: {detail}"))
        }))
    }
}

/// A JSON body that obeys the rules of its type.
pub struct JsonBody<T> {
    /// What it says.
    pub value: T,
    /// As it came, inflated.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned + Validate<Context = ()> + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let max_bytes = max_bytes(request);
        let media_type = refuse_query(request).and_then(|()| check_media_type(request));
        let body = Body::of(request, payload);
        Box::pin(async move {
            media_type?;
            let bytes = body.read(max_bytes).await?;
            let value: T = parse(&bytes)?;
            value.validate().map_err(field_errors)?;
            Ok(Self { value, bytes })
        })
    }
}

/// A file in a body: JSON or CSV.
pub struct FileBody {
    /// Inflated.
    pub bytes: Bytes,
    /// Whether it says that it is CSV.
    pub is_csv: bool,
}

impl FromRequest for FileBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let max_bytes = max_bytes(request);
        let is_csv = media_type(request).eq_ignore_ascii_case(b"text/csv");
        let media_type = if is_csv { Ok(()) } else { check_media_type(request) };
        let body = Body::of(request, payload);
        Box::pin(async move {
            media_type?;
            Ok(Self { bytes: body.read(max_bytes).await?, is_csv })
        })
    }
}

/// What an administrator may send to the calls that take the seating plan of a stadium.
const MAX_PLAN_BYTES: usize = 16 * 1024 * 1024;
const PLAN_PATHS: [&str; 2] = ["/api/v1/events", "/api/v1/charts"];

fn max_bytes(request: &HttpRequest) -> usize {
    let max_bytes = request.app_data::<web::Data<AppState>>().map_or(0, |state| state.max_body_bytes);
    let takes_plans = PLAN_PATHS.contains(&request.path()) && is_admin(request);
    if takes_plans { max_bytes.max(MAX_PLAN_BYTES) } else { max_bytes }
}

/// Proof that a request says nothing but its path: no query, and no body, or an empty one in JSON. What is
/// not understood is refused: `cancel` with a list of seats would else cancel all of them.
pub struct NothingElse;

/// A body that says nothing is hardly longer.
const MOST_BYTES_OF_NOTHING: usize = 64;

impl FromRequest for NothingElse {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let query = refuse_query(request);
        let body = Body::of(request, payload);
        Box::pin(async move {
            query?;
            let body = body.read(MOST_BYTES_OF_NOTHING).await;
            match body.as_deref().map(<[u8]>::trim_ascii) {
                Ok(b"" | b"{}" | b"null") => Ok(Self),
                _ => Err(Problem::new(Code::MalformedRequest, "this call takes no body")),
            }
        })
    }
}

fn refuse_query(request: &HttpRequest) -> Result<(), Problem> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    Err(Problem::new(Code::MalformedRequest, "query: this call takes none"))
}

fn media_type(request: &HttpRequest) -> &[u8] {
    let value = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    if media_type(request).eq_ignore_ascii_case(b"application/json") {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType, "send the body with Content-Type: application/json"))
}

/// A body that is still to be read.
struct Body {
    connection: Option<Rc<Connection>>,
    payload: Payload,
    announced_bytes: usize,
    is_gzip: Result<bool, Problem>,
}

impl Body {
    fn of(request: &HttpRequest, payload: &mut Payload) -> Self {
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self {
            connection: state::of(request),
            payload: payload.take(),
            announced_bytes: length.and_then(|length| length.parse().ok()).unwrap_or(0),
            is_gzip: is_gzip(request),
        }
    }

    /// The body, of at most `max_bytes`, on its way and inflated.
    async fn read(mut self, max_bytes: usize) -> Result<Bytes, Problem> {
        let is_gzip = self.is_gzip?;
        if self.announced_bytes > max_bytes {
            return Err(too_large(max_bytes));
        }
        if let Some(connection) = &self.connection {
            connection.begin_body();
        }
        let mut body = BytesMut::with_capacity(self.announced_bytes);
        while let Some(chunk) = self.payload.next().await {
            let chunk = chunk.map_err(|error| unreadable(&error))?;
            if body.len() + chunk.len() > max_bytes {
                return Err(too_large(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        if let Some(connection) = &self.connection {
            connection.end_body();
        }
        if is_gzip { inflate(&body, max_bytes) } else { Ok(body.freeze()) }
    }
}

fn is_gzip(request: &HttpRequest) -> Result<bool, Problem> {
    let mut codings = request.headers().get_all(header::CONTENT_ENCODING);
    let (coding, another) = (codings.next(), codings.next());
    match coding.map_or(&b""[..], |coding| coding.as_bytes().trim_ascii()) {
        _ if another.is_some() => Err(Problem::unsupported_encoding("more than one")),
        b"" => Ok(false),
        coding if coding.eq_ignore_ascii_case(b"identity") => Ok(false),
        coding if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => Ok(true),
        other => Err(Problem::unsupported_encoding(&String::from_utf8_lossy(other))),
    }
}

/// Stops at the first byte too many: a small body can inflate to a thousand times its size.
fn inflate(body: &[u8], max_bytes: usize) -> Result<Bytes, Problem> {
    let mut inflated = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(max_bytes as u64 + 1);
    decoder.read_to_end(&mut inflated).map_err(|error| unreadable(&error))?;
    if inflated.len() > max_bytes { Err(too_large(max_bytes)) } else { Ok(inflated.into()) }
}

fn too_large(max_bytes: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body may have {max_bytes} bytes"))
}

fn unreadable(error: &dyn Display) -> Problem {
    Problem::new(Code::MalformedRequest, format!("body: {error}"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map(|Object(value)| value).map_err(|_| {
        // Only now the dearer way, which knows the path to the error.
        let mut json = serde_json::Deserializer::from_slice(body);
        let detail = match serde_path_to_error::deserialize::<_, Object<T>>(&mut json) {
            Err(error) if error.path().iter().next().is_some() => {
                format!("{}: {}", error.path(), error.inner())
            }
            Err(error) => error.inner().to_string(),
            Ok(_) => "there is something after the JSON document".to_owned(),
        };
        Problem::new(Code::MalformedRequest, detail)
    })
}

fn field_errors(report: garde::Report) -> Problem {
    let errors = report
        .iter()
        .map(|(path, error)| FieldError { field: path.to_string(), message: error.message().to_owned() });
    Problem::invalid(errors.collect())
}
