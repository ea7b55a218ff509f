//! A bare plugin host process, for the tests that let a plugin crash.
//!
//! The runner's hidden subcommand `plugin-host` does the same. An argument is the grace in milliseconds that
//! a plugin gets after the runner is gone, so that a test need not wait for the real one.

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let grace = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    ExitCode::from(match grace.map(Duration::from_millis) {
        Some(grace) => runner_plugin_host::serve_with_grace(grace),
        None => runner_plugin_host::serve(),
    })
}
