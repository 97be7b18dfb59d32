//! The engine from outside, over a store that fails on demand.

mod commands;
mod faults;
mod lifecycle;
mod publications;
mod universe;
