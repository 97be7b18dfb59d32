//! The header `Idempotency-Key`, which every call takes that makes or changes something.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::wire::problem::{Code, Problem};
use crate::wire::repeat::KeyGiven;
use crate::wire::reservation_body::visible;

/// The header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header of an answer that repeats what the key did before.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

/// The key in a request's header, if it has one of the right form.
pub struct IdempotencyKey(pub Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(in_header(request).map(|key| Self(key.map(str::to_owned))))
    }
}

/// The key from the header or the body; both and different is a mistake.
pub fn idempotency_key(request: &HttpRequest, in_body: Option<String>) -> Result<Option<String>, Problem> {
    if let Some(given) = request.extensions().get::<KeyGiven>().filter(|_| in_body.is_some()) {
        given.note();
    }
    match (in_header(request)?, in_body) {
        (Some(in_header), Some(in_body)) if in_body != in_header => {
            let detail = "idempotency_key: the header Idempotency-Key and the body differ";
            Err(Problem::new(Code::MalformedRequest, detail))
        }
        (Some(in_header), None) => Ok(Some(in_header.to_owned())),
        (_, in_body) => Ok(in_body),
    }
}

fn in_header(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(Problem::new(Code::MalformedRequest, "there are two different Idempotency-Key headers"));
    }
    // The draft of the header's standard has the key in quotes; many send it bare. Both mean the same key.
    let value = value.to_str().unwrap_or_default();
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = quoted.unwrap_or(value);
    match visible(key, &()) {
        Ok(()) => Ok(Some(key)),
        Err(error) => Err(Problem::invalid_field("idempotency_key", error.message())),
    }
}

/// The same for the same JSON, whatever the order of its fields and the space between them.
pub fn request_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    match serde_json::from_slice(body) {
        Ok(value) => add(&mut hash, &value),
        Err(_) => hash.update(body),
    }
    hash.finalize().into()
}

fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            hash.update("{");
            for (name, value) in fields {
                add(hash, &Value::from(name.as_str()));
                add(hash, value);
            }
            hash.update("}");
        }
        Value::Array(items) => {
            hash.update("[");
            items.iter().for_each(|item| add(hash, item));
            hash.update("]");
        }
        // Each ends with a comma, which none has outside of quotes: no two lists of values are the same
        // bytes.
        plain => hash.update(format!("{plain},")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_in_another_order() {
        let hash = |text: &str| request_hash(text.as_bytes());
        assert_eq!(
            hash(r#"{"a":1,"b":[1,{"c":2,"d":3}]}"#),
            hash(r#"{ "b": [1, {"d": 3, "c": 2}], "a": 1 }"#)
        );
        let different = [
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":11}"#,
            r#"{"a":[1,1]}"#,
            r#"{"a":[[1],1]}"#,
            r#"{"a":[1,[1]]}"#,
            r#"{"a":1,"b":null}"#,
            r#"{"a":"1,"}"#,
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(different[..index].iter().all(|other| hash(one) != hash(other)), "{one}");
        }
    }
}
