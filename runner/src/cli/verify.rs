//! `runner verify BUNDLE`.

use serde_json::json;

use crate::cli::options::{Global, ReportOptions};
use crate::cli::{terminal, workflow};
use crate::exit_code::ExitCode;
use crate::verify::verify;

/// Checks whether a bundle still is what was sealed.
pub fn run(global: &Global, options: &ReportOptions) -> ExitCode {
    let path = match workflow::bundle(global, &options.bundle) {
        Ok(path) => path,
        Err(code) => return code,
    };
    let findings = match verify(&path) {
        Ok(findings) => findings,
        Err(error) => return workflow::complain(global, &error.to_string()),
    };
    if global.json {
        let value = json!({ "bundle": path, "holds": findings.is_empty(), "findings": findings });
        terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    } else if findings.is_empty() {
        if !global.quiet {
            terminal::out(&format!(
                "{}: every file is as it was sealed, and the reports follow",
                path.display()
            ));
        }
    } else {
        for finding in &findings {
            terminal::out(&finding.to_string());
        }
        let plural = if findings.len() == 1 { "" } else { "s" };
        terminal::out(&format!("{}: {} finding{plural}", path.display(), findings.len()));
    }
    if findings.is_empty() { ExitCode::Complete } else { ExitCode::RuleBroken }
}
