//! The program `holdfast`.

mod backup;
#[cfg(feature = "chaos")]
mod chaos;
mod chart;
mod command_line;
mod dotenv;
mod greeting;
mod healthcheck;
mod ports;
mod seed;
mod serve;
mod terminal;
mod verify;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes many small allocations, on several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    holdfast_http::allocator::use_small_pages();
    command_line::run()
}
