//! Running a plan. [`run`] makes the bundle, goes through the steps one at a time (nothing may run beside a
//! measurement), lets the ledger record the end, writes the summary and seals.
//!
//! The executor talks to nobody: it emits events and writes evidence. What it decides is in
//! `engine`; how one attempt is carried out in `attempt`.

mod attempt;
mod closing;
mod collect;
mod custody;
mod engine;
mod gates;
mod history;
mod ledger_step;
mod proof;
mod recorded;
pub mod repeats;
mod rerun;
mod resume;
mod surprises;
mod tracked;

use std::fmt;
use std::path::PathBuf;

pub use rerun::rerun;
pub use resume::resume;

use crate::catalog::Catalog;
use crate::clock::Stamp;
use crate::diagnostic::Diagnostics;
use crate::event::Events;
use crate::evidence::{Bundle, EvidenceError, RunStatus, Secrets};
use crate::plan::{self, Plan, Request};
use crate::process::Cancel;
use crate::spec::Workflow;

/// What is to be run, and where.
#[derive(Debug)]
pub struct RunRequest<'a> {
    /// The workflow.
    pub workflow: &'a Workflow,
    /// Its plan, without a stamp.
    pub plan: Plan,
    /// Surprises that are known already.
    pub noted: Vec<String>,
    /// The project root.
    pub root: PathBuf,
    /// Where plugins are.
    pub catalog: &'a Catalog,
    /// `--set NAME=VALUE`.
    pub set: &'a [(String, String)],
    /// Whether a further identical try is made although the last ones all failed alike.
    pub force: bool,
    /// Who listens.
    pub events: Events,
    /// Whether the user wants to stop.
    pub cancel: Cancel,
    /// Whether writes outside of the allowed places are only told, not prevented.
    pub detect_only: bool,
}

/// A bundle whose run is to go on, or to be made again.
#[derive(Debug)]
pub struct AgainRequest<'a> {
    /// The bundle.
    pub bundle: PathBuf,
    /// The project root, when it was named.
    pub root: Option<PathBuf>,
    /// Where plugins are.
    pub catalog: &'a Catalog,
    /// Why, in the user's words.
    pub note: Option<String>,
    /// Who listens.
    pub events: Events,
    /// Whether the user wants to stop.
    pub cancel: Cancel,
    /// Whether writes outside of the allowed places are only told, not prevented.
    pub detect_only: bool,
}

/// What is known of a run before its bundle exists.
#[derive(Debug, Default)]
struct Beginning {
    /// Surprises that are known already.
    noted: Vec<String>,
    /// Why it is made, in the user's words.
    note: Option<String>,
    /// The run that it repeats.
    rerun_of: Option<Stamp>,
    /// Where that one's bundle is.
    original: Option<PathBuf>,
    /// The path of the workflow, when its text was read from somewhere else.
    path: Option<String>,
    /// Whether writes outside of the allowed places are only told, not prevented.
    detect_only: bool,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// The status that stands in `state.json`.
    pub status: RunStatus,
    /// The bundle.
    pub bundle: PathBuf,
}

/// Why there is no proper end.
#[derive(Debug)]
pub enum RunError {
    /// The workflow cannot be run; nothing was.
    Invalid(Diagnostics),
    /// It cannot be gone on with or made again; nothing was run. The text says why, and the way out.
    Refused(String),
    /// The same try failed too often; nothing was run.
    Repeats(String),
    /// Evidence could not be written, so what happened cannot be shown.
    Evidence(EvidenceError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(diagnostics) => write!(f, "{} mistakes in the workflow", diagnostics.list().len()),
            Self::Refused(message) | Self::Repeats(message) => f.write_str(message),
            Self::Evidence(error) => write!(f, "evidence could not be written: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<EvidenceError> for RunError {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(error)
    }
}

/// Runs a workflow.
pub fn run(request: RunRequest<'_>) -> Result<RunEnd, RunError> {
    let asked =
        Request { root: &request.root, catalog: request.catalog, set: request.set, stamp: None, pins: &[] };
    let mut beginning =
        Beginning { noted: request.noted, detect_only: request.detect_only, ..Beginning::default() };
    if let Some(refusal) = repeats::refusal(&request.plan, &request.root.join(&request.workflow.root.value)) {
        if !request.force {
            return Err(RunError::Repeats(format!(
                "{refusal}\nNothing was run, because the workflow says `stop_after_repeats`. Change something and commit it (a change that is not committed is not seen), or say `--force`."
            )));
        }
        beginning.noted.push(format!("forced with --force: {refusal}"));
    }
    begin(request.workflow, asked, beginning, request.events, request.cancel)
}

/// Makes a bundle and runs a plan in it. `asked` has no stamp yet.
fn begin(
    workflow: &Workflow,
    mut asked: Request<'_>,
    beginning: Beginning,
    events: Events,
    cancel: Cancel,
) -> Result<RunEnd, RunError> {
    tracing::debug!("the plan is valid");
    let bundle = Bundle::reserve(&asked.root.join(&workflow.root.value))?;
    asked.stamp = Some(bundle.stamp().clone());
    let mut plan = plan::build(workflow, &asked).map_err(RunError::Invalid)?;
    plan.rerun_of.clone_from(&beginning.rerun_of);
    if let Some(path) = &beginning.path {
        plan.workflow.path.clone_from(path);
    }
    let secrets = Secrets::of_environment();
    secrets.learn_plan(&plan);
    let events = secrets.events(events);
    let bundle = bundle.hiding(secrets);
    // First, so that a run that is killed right now can be made again.
    bundle.write(recorded::WORKFLOW, workflow.source.text.as_bytes())?;
    engine::Engine::begin(plan, &bundle, beginning, events, cancel)?.run()
}
