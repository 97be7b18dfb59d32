//! Chaos runs: three real nodes with a real Postgres and Redis, links that break on demand, clients that keep
//! asking, and a checker that compares what they were told with what the store holds.

pub mod balancer;
pub mod client;
pub mod cluster;
pub mod fault;
pub mod load;
pub mod proof;
pub mod proxy;
pub mod records;
pub mod run;
