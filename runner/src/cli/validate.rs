//! `runner validate`.

use crate::cli::options::{Global, ValidateOptions};
use crate::cli::{terminal, workflow};
use crate::exit_code::ExitCode;
use crate::plan::{self, Request};

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
    let plan = plan::build(&checked, &request).map_err(|mistakes| workflow::refuse(global, &mistakes))?;
    if global.json {
        terminal::out(
            &serde_json::json!({ "event": "valid", "file": path, "steps": plan.steps.len() }).to_string(),
        );
    } else if !global.quiet {
        let count = plan.steps.len();
        let noun = if count == 1 { "step" } else { "steps" };
        terminal::out(&format!("{}: valid, {count} {noun}", path.display()));
    }
    Ok(())
}
