//! How many connections each client address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Of an IPv6 address, what a client cannot choose: it has a whole network of 64 bits.
const NETWORK: u128 = !(u64::MAX as u128);

/// The connections of each address.
pub struct Addresses {
    most: usize,
    connections: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that was let in, until it is dropped.
pub struct Admitted(Option<(Arc<Addresses>, IpAddr)>);

impl Addresses {
    /// At most so many connections an address; 0 for any number.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, connections: Mutex::default() })
    }

    /// Lets a connection in, or `None` if its address has too many.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Admitted> {
        let Some(address) = address.filter(|_| self.most > 0).map(client) else {
            return Some(Admitted(None));
        };
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = connections.entry(address).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Admitted(Some((Arc::clone(self), address))))
    }

    fn leave(&self, address: IpAddr) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = connections.entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some((addresses, address)) = &self.0 {
            addresses.leave(*address);
        }
    }
}

fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_no_more() {
        let addresses = Addresses::new(2);
        let admit = |address: &str| addresses.admit(Some(address.parse().expect("an address")));
        let first = admit("192.0.2.1").expect("one");
        let _second = admit("::ffff:192.0.2.1").expect("two");
        assert!(admit("192.0.2.1").is_none());
        let _other = admit("192.0.2.2").expect("another address");
        drop(first);
        let _again = admit("192.0.2.1").expect("one has left");
        let _of_a_network = (admit("2001:db8::1").expect("one"), admit("2001:db8::2:1").expect("two"));
        assert!(admit("2001:db8::3").is_none(), "one network is one client");
        assert!(admit("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn nothing_stays_of_who_has_left_and_0_is_any_number() {
        let addresses = Addresses::new(1);
        drop(addresses.admit(Some(Ipv6Addr::LOCALHOST.into())));
        assert!(addresses.connections.lock().unwrap().is_empty());
        let any = Addresses::new(0);
        let many: Vec<_> = (0..9).map(|_| any.admit(Some(Ipv6Addr::LOCALHOST.into()))).collect();
        assert!(many.iter().all(Option::is_some));
    }
}
