//! chinwag-bench: thousands of synthetic clients for a chat server.

use std::process::ExitCode;

fn main() -> ExitCode {
    chinwag_bench::main()
}
