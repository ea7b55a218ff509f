//! What can be written on the command line, and what `--help` says of it: [`Cli`].

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0    complete
  1    everything was done, but standard output did not take all of the result
  2    the workflow or the command line is not valid; nothing was run
  3    blocked: the run is paused for guidance, its evidence is complete
  4    a rule of evidence was broken
  5    a plugin or tool that is needed is missing; nothing was run
  130  interrupted";

const EXAMPLES: &str = "\
Examples:
  runner run workflows/phase_b1.yaml
  runner run workflows/phase_b1.yaml --set size=1024
  runner plan workflows/phase_b1.yaml
  runner status
  runner resume reports/x/20261122T101112Z --note enlarged

";

const SCHEMA_HELP: &str = "\
In an editor with the YAML language server:
  runner schema > .workflow.schema.json
  # and as the first line of a workflow:
  # yaml-language-server: $schema=../.workflow.schema.json";

/// Runs a workflow and keeps the evidence.
///
/// A workflow is a YAML file. A run makes a bundle: a directory, named by the UTC second, with every command,
/// the environment, the profile, a summary and a manifest. The ledger in your repository gets one entry.
#[derive(Debug, Parser)]
#[command(name = "runner", version, about, long_about, max_term_width = 100)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}{EXIT_CODES}"))]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Subcommand,
}

/// Options of every subcommand.
#[derive(Debug, Args)]
pub struct Global {
    /// The project root [default: the git root above the workflow]
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Look for plugins here first; may be given several times
    #[arg(long, value_name = "DIR", global = true)]
    pub plugin_dir: Vec<PathBuf>,
    /// Print JSON: one object per line for events, one document for the rest
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only what is necessary
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Run a workflow and make a bundle
    Run(RunOptions),
    /// Show what a workflow would run, with everything resolved; run nothing
    Plan(PlanOptions),
    /// Go on with a run that was killed, interrupted, blocked or broken, in its bundle
    Resume(AgainOptions),
    /// Run what a bundle records again, into a new bundle, and compare the two
    Rerun(AgainOptions),
    /// Compare two bundles: outcomes, figures, top operations
    Compare(CompareOptions),
    /// Draft a workflow from a handoff note, or begin with a template; overwrite nothing
    New(NewOptions),
    /// Check workflows; run nothing
    Validate(ValidateOptions),
    /// Say where runs stand: all bundles of the project, or one
    Status(StatusOptions),
    /// Make the summary of a bundle again, from what is on disk
    Report(ReportOptions),
    /// Check that a bundle still is what was sealed, from the bundle alone
    Verify(ReportOptions),
    /// Look at bundles that other tools or people made, and say rule by rule what is missing
    Audit(AuditOptions),
    /// Look at a Markdown ledger: its items, or what is wrong with it; change nothing
    Ledger(LedgerOptions),
    /// List plugins, or show one, without running their code
    Plugins(PluginsOptions),
    /// Print the JSON Schema of workflow files, with the plugins that are found: for editors
    #[command(after_long_help = SCHEMA_HELP)]
    Schema,
    /// Print the completion script of a shell
    Completions(CompletionsOptions),
    /// Load a plugin and serve one job over stdin and stdout (for the runner itself)
    #[command(hide = true)]
    PluginHost,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunOptions {
    #[command(flatten)]
    pub plan: PlanOptions,
    /// Run although the last tries were identical and all failed alike (`stop_after_repeats`)
    #[arg(long)]
    pub force: bool,
    /// Do not look for the programs, scripts and options that the workflow names
    #[arg(long)]
    pub no_preflight: bool,
    #[command(flatten)]
    pub guard: GuardOptions,
}

/// How the programs of a run are guarded.
#[derive(Debug, Args)]
pub struct GuardOptions {
    /// Do not prevent writes outside of the bundle, only detect them: for steps that must gain privileges
    /// (sudo) or change mounts (containers), which a confined program cannot
    #[arg(long)]
    pub detect_only: bool,
}

/// Options of `resume` and `rerun`.
#[derive(Debug, Args)]
pub struct AgainOptions {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    /// Why; it becomes part of the evidence
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[command(flatten)]
    pub guard: GuardOptions,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// The earlier bundle
    #[arg(value_name = "A")]
    pub before: PathBuf,
    /// The later bundle
    #[arg(value_name = "B")]
    pub after: PathBuf,
}

/// Options of `plan`, and of `run`.
#[derive(Debug, Args)]
pub struct PlanOptions {
    /// The workflow
    #[arg(value_name = "WORKFLOW")]
    pub workflow: PathBuf,
    /// Give a variable of the workflow another value
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
}

const NEW: &str = "\
A draft holds what was understood; every other line of the note stands in a comment, with its number.
An earlier bundle that is not in this repository stays a comment.

Examples:
  runner new --from input.md > workflows/next.yaml
  runner new --list
  runner new --template parity --output demo/ && runner run demo/workflow.yaml

Exit codes:
  0  written
  2  nothing was written: the note, the name or the place is not usable
  3  a draft was written, and a person must complete it; standard error says what is missing";

/// Options of `new`.
#[derive(Debug, Args)]
#[command(after_help = NEW)]
#[command(group(ArgGroup::new("source").required(true).args(["from", "template", "list"])))]
pub struct NewOptions {
    /// Draft a workflow from this handoff note
    #[arg(long, value_name = "NOTE")]
    pub from: Option<PathBuf>,
    /// Begin with this ready-made workflow
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// List the templates
    #[arg(long)]
    pub list: bool,
    /// Write here instead of to standard output: a new file, or for a template a directory with its example
    #[arg(short, long, value_name = "PATH", conflicts_with = "list")]
    pub output: Option<PathBuf>,
}

/// Options of `validate`.
#[derive(Debug, Args)]
pub struct ValidateOptions {
    /// The workflows
    #[arg(value_name = "WORKFLOW", required = true)]
    pub workflows: Vec<PathBuf>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// A bundle [default: the newest bundles below `reports/`]
    #[arg(value_name = "BUNDLE")]
    pub bundle: Option<PathBuf>,
}

/// Options of `report` and `verify`.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
}

