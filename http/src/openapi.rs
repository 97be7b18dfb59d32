//! The OpenAPI document. Handlers describe what is special to them; what every call of a kind can answer is
//! added here, once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::App;
use serde_json::Value;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, Object, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Required,
    ResponseBuilder, Type, response::Response,
};
use utoipa::{OpenApi as _, PartialSchema};
use utoipa_actix_web::AppExt;

use crate::calls::{Call, Role};
use crate::examples;
use crate::routes;
use crate::wire::conflict::{Conflict, ConflictReason};
use crate::wire::problem::{self, Code, FieldError, ProblemDocument};
use crate::wire::repeat::Repeat;

/// What the dialog for authentication says.
const KEYS: &str = "The administrator's key, or a user's. A server that runs with `ENVIRONMENT=development` and has \
                    no keys of its own knows `dev-admin-key-12345` (the administrator) and `dev-user-key-67890` (a user).";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "Reservations of numbered seats: held, confirmed, cancelled, and never sold twice.",
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "events", description = "What people attend"),
        (name = "seats", description = "The places of an event"),
        (name = "charts", description = "Layouts that events are made of"),
        (name = "reservations", description = "Seats of one event for one user"),
        (name = "users", description = "Whose reservations"),
        (name = "health", description = "How the server is"),
    ),
    components(schemas(ProblemDocument, Code, Conflict, ConflictReason, FieldError)),
)]
struct Base;

/// The document.
pub fn document() -> &'static OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(build);
    &DOCUMENT
}

/// The document as it is printed and committed.
pub fn json() -> String {
    let json = document().to_pretty_json().expect("the document has string keys only");
    json + "\n"
}

fn build() -> OpenApi {
    let app = App::new().into_utoipa_app().openapi(Base::openapi()).configure(routes::configure);
    let (_, mut document) = app.split_for_parts();
    add_security_schemes(&mut document);
    for (path, item) in &mut document.paths.paths {
        let in_api = path.starts_with("/api/v1/");
        for operation in operations(item) {
            let call = Call::of(operation.operation_id.as_deref().unwrap_or_default());
            operation.security = Some(security(call.role));
            if call.repeat != Repeat::Reads {
                operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key(call.repeat)));
            }
            add_examples(call, operation);
            let codes = if in_api { refusals(call, operation) } else { call.refusals.to_vec() };
            add_refusals(path, call, operation, &codes);
        }
    }
    document
}

fn security(role: Role) -> Vec<SecurityRequirement> {
    let scope = match role {
        Role::Anyone => return vec![SecurityRequirement::default()],
        Role::User => "user",
        Role::Admin => "admin",
    };
    ["api_key", "bearer"].map(|scheme| SecurityRequirement::new(scheme, [scope])).into()
}

fn add_security_schemes(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let api_key = ApiKey::Header(ApiKeyValue::with_description("X-API-Key", KEYS));
    let api_key = SecurityScheme::ApiKey(api_key);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(KEYS)).build();
    let bearer = SecurityScheme::Http(bearer);
    components.add_security_scheme("api_key", api_key);
    components.add_security_scheme("bearer", bearer);
}

fn operations(item: &mut PathItem) -> Vec<&mut Operation> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [get, post, put, patch, delete].into_iter().flatten().collect()
}

fn idempotency_key(repeat: Repeat) -> Parameter {
    let description = match repeat {
        Repeat::Makes(_) => "Makes a repetition of the request harmless: one key has one effect",
        _ => "Has a form, and no effect: a repetition of this call does no more than the first time anyway",
    };
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(key))
        .example(Some("order-4711".into()))
        .build()
}

/// Every refusal of a call under `/api/v1`: its own, and those of all calls of its kind.
fn refusals(call: Call, operation: &Operation) -> Vec<Code> {
    let has_body = operation.request_body.is_some();
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let has_query = parameters.iter().any(
        |parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query),
    );
    let mut codes = vec![Code::MalformedRequest, Code::Unauthenticated];
    if call.role == Role::Admin {
        codes.push(Code::Forbidden);
    }
    if has_body {
        codes.extend([Code::RequestTimeout, Code::BodyTooLarge, Code::UnsupportedMediaType]);
    }
    if has_body || has_query || call.repeat != Repeat::Reads {
        codes.push(Code::ValidationFailed);
    }
    codes.extend(call.refusals);
    // The watch over the server is never limited, and its 503 is no problem document.
    if call.id != "health" {
        codes.extend([Code::RateLimited, Code::Overloaded, Code::Unavailable]);
    }
    codes
}

/// An answer for each status, with an example for each code.
fn add_refusals(path: &str, call: Call, operation: &mut Operation, codes: &[Code]) {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for &code in codes {
        by_status.entry(code.status_and_title().0.as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let response = problem_response(path, call, status, &codes);
        operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }
}

fn problem_response(path: &str, call: Call, status: u16, codes: &[Code]) -> Response {
    let description: Vec<_> =
        codes.iter().map(|code| format!("`{}`: {}", code.name(), code.status_and_title().1)).collect();
    let examples = codes
        .iter()
        .map(|&code| (code.name(), example(code.status_and_title().1, examples::problem(code, call, path))));
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    let response =
        ResponseBuilder::new().description(description.join("; ")).content(problem::CONTENT_TYPE, content);
    match status {
        429 | 503 => {
            let seconds = HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::Integer)))
                .description(Some("When to come back, in seconds"));
            response.header("Retry-After", seconds.build()).build()
        }
        401 => {
            let scheme =
                HeaderBuilder::new().schema(Some(String::schema())).description(Some("How to authenticate"));
            response.header("WWW-Authenticate", scheme.build()).build()
        }
        _ => response.build(),
    }
}

/// An example for each body that is no problem document.
fn add_examples(call: Call, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        for content in response.content.values_mut() {
            if let RefOr::T(content) = content {
                content.example = examples::answer(call.id, status);
            }
        }
    }
    let Some(RefOr::T(request)) = &mut operation.request_body else { return };
    for (media_type, content) in &mut request.content {
        if let RefOr::T(content) = content {
            let examples = match media_type.as_str() {
                "text/csv" => vec![("CSV", examples::CSV_CHART.into())],
                _ => examples::requests(call.id),
            };
            let examples = examples.into_iter();
            let examples = examples.map(|(name, value)| (name.to_owned(), example(name, value).into()));
            content.examples.extend(examples);
        }
    }
}

fn example(summary: &str, value: Value) -> Example {
    ExampleBuilder::new().summary(summary).value(Some(value)).build()
}
