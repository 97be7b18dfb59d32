//! The OpenAPI document. Handlers describe what is special to them; what every call of a kind can answer is
//! added here, once.

use std::sync::LazyLock;

use actix_web::App;
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

use crate::routes;
use crate::routes::calls::{Call, Role};
use crate::wire::problem::{self, Code, Conflict, ConflictReason, FieldError, ProblemDocument};
use crate::wire::repeat::Repeat;

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
            if in_api {
                add_common_answers(call, operation);
            }
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
    let api_key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("api_key", api_key);
    components.add_security_scheme("bearer", bearer);
}

fn operations(item: &mut PathItem) -> Vec<&mut Operation> {
    let PathItem { get, post, patch, delete, .. } = item;
    [get, post, patch, delete].into_iter().flatten().collect()
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

fn add_common_answers(call: Call, operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let has_query = parameters.iter().any(
        |parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query),
    );
    add(operation, "400", "`malformed_request`");
    let description = match call.repeat {
        Repeat::Makes(_) => "`validation_failed` with `errors`, `idempotency_key_reused`",
        _ => "`validation_failed` with `errors`",
    };
    if has_body || has_query || call.repeat != Repeat::Reads {
        add(operation, "422", description);
    }
    if has_body {
        add(operation, "413", "`body_too_large`");
        add(operation, "415", "`unsupported_media_type`: the body must be JSON, plain or in gzip");
    }
    add(operation, "401", "`unauthenticated`: the API key is missing where one is needed, or not known");
    if call.role == Role::Admin {
        add(operation, "403", "`forbidden`: the call is the administrator's");
    }
    if let Some(code) = call.missing {
        add(operation, "404", &format!("`{}`", code.name()));
    }
    add(operation, "429", "`rate_limited`");
    add(
        operation,
        "503",
        "`overloaded`, `unavailable`: the `detail` says whether it is safe to repeat, by which key, or to look first",
    );
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem_response(status, description)));
}

fn problem_response(status: &str, description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description).content(problem::CONTENT_TYPE, content);
    match status {
        "429" | "503" => {
            let seconds = HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::Integer)))
                .description(Some("When to come back, in seconds"));
            response.header("Retry-After", seconds.build()).build()
        }
        "401" => {
            let scheme =
                HeaderBuilder::new().schema(Some(String::schema())).description(Some("How to authenticate"));
            response.header("WWW-Authenticate", scheme.build()).build()
        }
        _ => response.build(),
    }
}