const AUDIT: &str = "\
Each rule says `holds`, `broken`, `n/a` (there is nothing it could apply to) or `unknown`, and why,
with the file and line where there is one. Nothing of a bundle is executed, changed or followed
out of it.

Examples:
  runner audit reports/20261120T101112Z     one bundle, rule by rule
  runner audit reports                      every bundle below reports, counted by rule
  runner audit reports --quiet              one line for each broken rule, and nothing when all hold
  runner audit reports --json | jq '.rules[] | select(.broken > 0)'

A broken rule looks like this:
  times  broken  commands.txt:7: no start and no end time with `pytest -q`

Exit codes:
  0  no rule is broken
  2  a directory is not there, or holds no bundle
  4  a rule is broken";

/// Options of `audit`.
#[derive(Debug, Args)]
#[command(after_help = AUDIT)]
pub struct AuditOptions {
    /// A bundle, or a directory with bundles below it: directories named by a stamp, in any usual spelling
    #[arg(value_name = "DIR", required = true)]
    pub directories: Vec<PathBuf>,
}

/// Options of `ledger`.
#[derive(Debug, Args)]
pub struct LedgerOptions {
    #[command(subcommand)]
    pub command: LedgerCommand,
}

#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// List the items with their status and attempts, or the attempts of one item
    Show {
        /// The ledger
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The ID of an item, without brackets
        #[arg(value_name = "ITEM")]
        item: Option<String>,
    },
    /// List what is wrong: numbers, index, links, artifacts, dates; exit code 4 when there is something
    Check {
        /// The ledger
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Options of `plugins`.
#[derive(Debug, Args)]
pub struct PluginsOptions {
    #[command(subcommand)]
    pub command: PluginsCommand,
}

#[derive(Debug, clap::Subcommand)]
pub enum PluginsCommand {
    /// List every plugin on the search path
    List,
    /// Show a plugin: what it does and what its `with:` may hold
    Info {
        /// Its name
        #[arg(value_name = "PLUGIN")]
        name: String,
    },
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsOptions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as size=1024".to_owned()),
    }
}
