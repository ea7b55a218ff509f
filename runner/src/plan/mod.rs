//! The fourth pass: [`Plan`], a workflow with everything resolved: variables, stamp, inputs, plugins, limits,
//! and what the fallback would run. It can be printed, and it is what a bundle keeps as `plan.json`.
//!
//! Only what an earlier step's metrics decide is left open; such texts keep their `${{ }}` and are resolved
//! right before their step ([`Plan::attempt_in`]). Nothing is run here.

mod builder;
mod difference;
mod inputs;
mod limits;
mod places;
mod private;
mod scope;
mod step;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use builder::{Request, Resolved, build, resolve};
pub use difference::{Difference, DifferenceKind, differences};
pub use inputs::{InputError, digest_bundle};
pub use places::{place, places, resolved};
pub use private::{PRIVATE_KEYS, PRIVATE_WORDS, is_private};
pub use scope::Scope;
pub use step::{
    PlanAction, PlanAttempt, PlanFallback, PlanPlugin, PlanStep, ResolvedLimits, resolve_attempt,
};

use crate::clock::Stamp;
use crate::fs::Digest;
use crate::spec::Step;

/// A workflow with everything resolved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The format of this file.
    pub version: u32,
    /// The runner that made it.
    pub runner_version: String,
    /// The workflow.
    pub workflow: PlanWorkflow,
    /// The bundle's name; `None` in a dry run.
    pub stamp: Option<Stamp>,
    /// The bundle's path relative to the project root.
    pub bundle: String,
    /// The commit of HEAD when the plan was made.
    pub git_head: Option<String>,
    /// The variables, after `--set`.
    pub vars: Map<String, Value>,
    /// The variables that `--set` gave another value than the workflow: name to both values.
    pub overrides: BTreeMap<String, Override>,
    /// Earlier bundles that are read.
    pub inputs: Vec<PlanInput>,
    /// What must be in the bundle before it is sealed.
    pub requires: Vec<String>,
    /// After how many identical failures no further identical try is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_after_repeats: Option<u32>,
    /// The bundle whose plan is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<Stamp>,
    /// The steps, in order.
    pub steps: Vec<PlanStep>,
    /// The project root. Not part of the evidence: a bundle is read elsewhere too.
    #[serde(skip)]
    pub root: PathBuf,
    /// The checked steps, for what is resolved later.
    #[serde(skip)]
    pub sources: Vec<Step>,
}

/// A variable that was set on the command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// What the workflow says.
    pub workflow: Value,
    /// What was set.
    pub set: Value,
}

/// Which workflow it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanWorkflow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The ledger item or topic it serves.
    pub focus: Option<String>,
    /// A free word.
    pub mode: Option<String>,
    /// Its path relative to the project root (or as it was named, when outside).
    pub path: String,
    /// The digest of its text.
    pub sha256: Digest,
}

/// An earlier bundle that is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanInput {
    /// The name under which expressions find it.
    pub name: String,
    /// Its path relative to the project root.
    pub path: String,
    /// Its stamp.
    pub stamp: Stamp,
    /// The digest over all its files, before the run.
    pub sha256: Digest,
}

impl Plan {
    /// The bundle's directory.
    pub fn bundle_path(&self) -> PathBuf {
        self.root.join(&self.bundle)
    }

    /// Resolves an attempt of a step right before it runs: `overlay` are the variables a fallback changes,
    /// `metrics` what earlier steps delivered, by step, and `bundle` the directory for its files as
    /// expressions see it.
    pub fn attempt_in(
        &self,
        index: usize,
        overlay: &Map<String, Value>,
        metrics: &Map<String, Value>,
        bundle: &str,
    ) -> Result<PlanAttempt, String> {
        let mut vars = self.vars.clone();
        vars.extend(overlay.clone());
        let scope = Scope::new(&vars, self.stamp.as_ref(), bundle, &self.inputs, self.git_head.as_deref())
            .with_steps(metrics);
        resolve_attempt(&self.sources[index], &scope, overlay, &self.vars).map_err(|mistakes| {
            mistakes.into_iter().map(|mistake| mistake.message).collect::<Vec<_>>().join("; ")
        })
    }
}
