//! The HTTP of Holdfast: REST over the engine. See [`server`] for how it is put together, and [`routes`] for
//! the calls.

pub mod allocator;
pub mod auth;
pub mod calls;
#[cfg(feature = "chaos")]
pub mod chaos;
pub mod cluster;
pub mod command;
pub mod config;
pub mod connection;
pub mod encoding;
mod examples;
pub mod extract;
pub mod idempotency;
pub mod limit;
pub mod log_fields;
mod log_queue;
pub mod metric;
pub mod middleware;
pub mod openapi;
pub mod release;
pub mod route_table;
pub mod routes;
pub mod seat_maps;
pub mod server;
pub mod state;
pub mod telemetry;
pub mod wire;
