//! `runner run`, and how every command that runs steps ends.

use crate::cli::listen;
use crate::cli::options::{Global, RunOptions};
use crate::cli::{terminal, workflow};
use crate::diagnostic::{Diagnostics, Severity};
use crate::evidence::RunStatus;
use crate::exit_code::ExitCode;
use crate::plan::{self, Request};
use crate::preflight::{self, Prepared, Tools};
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
    let set = &options.plan.set;
    let asked = Request { root: &root, catalog: &catalog, set, stamp: None, pins: &[] };
    // Every mistake shows before anything is made on the disk.
    let (plan, noted) = if options.no_preflight {
        match plan::build(&checked, &asked) {
            Ok(plan) => {
                (plan, vec!["what the workflow names was not looked for (--no-preflight)".to_owned()])
            }
            Err(mistakes) => return workflow::refuse(global, &mistakes),
        }
    } else {
        match preflight::prepare(&checked, &asked, Tools::Left) {
            Ok(prepared) => {
                warn(global, &prepared);
                let noted = prepared.surprises();
                (prepared.plan, noted)
            }
            Err(mistakes) => return workflow::refuse(global, &mistakes),
        }
    };
    let events = listen::listener(global, terminal::moves());
    let request = RunRequest {
        workflow: &checked,
        plan,
        noted,
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

/// What is known before the run and does not prevent it; notes are for `validate` and `plan`.
fn warn(global: &Global, prepared: &Prepared) {
    let all = prepared.warnings.list().iter();
    let list = all.filter(|found| found.severity == Severity::Warning).cloned().collect();
    let warnings = Diagnostics::new(prepared.warnings.source().clone(), list);
    if global.json {
        for mut warning in workflow::list(&warnings) {
            warning["event"] = "warning".into();
            terminal::out(&warning.to_string());
        }
    } else {
        workflow::warn(&warnings);
    }
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
