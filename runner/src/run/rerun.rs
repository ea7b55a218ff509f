//! [`rerun`]: the recorded plan of a bundle again, into a new bundle beside it, and a comparison of both.
//!
//! The workflow's text, the variables and the inputs are those of then; plugins, runner and commit are those
//! of today, and each that differs is a surprise of the new run.

use crate::catalog::Catalog;
use crate::evidence::{Bundle, EvidenceError, EvidenceRecord};
use crate::plan::differences;
use crate::report::Comparison;
use crate::run::engine::Engine;
use crate::run::recorded::Recorded;
use crate::run::{AgainRequest, Beginning, RunEnd, RunError, begin};

/// Runs the plan of a bundle again.
pub fn rerun(request: AgainRequest<'_>) -> Result<RunEnd, RunError> {
    let recorded = Recorded::read(&request.bundle, request.root.as_deref())?;
    let catalog: &Catalog = request.catalog;
    // Every mistake shows before anything is made on the disk.
    let now = recorded.plan_now(catalog, false)?;
    let stamp = recorded.plan.stamp.clone();
    let of = stamp.as_ref().map_or("the original", crate::clock::Stamp::as_str);
    let found = differences(&recorded.plan, &now);
    let noted =
        found.iter().map(|one| format!("differs from {of}, which it repeats: {}", one.text)).collect();
    let beginning = Beginning {
        noted,
        note: request.note,
        rerun_of: stamp,
        original: Some(recorded.path.clone()),
        path: Some(recorded.plan.workflow.path.clone()),
        detect_only: request.detect_only,
    };
    let asked = crate::plan::Request {
        root: &recorded.root,
        catalog,
        set: &recorded.set,
        stamp: None,
        pins: &recorded.plan.inputs,
    };
    begin(&recorded.workflow, asked, beginning, request.events, request.cancel)
}

/// Compares a run that is about to be sealed with the one that it repeats: `comparison.json`. An original
/// that cannot be read is a surprise, and no reason to fail.
pub(super) fn compare(engine: &mut Engine, bundle: &Bundle) -> Result<(), EvidenceError> {
    let Some(original) = &engine.original else { return Ok(()) };
    let compared = EvidenceRecord::load(original)
        .and_then(|before| Ok(Comparison::of(&before, &EvidenceRecord::load(bundle.path())?)));
    match compared {
        Ok(comparison) => bundle.write_json("comparison.json", &comparison),
        Err(error) => {
            engine.state.surprises.push(format!("not compared with the run that it repeats: {error}"));
            engine.save()
        }
    }
}
