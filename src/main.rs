//! The `greenroom` command.

use std::process::ExitCode;

/// Memory is taken on one thread and given back on another all the time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    greenroom::app::main()
}
