//! [`Recorded`]: what a bundle keeps of the run that made it, so that the run can go on or be made again when
//! its workflow file has changed or gone: `workflow.yaml` (the text, byte for byte) and `plan.json`.
//!
//! Called by `resume` and `rerun`. Must never fall back to the project's own copy of the workflow: that may
//! say something else by now.

use std::path::{Component, Path, PathBuf};

use crate::catalog::Catalog;
use crate::diagnostic::{Source, shown};
use crate::evidence::EvidenceRecord;
use crate::fs::digest_bytes;
use crate::plan::{Plan, Request};
use crate::preflight::{self, Tools};
use crate::run::RunError;
use crate::spec::{self, Workflow};

/// The name under which a bundle keeps the text of its workflow.
pub(super) const WORKFLOW: &str = "workflow.yaml";

/// What a bundle keeps of its run.
pub(super) struct Recorded {
    /// The bundle, absolute.
    pub path: PathBuf,
    /// The bundle, as people name it.
    pub shown: String,
    /// The project root.
    pub root: PathBuf,
    /// `plan.json`.
    pub plan: Plan,
    /// The workflow that `workflow.yaml` holds.
    pub workflow: Workflow,
    /// `--set` as it was given, in YAML (JSON is YAML).
    pub set: Vec<(String, String)>,
}

impl Recorded {
    /// Reads a bundle. `directory` is the project root, when it was named.
    pub fn read(bundle: &Path, directory: Option<&Path>) -> Result<Self, RunError> {
        let shown = shown(bundle);
        let refuse = |message: String| RunError::Refused(message);
        let path =
            bundle.canonicalize().map_err(|error| refuse(format!("`{shown}` is not a bundle: {error}")))?;
        let plan = EvidenceRecord::plan_of(&path).map_err(|error| {
            let text = path.join(WORKFLOW).is_file();
            let way = if text {
                format!("`runner run {shown}/{WORKFLOW}` begins anew")
            } else {
                "run its workflow anew".to_owned()
            };
            refuse(format!("`{shown}` does not say what was planned: {error}; {way}"))
        })?;
        let again = format!("run the workflow itself: `runner run {}`", plan.workflow.path);
        let named = bundle.join(WORKFLOW);
        let bytes = std::fs::read(&named).map_err(|error| {
            let file = crate::diagnostic::shown(&named);
            refuse(format!("the bundle does not hold its workflow: cannot read `{file}`: {error}; {again}"))
        })?;
        let sha256 = digest_bytes(&bytes);
        let changed = || {
            let file = crate::diagnostic::shown(&named);
            let was = &plan.workflow.sha256;
            refuse(format!(
                "`{file}` is not the text that the run began with: it has sha256 {sha256}, `plan.json` says {was}; {again}"
            ))
        };
        if sha256 != plan.workflow.sha256 {
            return Err(changed());
        }
        let text = String::from_utf8(bytes).map_err(|_| changed())?;
        let source = Source { path: named.clone(), text };
        let workflow = spec::read(source).map_err(|refused| RunError::Invalid(refused.mistakes))?;
        let root = match directory {
            Some(directory) => directory
                .canonicalize()
                .map_err(|error| refuse(format!("`{}`: {error}", directory.display())))?,
            None => root_of(bundle, &path, &plan.bundle).ok_or_else(|| {
                refuse(format!(
                    "`{shown}` is not where it was made (`{}` below its project root): name the root with `-C DIR`",
                    plan.bundle
                ))
            })?,
        };
        let set = plan.overrides.iter().map(|(name, both)| (name.clone(), both.set.to_string())).collect();
        Ok(Self { path, shown, root, plan, workflow, set })
    }

    /// The plan as it is now: the recorded text, variables and inputs, with the plugins that are found today.
    pub fn plan_now(&self, catalog: &Catalog, stamp: bool) -> Result<Plan, RunError> {
        let request = Request {
            root: &self.root,
            catalog,
            set: &self.set,
            stamp: self.plan.stamp.clone().filter(|_| stamp),
            pins: &self.plan.inputs,
        };
        let mut plan =
            preflight::prepare(&self.workflow, &request, Tools::Left).map_err(RunError::Invalid)?.plan;
        // The workflow is the one of then, wherever its text was read from.
        plan.workflow.path.clone_from(&self.plan.workflow.path);
        Ok(plan)
    }
}

/// The directory below which the bundle lies under the name that its plan gives.
fn root_of(named: &Path, canonical: &Path, bundle: &str) -> Option<PathBuf> {
    let parts = Path::new(bundle).components().filter(|part| matches!(part, Component::Normal(_))).count();
    let absolute = std::path::absolute(named).ok();
    let places = [Some(canonical.to_owned()), absolute];
    let root = places.into_iter().flatten().find(|path| path.ends_with(bundle))?;
    root.ancestors().nth(parts)?.canonicalize().ok()
}
