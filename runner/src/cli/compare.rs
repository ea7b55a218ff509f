//! `runner compare A B`: two bundles side by side.

use std::path::Path;

use crate::cli::options::{CompareOptions, Global};
use crate::cli::{terminal, workflow};
use crate::evidence::{EvidenceRecord, ascii};
use crate::exit_code::ExitCode;
use crate::report::Comparison;

/// Prints a comparison; that two bundles differ is no failure.
pub fn run(global: &Global, options: &CompareOptions) -> ExitCode {
    let read = |bundle: &Path| {
        let path = workflow::below(global, bundle);
        EvidenceRecord::load(&path)
            .map_err(|error| format!("`{}` cannot be compared: {error}", path.display()))
    };
    let both = read(&options.before).and_then(|before| Ok((before, read(&options.after)?)));
    let (before, after) = match both {
        Ok(both) => both,
        Err(message) => return workflow::complain(global, &message),
    };
    let comparison = Comparison::of(&before, &after);
    if global.json {
        terminal::out(&serde_json::to_string_pretty(&comparison).unwrap_or_default());
    } else {
        terminal::out(ascii(&comparison.render()).trim_end());
    }
    ExitCode::Complete
}
