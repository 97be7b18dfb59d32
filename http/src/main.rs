//! The program `holdfast`.

#[cfg(feature = "chaos")]
mod chaos;
mod command_line;
mod serve;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    command_line::run()
}
