//! What every request passes before and after its handler.

pub mod admit;
pub mod observe;
