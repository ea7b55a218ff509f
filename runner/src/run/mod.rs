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
mod surprises;

use std::fmt;
use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::diagnostic::Diagnostics;
use crate::event::Events;
use crate::evidence::{Bundle, EvidenceError, RunStatus, Secrets};
use crate::plan::{self, Request};
use crate::process::Cancel;
use crate::spec::Workflow;

/// What is to be run, and where.
#[derive(Debug)]
pub struct RunRequest<'a> {
    /// The workflow.
    pub workflow: &'a Workflow,
    /// The project root.
    pub root: PathBuf,
    /// Where plugins are.
    pub catalog: &'a Catalog,
    /// `--set NAME=VALUE`.
    pub set: &'a [(String, String)],
    /// Who listens.
    pub events: Events,
    /// Whether the user wants to stop.
    pub cancel: Cancel,
    /// Whether writes outside of the allowed places are only told, not prevented.
    pub detect_only: bool,
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
    /// Evidence could not be written, so what happened cannot be shown.
    Evidence(EvidenceError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(diagnostics) => write!(f, "{} mistakes in the workflow", diagnostics.list().len()),
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
    let mut asked = Request { root: &request.root, catalog: request.catalog, set: request.set, stamp: None };
    // Every mistake shows before anything is made on the disk.
    plan::build(request.workflow, &asked).map_err(RunError::Invalid)?;
    let bundle = Bundle::reserve(&request.root.join(&request.workflow.root.value))?;
    asked.stamp = Some(bundle.stamp().clone());
    let plan = plan::build(request.workflow, &asked).map_err(RunError::Invalid)?;
    let secrets = Secrets::of_environment();
    secrets.learn_plan(&plan);
    let events = secrets.events(request.events);
    let bundle = bundle.hiding(secrets);
    engine::Engine::begin(plan, &bundle, events, request.cancel, request.detect_only)?.run()
}
