//! Many nodes: a command that this node does not own is passed on to the node that does, with a signed
//! statement of who asks. Neither the client's key nor the nodes' secret leaves this node: where a command
//! goes is read from Redis, and whoever can write there must not be told either. Where a command goes next,
//! `engine::route` says.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use engine::{Caller, Timestamp, UserId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// Names the node that decided, in every answer.
pub const NODE_HEADER: HeaderName = HeaderName::from_static("x-holdfast-node");

/// What a node says of a client's request that it passes on.
pub(crate) const STATEMENT_HEADER: HeaderName = HeaderName::from_static("x-holdfast-passed-on");

/// By how much the nodes' times may differ, with the time on the way.
const MAX_AGE: Duration = Duration::from_secs(30);

/// This node among others.
#[derive(Clone)]
pub struct Cluster {
    /// The address by which the other nodes reach this one.
    pub node_url: HeaderValue,
    /// Signs with what the nodes know and clients do not.
    pub signer: Signer,
    /// How long the owner may take to answer.
    pub forward_timeout: Duration,
}

impl Cluster {
    /// Names this node as the one that decided, unless the answer came from another one.
    pub(crate) fn name_node(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(NODE_HEADER) {
            headers.insert(NODE_HEADER, self.node_url.clone());
        }
    }

    /// What another node says of a request to this one; `None` for a client's, whatever it says.
    pub(crate) fn passed_on(&self, call: Call<'_>, headers: &HeaderMap, now: Timestamp) -> Option<PassedOn> {
        let statement = headers.get(STATEMENT_HEADER)?.to_str().ok()?;
        self.signer.read(statement, self.node_url.to_str().ok()?, call, now)
    }
}

/// A request, as far as a statement is about it.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path_and_query: &'a str,
}

/// What one node tells another of a client's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PassedOn {
    /// Who asks.
    pub(crate) caller: Caller,
    /// How often the request has been passed on.
    pub(crate) hops: u8,
}

/// Signs statements by HMAC-SHA256 (RFC 2104) under the cluster's secret.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// A signer that has this secret.
    pub fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// A statement for the node of this address: `hops.milliseconds.caller.signature`.
    pub(crate) fn write(&self, about: PassedOn, node: &str, call: Call<'_>, now: Timestamp) -> String {
        let caller = match about.caller {
            Caller::Admin => "admin".to_owned(),
            Caller::User(id) => id.as_uuid().to_string(),
        };
        let claims = format!("{}.{}.{caller}", about.hops, now.as_micros() / 1_000);
        let signature = self.sign(&claims, node, call).finalize().into_bytes();
        format!("{claims}.{}", hex::encode(signature))
    }

    /// What a statement says, if it was signed for this node, about this call and a moment ago.
    fn read(&self, statement: &str, node: &str, call: Call<'_>, now: Timestamp) -> Option<PassedOn> {
        let (claims, signature) = statement.rsplit_once('.')?;
        self.sign(claims, node, call).verify_slice(&hex::decode(signature).ok()?).ok()?;
        let mut parts = claims.splitn(3, '.');
        let hops = parts.next()?.parse().ok()?;
        let said_at = Timestamp::from_micros(parts.next()?.parse::<i64>().ok()?.checked_mul(1_000)?);
        let caller = match parts.next()? {
            "admin" => Caller::Admin,
            user => Caller::User(UserId::new(Uuid::parse_str(user).ok()?)),
        };
        let is_fresh = now.since(said_at) <= MAX_AGE && said_at.since(now) <= MAX_AGE;
        is_fresh.then_some(PassedOn { caller, hops })
    }

    fn sign(&self, claims: &str, node: &str, call: Call<'_>) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // No part can hold a line break, so no two statements are the same bytes.
        for part in ["holdfast request", node, call.method.as_str(), call.path_and_query, claims] {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        mac
    }
}

/// An address as the value of a header.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    HeaderValue::try_from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const CALL: Call<'_> = Call { method: &Method::POST, path_and_query: "/api/v1/reservations" };

    #[test]
    fn a_statement_counts_for_its_node_its_call_and_its_time_alone() {
        let (signer, other) = (Signer::new("a-secret-of-the-nodes"), Signer::new("another-secret-of-nodes"));
        let user = Caller::User(UserId::new(Uuid::from_u128(7)));
        for caller in [Caller::Admin, user] {
            let about = PassedOn { caller, hops: 1 };
            let said = signer.write(about, "http://b", CALL, NOW);
            let read = |signer: &Signer, said: &str, node, call, now| signer.read(said, node, call, now);
            assert_eq!(read(&signer, &said, "http://b", CALL, NOW.plus_s(29)), Some(about));
            assert_eq!(read(&signer, &said, "http://b", CALL, NOW.minus_s(29)), Some(about));
            assert_eq!(read(&other, &said, "http://b", CALL, NOW), None, "another secret");
            assert_eq!(read(&signer, &said, "http://c", CALL, NOW), None, "another node's");
            assert_eq!(read(&signer, &said, "http://b", CALL, NOW.plus_s(31)), None, "too old");
            let path = Call { path_and_query: "/api/v1/events", ..CALL };
            assert_eq!(read(&signer, &said, "http://b", path, NOW), None, "another call's");
            let method = Call { method: &Method::DELETE, ..CALL };
            assert_eq!(read(&signer, &said, "http://b", method, NOW), None, "another call's");
            let raised = said.replacen('1', "2", 1);
            assert_eq!(read(&signer, &raised, "http://b", CALL, NOW), None, "it was changed");
            for broken in ["", ".", "1.2.admin", "1.2.admin.", "1.2.admin.zz", "1.2.admin.é1", "x"] {
                assert_eq!(read(&signer, broken, "http://b", CALL, NOW), None);
            }
        }
    }
}
