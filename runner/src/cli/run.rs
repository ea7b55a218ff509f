//! `runner run`.

use crate::cli::listen;
use crate::cli::options::{Global, RunOptions};
use crate::cli::{terminal, workflow};
use crate::evidence::RunStatus;
use crate::exit_code::ExitCode;
use crate::process::Cancel;
use crate::run::{RunError, RunRequest, run as run_workflow};

/// Runs a workflow.
pub fn run(global: &Global, options: &RunOptions) -> ExitCode {
    let (checked, root) = match workflow::read(global, &options.plan.workflow, &options.plan.set) {
        Ok(read) => read,
        Err(code) => return code,
    };
    let cancel = match Cancel::on_signals() {
        Ok(cancel) => cancel,
        Err(error) => return workflow::complain(global, &format!("signals cannot be handled: {error}")),
    };
    let catalog = workflow::catalog(global);
    let events = listen::listener(global, terminal::moves());
    let request = RunRequest {
        workflow: &checked,
        root,
        catalog: &catalog,
        set: &options.plan.set,
        events,
        cancel,
        detect_only: options.detect_only,
    };
    match run_workflow(request) {
        Ok(end) => match end.status {
            RunStatus::Complete => ExitCode::Complete,
            RunStatus::Blocked => ExitCode::Blocked,
            RunStatus::Interrupted => ExitCode::Interrupted,
            RunStatus::Broken | RunStatus::Running => ExitCode::RuleBroken,
        },
        Err(RunError::Invalid(mistakes)) => workflow::refuse(global, &mistakes),
        Err(error @ RunError::Evidence(_)) => {
            workflow::complain(global, &error.to_string());
            ExitCode::RuleBroken
        }
    }
}
