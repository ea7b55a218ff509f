//! `runner verify BUNDLE`.

use serde_json::json;

use crate::cli::options::{Global, ReportOptions};
use crate::cli::{terminal, workflow};
use crate::diagnostic::counted;
use crate::exit_code::ExitCode;
use crate::verify::{Verified, verify};

/// Checks whether a bundle still is what was sealed.
pub fn run(global: &Global, options: &ReportOptions) -> ExitCode {
    let path = match workflow::bundle(global, &options.bundle) {
        Ok(path) => path,
        Err(code) => return code,
    };
    let Verified { findings, unknown } = match verify(&path) {
        Ok(verified) => verified,
        Err(error) => return workflow::complain(global, &error.to_string()),
    };
    if global.json {
        // What is not known is not said to hold.
        let holds = (unknown.is_empty() || !findings.is_empty()).then_some(findings.is_empty());
        let value = json!({ "bundle": path, "holds": holds, "findings": findings, "unknown": unknown });
        terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    } else {
        for finding in &findings {
            terminal::out(&finding.to_string());
        }
        for unknown in &unknown {
            terminal::out(&unknown.to_string());
        }
        let said = match (findings.len(), unknown.is_empty()) {
            (0, true) => "every file is as it was sealed, and the reports follow".to_owned(),
            (0, false) => "every file is as it was sealed".to_owned(),
            (count, _) => counted(count, "finding"),
        };
        if !global.quiet || !findings.is_empty() {
            terminal::out(&format!("{}: {said}", path.display()));
        }
    }
    if findings.is_empty() { ExitCode::Complete } else { ExitCode::RuleBroken }
}
