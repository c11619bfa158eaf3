//! The program `wirelab`: see the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    wirelab::cli::run().into()
}
