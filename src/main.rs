//! The command `xincha`. See the library's documentation for the map of the house.

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    xincha::app::run(xincha::app::Cli::parse())
}
