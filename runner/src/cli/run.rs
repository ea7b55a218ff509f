//! `runner run`, and how every command that runs steps ends.

use crate::cli::listen;
use crate::cli::options::{Global, RunOptions};
use crate::cli::{terminal, workflow};
use crate::evidence::RunStatus;
use crate::exit_code::ExitCode;
use crate::process::Cancel;
use crate::run::{RunEnd, RunError, RunRequest, run as run_workflow};

/// Runs a workflow.
pub fn run(global: &Global, options: &RunOptions) -> ExitCode {
    let (checked, root) = match workflow::read(global, &options.plan.workflow, &options.plan.set) {
        Ok(read) => read,
        Err(code) => return code,
    };
    let cancel = match cancel(global) {
        Ok(cancel) => cancel,
        Err(code) => return code,
    };
    let catalog = workflow::catalog(global);
    let events = listen::listener(global, terminal::moves());
    let request = RunRequest {
        workflow: &checked,
        root,
        catalog: &catalog,
        set: &options.plan.set,
        force: options.force,
        events,
        cancel,
        detect_only: options.guard.detect_only,
    };
    conclude(global, run_workflow(request))
}

/// What signals set.
pub fn cancel(global: &Global) -> Result<Cancel, ExitCode> {
    Cancel::on_signals()
        .map_err(|error| workflow::complain(global, &format!("signals cannot be handled: {error}")))
}

/// The exit code of a run; what was not run is told.
pub fn conclude(global: &Global, ended: Result<RunEnd, RunError>) -> ExitCode {
    match ended {
        Ok(end) => match end.status {
            RunStatus::Complete => ExitCode::Complete,
            RunStatus::Blocked => ExitCode::Blocked,
            RunStatus::Interrupted => ExitCode::Interrupted,
            RunStatus::Broken | RunStatus::Running => ExitCode::RuleBroken,
        },
        Err(RunError::Invalid(mistakes)) => workflow::refuse(global, &mistakes),
        Err(RunError::Refused(message)) => workflow::complain(global, &message),
        Err(RunError::Repeats(message)) => {
            workflow::complain(global, &message);
            ExitCode::Blocked
        }
        Err(error @ RunError::Evidence(_)) => {
            workflow::complain(global, &error.to_string());
            ExitCode::RuleBroken
        }
    }
}
