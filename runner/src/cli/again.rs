//! `runner resume` and `runner rerun`: what a bundle records goes on, or is run again.

use crate::cli::options::{AgainOptions, Global};
use crate::cli::{listen, run, terminal, workflow};
use crate::exit_code::ExitCode;
use crate::run::{AgainRequest, RunEnd, RunError};

/// Goes on with a run, in its bundle.
pub fn resume(global: &Global, options: &AgainOptions) -> ExitCode {
    again(global, options, crate::run::resume)
}

/// Runs the recorded plan of a bundle again, into a new bundle, and compares.
pub fn rerun(global: &Global, options: &AgainOptions) -> ExitCode {
    again(global, options, crate::run::rerun)
}

fn again(
    global: &Global,
    options: &AgainOptions,
    carry_out: impl FnOnce(AgainRequest<'_>) -> Result<RunEnd, RunError>,
) -> ExitCode {
    let cancel = match run::cancel(global) {
        Ok(cancel) => cancel,
        Err(code) => return code,
    };
    let catalog = workflow::catalog(global);
    let request = AgainRequest {
        bundle: workflow::below(global, &options.bundle),
        root: global.directory.clone(),
        catalog: &catalog,
        note: options.note.clone(),
        events: listen::listener(global, terminal::moves()),
        cancel,
        detect_only: options.guard.detect_only,
    };
    run::conclude(global, carry_out(request))
}
