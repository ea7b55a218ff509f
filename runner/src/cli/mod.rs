//! The command line: a thin edge. One file a subcommand; [`main`] parses, dispatches and turns the end into an
//! exit code. Only this module prints.

mod again;
mod audit;
mod compare;
mod completions;
mod ledger;
mod listen;
mod new;
mod options;
mod plan;
mod plugins;
mod report;
mod run;
mod schema;
mod status;
mod terminal;
mod validate;
mod verify;
mod workflow;

use clap::Parser;

use crate::exit_code::ExitCode;
use options::{Cli, Subcommand};

/// What `main` calls.
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    tracing_on_request();
    if matches!(cli.command, Subcommand::Run(_) | Subcommand::Resume(_) | Subcommand::Rerun(_)) {
        // Where that fails, it is tried again, and told, when the first program is started.
        let _ = crate::process::prepare();
    }
    let code = match &cli.command {
        Subcommand::Run(options) => run::run(&cli.global, options),
        Subcommand::Plan(options) => plan::run(&cli.global, options),
        Subcommand::Resume(options) => again::resume(&cli.global, options),
        Subcommand::Rerun(options) => again::rerun(&cli.global, options),
        Subcommand::Compare(options) => compare::run(&cli.global, options),
        Subcommand::New(options) => new::run(&cli.global, options),
        Subcommand::Validate(options) => validate::run(&cli.global, options),
        Subcommand::Status(options) => status::run(&cli.global, options),
        Subcommand::Report(options) => report::run(&cli.global, options),
        Subcommand::Verify(options) => verify::run(&cli.global, options),
        Subcommand::Audit(options) => audit::run(&cli.global, options),
        Subcommand::Ledger(options) => ledger::run(&cli.global, options),
        Subcommand::Plugins(options) => plugins::run(&cli.global, options),
        Subcommand::Schema => schema::run(&cli.global),
        Subcommand::Completions(options) => completions::run(options),
        // The host's own exit code means something to the runner alone.
        Subcommand::PluginHost => return runner_plugin_host::serve().into(),
    };
    match terminal::unprinted() {
        Some(error) => {
            terminal::err(&format!("error: standard output did not take all of the result: {error}"));
            if code == ExitCode::Complete { ExitCode::Unprinted } else { code }
        }
        None => code,
    }
    .into()
}

/// clap's own text; `--help` and `--version` are no mistakes.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // Nothing is left to do when even that cannot be printed.
        let _ = error.print();
        return ExitCode::Invalid;
    }
    match error.print() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            terminal::err(&format!("error: standard output did not take all of the result: {error}"));
            ExitCode::Unprinted
        }
        _ => ExitCode::Complete,
    }
}

/// `RUNNER_LOG=debug` shows what the runner does, for its own developers.
fn tracing_on_request() {
    let level = std::env::var("RUNNER_LOG").ok().and_then(|level| level.parse::<tracing::Level>().ok());
    if let Some(level) = level {
        tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    }
}
