//! Charts of venues: what stands in a request or a file about the seats of a house, read into the engine's layouts.
//!
//! - [`spec`] is a venue's JSON, and [`compile`](fn@compile) its layout; [`range_text`] the text in it that stands for
//!   many labels.
//! - [`pretix`] and [`csv`] read the files of others.
//! - Whatever is wrong is a [`Fault`] with its place.
//!
//! Pure: no clock, no I/O, no randomness.

mod compile;
pub mod csv;
mod fault;
mod file;
mod labels;
mod marks;
pub mod pretix;
mod pricing;
pub mod range_text;
mod select;
pub mod spec;

pub use compile::{Compiled, append, compile};
pub use fault::Fault;
pub use file::{ChartFile, Format, read};
pub use labels::Labels;
pub use pricing::{more_prices, prices};
pub use select::seats_of;
