//! Many nodes: a command that this node does not own is passed on to the node that does, with the client's
//! own headers, so that the owner authenticates the client itself. Only the count of hops is the nodes' own,
//! and believed only together with their shared secret. Where a command goes next, `engine::route` says.

use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

/// Names the node that decided, in every answer.
pub const NODE_HEADER: HeaderName = HeaderName::from_static("x-holdfast-node");

pub(crate) const SECRET_HEADER: HeaderName = HeaderName::from_static("x-holdfast-cluster-secret");
pub(crate) const HOPS_HEADER: HeaderName = HeaderName::from_static("x-holdfast-hops");

/// This node among others.
#[derive(Clone)]
pub struct Cluster {
    /// The address by which the other nodes reach this one.
    pub node_url: HeaderValue,
    /// What the nodes know and clients do not.
    pub secret: HeaderValue,
    /// How long the owner may take to answer.
    pub forward_timeout: Duration,
}

impl Cluster {
    /// How often another node passed this request on: 0 for a client's, whatever it says.
    pub fn hops(&self, headers: &HeaderMap) -> u8 {
        let secret = headers.get(SECRET_HEADER).map_or(&b""[..], |value| value.as_bytes());
        if !bool::from(secret.ct_eq(self.secret.as_bytes())) {
            return 0;
        }
        let hops = headers.get(HOPS_HEADER).and_then(|value| value.to_str().ok());
        hops.and_then(|hops| hops.parse().ok()).unwrap_or(0)
    }

    /// Names this node as the one that decided, unless the answer came from another one.
    pub(crate) fn name_node(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(NODE_HEADER) {
            headers.insert(NODE_HEADER, self.node_url.clone());
        }
    }
}

/// A secret or an address as the value of a header.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    HeaderValue::try_from(text)
}
