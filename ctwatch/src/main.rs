//! The `ctwatch` program: arguments in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ctwatch::cli::main()
}
