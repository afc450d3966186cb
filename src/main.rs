//! The `greenroom` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    greenroom::app::main()
}
