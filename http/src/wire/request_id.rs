//! The id of a request: the client's, if it gave a sane one, or a new one.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries the id, both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 128;

/// 1 to 128 visible ASCII characters.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id in `headers`, or a new one where there is none or not a sane one.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get(HEADER) {
            Some(given) if is_sane(given.as_bytes()) => Self(given.clone()),
            _ => Self::new(),
        }
    }

    /// An id that no other request has: this process's random part, and a count.
    fn new() -> Self {
        static PROCESS: LazyLock<u64> = LazyLock::new(|| Uuid::new_v4().as_u64_pair().0);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = format!("{:016x}-{:x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
        Self(HeaderValue::try_from(id).expect("hexadecimal digits are a header's value"))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As the header's value.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_128_visible_characters() {
        let cases: [(&[u8], bool); 6] = [
            (b"abc-1", true),
            (b"", false),
            (b"a b", false),
            (&[b'x'; 128], true),
            (&[b'x'; 129], false),
            (b"\xff", false),
        ];
        for (id, sane) in cases {
            assert_eq!(is_sane(id), sane, "{id:?}");
        }
    }

    #[test]
    fn made_ids_differ() {
        assert_ne!(RequestId::new().as_str(), RequestId::new().as_str());
    }
}
