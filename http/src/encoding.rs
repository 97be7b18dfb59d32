//! How an answer is encoded.

use std::io::Write;

use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, ContentEncoding, ContentType, Encoding, Header, VARY,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::wire::problem::{Code, Problem};

/// What is shorter is no shorter for being compressed.
const WORTH_COMPRESSING: usize = 1_024;

/// JSON as it is sent to clients that take gzip.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes all")
}

/// The answer with this body, compressed where the client takes gzip.
pub fn json(response: &mut HttpResponseBuilder, body: &impl Serialize, takes_gzip: bool) -> HttpResponse {
    let json = serde_json::to_vec(body).expect("a body has string keys, and memory takes all");
    json_bytes(response, &json, takes_gzip)
}

/// The same with a body that is JSON already.
pub fn json_bytes(response: &mut HttpResponseBuilder, json: &[u8], takes_gzip: bool) -> HttpResponse {
    response.insert_header(ContentType::json()).insert_header((VARY, "accept-encoding"));
    if takes_gzip && json.len() >= WORTH_COMPRESSING {
        return response.insert_header((CONTENT_ENCODING, "gzip")).body(compress(json));
    }
    response.body(json.to_vec())
}

/// Whether the client is best served with gzip, by its `Accept-Encoding`.
pub fn takes_gzip(request: &HttpRequest) -> Result<bool, Problem> {
    if !request.headers().contains_key(AcceptEncoding::name()) {
        return Ok(false);
    }
    let Ok(accepted) = AcceptEncoding::parse(request) else { return Ok(false) };
    let chosen = accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter());
    match chosen {
        Some(Encoding::Known(coding)) => Ok(coding == ContentEncoding::Gzip),
        _ => Err(Problem::new(Code::NotAcceptable, "no encoding that is available is accepted")),
    }
}
