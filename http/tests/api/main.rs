//! The server's tests: each starts the real application on a port of its own, over the in-memory store.

mod bodies;
mod documents;
mod events;
mod examples;
mod faults;
mod helpers;
mod keys;
mod limits;
mod operations;
mod problems;
mod raw;
mod reservations;
mod roles;
mod seats;
mod slow_clients;
mod snapshots;
mod users;
mod venues;
