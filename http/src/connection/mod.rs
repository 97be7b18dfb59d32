//! What is known of each connection: what it is at, and until when. The framework has a deadline for the
//! head of a connection's first request only, and none for an answer.

pub mod addresses;
pub mod answer;
pub mod memory;
pub mod state;
pub mod stream;
