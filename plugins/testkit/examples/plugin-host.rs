//! A bare plugin host process, for the tests that let a plugin crash.
//!
//! The runner's hidden subcommand `plugin-host` does the same.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(runner_plugin_host::serve())
}
