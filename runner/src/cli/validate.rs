//! `runner validate`.

use crate::cli::options::{Global, ValidateOptions};
use crate::cli::{terminal, workflow};
use crate::diagnostic::{Severity, counted};
use crate::exit_code::ExitCode;
use crate::plan::Request;
use crate::preflight::{self, Prepared, Tools};

/// Checks workflows, all of them; the worst exit code counts.
pub fn run(global: &Global, options: &ValidateOptions) -> ExitCode {
    let mut worst = ExitCode::Complete;
    for path in &options.workflows {
        let code = match one(global, path) {
            Ok(()) => continue,
            Err(code) => code,
        };
        if worst != ExitCode::Invalid {
            worst = code;
        }
    }
    worst
}

fn one(global: &Global, path: &std::path::Path) -> Result<(), ExitCode> {
    let (checked, root) = workflow::read(global, path, &[])?;
    let catalog = workflow::catalog(global);
    let request = Request { root: &root, catalog: &catalog, set: &[], stamp: None, pins: &[] };
    let Prepared { plan, warnings } = preflight::prepare(&checked, &request, Tools::Asked)
        .map_err(|mistakes| workflow::refuse(global, &mistakes))?;
    if global.json {
        let list = workflow::list(&warnings);
        terminal::out(
            &serde_json::json!({ "event": "valid", "file": path, "steps": plan.steps.len(), "warnings": list })
                .to_string(),
        );
        return Ok(());
    }
    workflow::warn(&warnings);
    if !global.quiet {
        let mut text = counted(plan.steps.len(), "step");
        for severity in [Severity::Warning, Severity::Note] {
            let count = warnings.count(severity);
            if count > 0 {
                text = format!("{text}, {}", counted(count, severity.word()));
            }
        }
        terminal::out(&format!("{}: valid, {text}", path.display()));
    }
    Ok(())
}
