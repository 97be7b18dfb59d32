//! The Holdfast server: REST over the engine. See `server` for how it is put together, and `routes` for the
//! calls.

pub mod access_log;
pub mod allocator;
pub mod auth;
#[cfg(feature = "chaos")]
pub mod chaos;
pub mod cluster;
pub mod config;
pub mod extract;
pub mod gate;
pub mod healthcheck;
pub mod limit;
pub mod metric;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod request_id;
pub mod route_table;
pub mod routes;
pub mod seat_maps;
pub mod seed;
pub mod server;
pub mod telemetry;
pub mod time;
