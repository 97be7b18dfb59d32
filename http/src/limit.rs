//! How many requests a second one caller may send.

use std::net::IpAddr;
use std::num::NonZeroU32;

use engine::{Caller, UserId};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::auth::Identity;
use crate::wire::problem::Problem;

/// Who is counted: a key, or without one the address of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Admin,
    User(UserId),
    Address(Option<IpAddr>),
}

/// Counts requests by caller; bursts of one second's requests are fine.
pub struct RateLimit {
    limiter: DefaultKeyedRateLimiter<Counted>,
    clock: DefaultClock,
}

impl RateLimit {
    /// A limit of `per_s` requests a second for each caller.
    pub fn new(per_s: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_second(per_s)), clock: DefaultClock::default() }
    }

    /// Counts a request, and refuses one too many.
    pub fn check(&self, identity: Identity, peer: Option<IpAddr>) -> Result<(), Problem> {
        let counted = match identity {
            Identity::Known(Caller::Admin) => Counted::Admin,
            Identity::Known(Caller::User(id)) => Counted::User(id),
            Identity::Anonymous => Counted::Address(peer),
        };
        self.limiter.check_key(&counted).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Problem::rate_limited(wait.as_secs() + 1)
        })
    }

    /// Forgets callers that have been quiet.
    pub fn forget_quiet(&self) {
        self.limiter.retain_recent();
    }
}
