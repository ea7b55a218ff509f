//! [`PlanStep`] and [`PlanAttempt`]: a step with its texts resolved.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::catalog::{Manifest, Role};
use crate::diagnostic::{Diagnostic, Span};
use crate::fs::Digest;
use crate::plan::Scope;
use crate::plan::limits::memory_bytes;
use crate::spec::expression::{ExpressionError, Template};
use crate::spec::tree::TemplateTree;
use crate::spec::units::{self, UnitError};
use crate::spec::{Action, Command, Fault, Step};

/// A step of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanStep {
    /// Its id.
    pub id: String,
    /// Whether it runs although an earlier step failed.
    pub always: bool,
    /// How often a failed attempt is repeated as it was.
    pub retry: u32,
    /// Conditions on the metrics.
    pub gates: Vec<String>,
    /// The plugin, when it uses one.
    pub plugin: Option<PlanPlugin>,
    /// The profiler beside it.
    pub profiler: Option<PlanPlugin>,
    /// What is asked.
    pub asked: PlanAttempt,
    /// The declared smaller attempt.
    pub fallback: Option<PlanFallback>,
}

impl PlanStep {
    /// Whether it writes the ledger.
    pub fn is_ledger(&self) -> bool {
        self.plugin.as_ref().is_some_and(|plugin| plugin.manifest.role == Role::Ledger)
    }
}

/// A plugin that was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanPlugin {
    /// Its file.
    pub path: std::path::PathBuf,
    /// The digest of its file.
    pub sha256: Digest,
    /// What it says of itself.
    #[serde(flatten)]
    pub manifest: Manifest,
}

/// The declared smaller attempt, resolved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanFallback {
    /// After which faults.
    pub when: Vec<Fault>,
    /// What it would run.
    pub attempt: PlanAttempt,
}

/// What one attempt runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanAttempt {
    /// The variables that the step's fallback changes, with their asked values.
    pub requested: Map<String, Value>,
    /// The same variables with the values of this attempt.
    pub actual: Map<String, Value>,
    /// What it does.
    pub action: PlanAction,
    /// The profiler's configuration.
    pub profile: Option<Value>,
    /// Variables added to the environment.
    pub env: Map<String, Value>,
    /// Working directory relative to the project root.
    pub cwd: String,
    /// Where standard output goes, relative to the bundle.
    pub log: Option<String>,
    /// Limits.
    pub limits: ResolvedLimits,
    /// Where else it may write.
    pub writes: Vec<String>,
    /// Untracked or ignored files of the project that it is meant to read, as patterns.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Outputs moved into the bundle: from, to.
    pub collect: Vec<(String, String)>,
    /// The file with the metrics of a command or a capture.
    pub metrics_file: Option<String>,
}

/// What an attempt does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanAction {
    /// Runs a program.
    Run {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Whether the workflow wrote one line for `sh -c`.
        shell: bool,
    },
    /// Uses the plugin with this configuration.
    Use {
        /// The plugin's `with:`.
        with: Value,
    },
}

/// Limits as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResolvedLimits {
    /// Wall time in seconds.
    pub time_s: Option<f64>,
    /// Resident memory of the process tree in bytes.
    pub memory_bytes: Option<u64>,
    /// What is kept of each output stream, in bytes; the runner's own limit when absent.
    #[serde(default)]
    pub output_bytes: Option<u64>,
}

impl ResolvedLimits {
    /// Wall time.
    pub fn time(&self) -> Option<Duration> {
        self.time_s.map(Duration::from_secs_f64)
    }
}

/// Resolves one attempt of a step. `overlay` are the variables that a fallback changes. The error holds the
/// mistakes of all limits, or the first one of the rest.
pub fn resolve_attempt(
    step: &Step,
    scope: &Scope,
    overlay: &Map<String, Value>,
    asked_vars: &Map<String, Value>,
) -> Result<PlanAttempt, Vec<Diagnostic>> {
    let text = |template: &Template| scope.render(template).map_err(|error| vec![at(&error, template.span)]);
    let optional = |template: &Option<Template>| template.as_ref().map(text).transpose();
    let tree = |tree: &TemplateTree| {
        if tree.templates().iter().any(|template| scope.defers(template)) {
            return Ok(json!({ "(open until the run)": true }));
        }
        tree.resolve(scope.names()).map_err(|(error, span)| vec![at(&error, span)])
    };
    let action = match &step.action {
        Action::Run(Command::Argv(argv)) => {
            PlanAction::Run { argv: argv.iter().map(text).collect::<Result<_, _>>()?, shell: false }
        }
        Action::Run(Command::Shell(line)) => {
            PlanAction::Run { argv: vec!["sh".to_owned(), "-c".to_owned(), text(line)?], shell: true }
        }
        Action::Use(plugin) => PlanAction::Use { with: tree(&plugin.with)? },
    };
    // What a fallback would change is recorded for every attempt, so that no figure stands without it.
    let changed = step.fallback.iter().flat_map(|fallback| &fallback.vars).map(|var| &var.name);
    let requested: Map<String, Value> =
        changed.map(|name| (name.clone(), asked_vars.get(name).cloned().unwrap_or_default())).collect();
    let mut actual = requested.clone();
    actual.extend(overlay.clone());
    let env = step.env.iter().map(|(name, template)| Ok((name.clone(), Value::String(text(template)?))));
    let collect = step.collect.iter().map(|collect| Ok((text(&collect.from)?, text(&collect.to)?)));
    Ok(PlanAttempt {
        requested,
        actual,
        action,
        profile: step.profile.as_ref().map(|profile| tree(&profile.with)).transpose()?,
        env: env.collect::<Result<_, Vec<Diagnostic>>>()?,
        cwd: optional(&step.cwd)?.unwrap_or_else(|| ".".to_owned()),
        log: optional(&step.log)?,
        limits: limits(step, scope)?,
        writes: step.writes.iter().map(text).collect::<Result<_, _>>()?,
        reads: step.reads.iter().map(text).collect::<Result<_, _>>()?,
        collect: collect.collect::<Result<_, Vec<Diagnostic>>>()?,
        metrics_file: step.metrics.as_ref().map(|metrics| text(&metrics.file)).transpose()?,
    })
}

fn limits(step: &Step, scope: &Scope) -> Result<ResolvedLimits, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let time = limit(step.limits.time.as_ref(), scope, units::duration, &mut mistakes);
    let memory = |text: &str| units::memory(text).and_then(memory_bytes);
    let memory_bytes = limit(step.limits.memory.as_ref(), scope, memory, &mut mistakes);
    let output_bytes = limit(step.limits.output.as_ref(), scope, units::output, &mut mistakes);
    if mistakes.is_empty() {
        Ok(ResolvedLimits { time_s: time.map(|time| time.as_secs_f64()), memory_bytes, output_bytes })
    } else {
        Err(mistakes)
    }
}

fn limit<T>(
    template: Option<&Template>,
    scope: &Scope,
    read: impl Fn(&str) -> Result<T, UnitError>,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<T> {
    let template = template?;
    let value = match scope.render(template) {
        Ok(text) => {
            read(&text).map_err(|error| Diagnostic::new(template.span, error.message).help(error.help))
        }
        Err(error) => Err(at(&error, template.span)),
    };
    value.map_err(|mistake| mistakes.push(mistake)).ok()
}

fn at(error: &ExpressionError, span: Span) -> Diagnostic {
    Diagnostic::new(span, format!("this expression has no value: {}", error.message))
        .help("`runner plan` shows the variables; `vars:` and `--set` change them")
}
