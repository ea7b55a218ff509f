//! `runner report BUNDLE`: the summary again, from what is on disk. A sealed bundle is never written to.

use crate::cli::options::{Global, ReportOptions};
use crate::cli::{terminal, workflow};
use crate::evidence::EvidenceRecord;
use crate::exit_code::ExitCode;
use crate::report;

/// Prints the summary of a bundle.
pub fn run(global: &Global, options: &ReportOptions) -> ExitCode {
    let path = match workflow::bundle(global, &options.bundle) {
        Ok(path) => path,
        Err(code) => return code,
    };
    match EvidenceRecord::load(&path) {
        Ok(record) if global.json => {
            let value =
                serde_json::json!({ "plan": record.plan, "state": record.state, "files": record.files });
            terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
            ExitCode::Complete
        }
        Ok(record) => {
            terminal::out(report::summary(&record).trim_end_matches('\n'));
            ExitCode::Complete
        }
        Err(error) => workflow::complain(global, &format!("`{}` is not a bundle: {error}", path.display())),
    }
}
