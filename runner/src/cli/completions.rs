//! `runner completions SHELL`.

use clap::{Command, CommandFactory};

use crate::cli::options::{Cli, CompletionsOptions};
use crate::cli::terminal;
use crate::exit_code::ExitCode;

/// Prints the completion script of a shell.
pub fn run(options: &CompletionsOptions) -> ExitCode {
    let whole = Cli::command();
    // clap_complete offers hidden subcommands too, and clap cannot take one away.
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let arguments = whole.get_arguments().cloned();
    let mut command =
        Command::new("runner").version(env!("CARGO_PKG_VERSION")).args(arguments).subcommands(shown);
    // Into memory first: clap_complete panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "runner", &mut script);
    terminal::out(String::from_utf8_lossy(&script).trim_end());
    ExitCode::Complete
}
