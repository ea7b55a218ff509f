//! `runner completions SHELL`.

use clap::CommandFactory;

use crate::cli::options::{Cli, CompletionsOptions};
use crate::exit_code::ExitCode;

/// Prints the completion script of a shell.
pub fn run(options: &CompletionsOptions) -> ExitCode {
    clap_complete::generate(options.shell, &mut Cli::command(), "runner", &mut std::io::stdout());
    ExitCode::Complete
}
