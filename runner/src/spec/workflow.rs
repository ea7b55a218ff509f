//! [`Workflow`]: the third pass. What it says makes sense on its own; only
//! [`check`](crate::spec::check::check) builds one. Plugins, inputs and the stamp are still unresolved.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::clock::Stamp;
use crate::diagnostic::{Source, Span};
use crate::spec::expression::{Expression, Template};
use crate::spec::pattern::Pattern;
use crate::spec::reader::Placed;
use crate::spec::tree::TemplateTree;

/// A checked workflow.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its text.
    pub source: Source,
    /// Its name, a word.
    pub id: String,
    /// One line for people; the id when none was given.
    pub title: String,
    /// The ledger item or topic it serves.
    pub focus: Option<String>,
    /// A free word, such as `perf`.
    pub mode: Option<String>,
    /// The variables and their defaults.
    pub vars: Vec<Var>,
    /// The directory, below the project root, in which bundles are made.
    pub root: Placed<String>,
    /// What must be in the bundle before it is sealed; a directory ends in `/`.
    pub requires: Vec<Placed<String>>,
    /// Earlier bundles that are read.
    pub inputs: Vec<Input>,
    /// The names of inputs that were left out because of a mistake; empty unless this is a draft.
    pub broken_inputs: Vec<String>,
    /// After how many identical failures no further identical try is made.
    pub stop_after_repeats: Option<u32>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// A variable.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its name.
    pub name: String,
    /// Its default.
    pub value: Json,
    /// Where it stands.
    pub span: Span,
}

/// An earlier bundle that is read.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name under which expressions find it.
    pub name: String,
    /// The directory of its bundles.
    pub bundle: Placed<String>,
    /// Which one.
    pub stamp: StampChoice,
}

/// Which bundle of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StampChoice {
    /// The newest sealed one.
    Latest,
    /// This one.
    Exact(Stamp),
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, a word.
    pub id: String,
    /// Where it stands.
    pub span: Span,
    /// What it does.
    pub action: Action,
    /// Variables added to the environment.
    pub env: Vec<(String, Template)>,
    /// The working directory, relative to the project root.
    pub cwd: Option<Template>,
    /// Where standard output goes, relative to the bundle.
    pub log: Option<Template>,
    /// The JSON file that holds a command's or a capture's metrics.
    pub metrics: Option<MetricsFile>,
    /// Conditions on the metrics.
    pub gates: Vec<Gate>,
    /// Limits on time, memory and output.
    pub limits: Limits,
    /// The profiler beside a kernel or a program.
    pub profile: Option<PluginUse>,
    /// The declared smaller attempt.
    pub fallback: Option<Fallback>,
    /// How often a failed attempt is repeated as it was.
    pub retry: u32,
    /// Outputs moved into the bundle.
    pub collect: Vec<Collect>,
    /// Where else the step may write: relative to the project root, or `~/...`, `$NAME/...`, `/...`.
    pub writes: Vec<Template>,
    /// Untracked or ignored files of the project that the step is meant to read, as patterns.
    pub reads: Vec<Template>,
    /// Whether it runs although an earlier step failed.
    pub always: bool,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Runs a program.
    Run(Command),
    /// Uses a plugin.
    Use(PluginUse),
}

/// A program.
#[derive(Clone, Debug)]
pub enum Command {
    /// The program and its arguments.
    Argv(Vec<Template>),
    /// A line for `sh -c`.
    Shell(Template),
}

/// A plugin and its configuration.
#[derive(Clone, Debug)]
pub struct PluginUse {
    /// The plugin's name, or a file (then it contains a `/`).
    pub plugin: Placed<String>,
    /// The digest that the file must have.
    pub sha256: Option<Placed<String>>,
    /// Its `with:`.
    pub with: TemplateTree,
}

/// A condition on metrics.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The expression.
    pub expression: Expression,
    /// Where it stands.
    pub span: Span,
}

/// Limits; templates because a workflow may take them from its variables.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Wall time.
    pub time: Option<Template>,
    /// Resident memory of the process tree.
    pub memory: Option<Template>,
    /// What is kept of each output stream.
    pub output: Option<Template>,
}

/// The declared smaller attempt.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// After which faults.
    pub when: Vec<Fault>,
    /// Which variables change, and to what.
    pub vars: Vec<Var>,
}

/// Moves outputs of a harness that insists on its own directory into the bundle.
#[derive(Clone, Debug)]
pub struct Collect {
    /// A path or glob below the project root.
    pub from: Template,
    /// A directory of the bundle.
    pub to: Template,
}

/// Where the metrics of a command or a capture are.
#[derive(Clone, Debug)]
pub struct MetricsFile {
    /// A path or glob below the bundle; `<step id>.json` of a capture that names none.
    pub file: Template,
    /// Where it stands.
    pub span: Span,
    /// What is taken from it.
    pub figures: Figures,
}

/// How metrics are taken from a file.
#[derive(Clone, Debug)]
pub enum Figures {
    /// From JSON: name and expression over `result`, the file's content.
    Values(Vec<(String, Expression)>),
    /// From text: name and a pattern with one group, whose last match is the number.
    Patterns(Vec<(String, Pattern)>),
}

/// A way in which a step can fail for real. A failed gate is not among them: it never shrinks a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Exit status other than 0, or an error of the plugin.
    Failed,
    /// Ended by a signal.
    Signal,
    /// Over the time limit.
    Timeout,
    /// Out of memory.
    Oom,
    /// The plugin's process crashed or exited.
    PluginCrash,
}

impl Fault {
    /// Every fault and its word.
    pub const ALL: [(&'static str, Self); 5] = [
        ("failed", Self::Failed),
        ("signal", Self::Signal),
        ("timeout", Self::Timeout),
        ("oom", Self::Oom),
        ("plugin_crash", Self::PluginCrash),
    ];
}
