//! The switches of chaos runs, by environment variables. Not in a released program.

use std::net::IpAddr;

/// `CHAOS_SOURCE_IP`: the address from which this node connects to the others.
pub fn source_ip() -> Option<IpAddr> {
    std::env::var("CHAOS_SOURCE_IP").ok()?.parse().ok()
}
