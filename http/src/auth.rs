//! Who asks: an API key in `X-API-Key`, or as a bearer token.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use engine::{Caller, UserId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::wire::problem::{Code, Problem};

/// The header for an API key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// The keys that the server knows, as hashes: comparing those leaks neither content nor length.
#[derive(Clone)]
pub struct Keys {
    admin: [u8; 32],
    user: [u8; 32],
    user_id: UserId,
    admin_key_id: String,
    user_key_id: String,
}

/// Who a request comes from. The middleware [`admit`](crate::middleware::admit::admit) leaves it in the
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// No key was given.
    Anonymous,
    /// The administrator's key, or a user's.
    Known(Caller),
}

impl Keys {
    /// The keys, and the user that the user's key acts for.
    pub fn new(admin: &str, user: &str, user_id: UserId) -> Self {
        let (admin, user) = (hash(admin.as_bytes()), hash(user.as_bytes()));
        Self { admin, user, user_id, admin_key_id: key_id(&admin), user_key_id: key_id(&user) }
    }

    /// A caller as the log names it: its role, and which key it has.
    pub(crate) fn describe(&self, identity: Identity) -> (&'static str, Option<&str>) {
        match identity {
            Identity::Anonymous => ("anonymous", None),
            Identity::Known(Caller::Admin) => ("admin", Some(&self.admin_key_id)),
            Identity::Known(Caller::User(_)) => ("user", Some(&self.user_key_id)),
        }
    }

    /// Who sends these headers; a key that is not known is refused.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        let Some(key) = presented(headers) else { return Ok(Identity::Anonymous) };
        let hash = hash(key);
        let is_admin = bool::from(hash.ct_eq(&self.admin));
        let is_user = bool::from(hash.ct_eq(&self.user));
        match (is_admin, is_user) {
            (true, _) => Ok(Identity::Known(Caller::Admin)),
            (false, true) => Ok(Identity::Known(Caller::User(self.user_id))),
            (false, false) => Err(Problem::new(Code::Unauthenticated, "the API key is not known")),
        }
    }
}

/// The caller of a request: a user or the administrator.
#[derive(Debug, Clone, Copy)]
pub struct Member(pub Caller);

impl FromRequest for Member {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).map(Self))
    }
}

/// Proof that the caller of a request is the administrator.
#[derive(Debug, Clone, Copy)]
pub struct Admin;

impl FromRequest for Admin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match caller(request) {
            Ok(Caller::Admin) => Ok(Self),
            Ok(Caller::User(_)) => Err(Problem::new(Code::Forbidden, "this call is the administrator's")),
            Err(problem) => Err(problem),
        })
    }
}

/// Whether the caller of a request is the administrator.
pub(crate) fn is_admin(request: &HttpRequest) -> bool {
    matches!(caller(request), Ok(Caller::Admin))
}

fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Known(caller)) => Ok(*caller),
        _ => {
            let detail = "give an API key in the header X-API-Key, or in Authorization: Bearer";
            Err(Problem::new(Code::Unauthenticated, detail))
        }
    }
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get(API_KEY_HEADER) {
        return Some(key.as_bytes());
    }
    let value = headers.get(header::AUTHORIZATION)?;
    match value.as_bytes().split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(key.trim_ascii()),
        // A proxy's, or a page's that is behind one: not for this server.
        _ => None,
    }
}

/// The first digits of the hash: enough to tell keys apart, and of no use to whoever reads the log.
fn key_id(hash: &[u8; 32]) -> String {
    hex::encode(&hash[..4])
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}
