//! How an answer is encoded.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptEncoding, ContentEncoding, Encoding, Header};

use crate::wire::problem::{Code, Problem};

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
