//! Which loops does the source code have? [`LoopInventory`] is a capture plugin that lists them.
//!
//! It writes `loop_inventory.json` (all of them) and `loops.md` (for people) and returns counts, problems and
//! contradictions, which the runner writes as `<step id>.json`. Sources are parsed with tree-sitter; nothing is
//! compiled or run. Classes come from Markdown tables that people keep; they are never guessed.
//!
//! `files` finds, `scan` and the languages read, `take` puts it together; the model crate holds the result.

mod c;
mod chain;
pub mod config;
pub mod files;
mod hint;
pub mod language;
mod literal;
mod python;
mod rust;
pub mod scan;
mod syntax;
mod table;
pub mod take;
mod unparse;
mod walk;

use loop_inventory_model::{Problem, ProblemKind};
use runner_plugin::{Capture, Error, Host, Level};
use serde_json::{Value, json};

pub use config::Config;
use take::{Outside, Taken, take};

/// So many warnings of one sort reach the summary; the inventory has all of them.
const WARNINGS: usize = 10;
/// So many problems stand in the step's own JSON.
const LISTED: usize = 20;

/// The plugin.
#[derive(Debug)]
pub struct LoopInventory {
    config: Config,
}

/// The host as the scan sees it.
struct Real(Host);

impl Outside for Real {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.read(path).map_err(|error| error.to_string())
    }

    fn go_on(&self, done: u64, total: u64) -> bool {
        self.0.progress(done, total, "files");
        !self.0.cancelled()
    }
}

impl Capture for LoopInventory {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn capture(&mut self, host: &Host) -> Result<Value, Error> {
        // The host starts a plugin in the project root, from which `Host::read` counts too.
        let root = std::env::current_dir()?;
        let taken = take(&root, &self.config, &Real(*host))?;
        let inventory = &taken.inventory;
        let (out, table) = (&self.config.out, self.config.table());
        host.write_artifact(out, &inventory.to_json()?)?;
        host.write_artifact(&table, table::table(inventory).as_bytes())?;
        warn(*host, &taken, out);
        Ok(summary(&taken, out, &table))
    }
}

fn warn(host: Host, taken: &Taken, out: &str) {
    let all = |texts: Vec<String>, what: &str| {
        for text in texts.iter().take(WARNINGS) {
            host.log(Level::Warning, text);
        }
        if let Some(more) = texts.len().checked_sub(WARNINGS + 1) {
            host.log(Level::Warning, &format!("{} more {what}: see `{out}`", more + 1));
        }
    };
    // A loop in a macro is no mistake of anybody; it is listed, and counted in the step's own JSON.
    let is_fault = |problem: &&Problem| problem.kind != ProblemKind::Macro;
    let mut faults: Vec<&Problem> = taken.inventory.problems.iter().filter(is_fault).collect();
    // One for each file: the first mistake often makes the others.
    faults.dedup_by(|later, first| later.file == first.file);
    all(faults.iter().map(ToString::to_string).collect(), "files that were not understood everywhere");
    let contradictions = taken.inventory.contradictions.iter().map(ToString::to_string);
    all(contradictions.collect(), "contradictions between classes and loops");
    if taken.is_hot_empty {
        host.log(Level::Warning, "`hot` fits no file that was scanned: no loop is listed as hot");
    }
}

/// The step's own JSON: counts and what needs eyes; the loops stand in the artifact.
fn summary(taken: &Taken, out: &str, table: &str) -> Value {
    let inventory = &taken.inventory;
    let of_kind = |kind| inventory.problems.iter().filter(|problem| problem.kind == kind).count();
    json!({
        "inventory": out,
        "table": table,
        "files": taken.files,
        "bytes": taken.bytes,
        "skipped": taken.skipped,
        "total_loops": inventory.total_loops,
        "hot_loops_count": inventory.hot_loops_count,
        "counts": inventory.counts,
        "by_class": table::by_class(inventory),
        "by_language": table::by_language(inventory),
        "contradictions": inventory.contradictions,
        "problem_counts": {
            "unreadable": of_kind(ProblemKind::Unreadable),
            "not_utf8": of_kind(ProblemKind::NotUtf8),
            "syntax": of_kind(ProblemKind::Syntax),
            "macro": of_kind(ProblemKind::Macro),
        },
        "problems": inventory.problems.iter().take(LISTED).collect::<Vec<_>>(),
    })
}

runner_plugin::export! {
    capture: LoopInventory,
    name: "loop-inventory",
    summary: "Lists the loops of Python, C, C++ and Rust sources, with the classes that people gave them",
    schema: include_str!("../schema.json"),
}
