//! The program `holdfast`.

mod command_line;
mod serve;
mod store;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes many small allocations, on several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    holdfast::allocator::set_up();
    command_line::run()
}
