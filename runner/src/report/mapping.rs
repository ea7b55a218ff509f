//! Which loop of an inventory each top operation is in: [`Mapping`], kept in a bundle as `mapping.json`.
//!
//! Made while a run is closed, from the profile of the run and the `loop_inventory.json` of an input bundle; the
//! summary shows what is stored. It is a first look, one loop an operation: what every loop costs is the business
//! of the plugin `hot-loops`.

use std::fmt::Write;
use std::path::Path;

use loop_inventory_model::{Inventory, Loop, NoModule, stale};
use serde::{Deserialize, Serialize};

use crate::diagnostic::counted;
use crate::evidence::{EvidenceRecord, RunState};
use crate::fs::{Digest, digest_bytes};
use crate::plan::Plan;
use crate::report::operations::{Operation, profiled, ranked};
use crate::report::table::Table;

/// The file of an input bundle that is looked for.
const INVENTORY: &str = "loop_inventory.json";
/// How many operations are mapped.
const OPERATIONS: usize = 10;

/// The content of `mapping.json`, version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// Of this format.
    pub version: u32,
    /// The inventory, relative to the project root.
    pub inventory: String,
    /// Its digest.
    pub sha256: Digest,
    /// Loops in it.
    pub loops: u64,
    /// The top operations by inclusive time.
    pub operations: Vec<MappedOperation>,
}

/// An operation, and the loop that it is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MappedOperation {
    /// Its name.
    pub function: String,
    /// Where it is, as the profile says.
    pub place: String,
    /// Share of the profile with it on the stack, in percent.
    pub inclusive_percent: f64,
    /// `line`: its hottest line is in the loop; `function`: the loop is the only outermost one of the function.
    pub by: Option<String>,
    /// The loop.
    pub r#loop: Option<MappedLoop>,
    /// Why there is none.
    pub reason: Option<String>,
}

/// What the summary says of a loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedLoop {
    /// Its id in the inventory.
    pub id: String,
    /// `src/a.rs:12`.
    pub place: String,
    /// Its head.
    pub header: String,
    /// What people decided.
    pub class: Option<String>,
}

impl Mapping {
    /// Maps a run's top operations. `None` where there is no profile, or no input with an inventory; the error says
    /// why an inventory that is there cannot be used.
    pub fn of(bundle: &Path, plan: &Plan, state: &RunState, root: &Path) -> Result<Option<Self>, String> {
        let Some((_, _, hotspots)) = profiled(bundle, state) else { return Ok(None) };
        let mut inputs = plan.inputs.iter().map(|input| format!("{}/{INVENTORY}", input.path));
        let Some(path) = inputs.find(|path| root.join(path).is_file()) else { return Ok(None) };
        let bytes = std::fs::read(root.join(&path)).map_err(|error| format!("`{path}`: {error}"))?;
        let inventory = Inventory::read(&bytes).map_err(|error| format!("`{path}`: {error}"))?;
        let operations = ranked(&hotspots, OPERATIONS);
        Ok(Some(Self {
            version: 1,
            inventory: path,
            sha256: digest_bytes(&bytes),
            loops: inventory.all_loops.len() as u64,
            operations: operations.iter().map(|operation| map(&inventory, root, operation)).collect(),
        }))
    }

    /// What a bundle holds.
    pub fn stored(record: &EvidenceRecord) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(record.path.join("mapping.json")).ok()?).ok()
    }

    /// The text below the heading: Markdown, not yet made ASCII.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mapped = self.operations.iter().filter(|operation| operation.r#loop.is_some()).count();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{mapped} of {} top operations are in a loop of `{}` ({}).\n",
            self.operations.len(),
            self.inventory,
            counted(self.loops, "loop")
        );
        let mut table = Table::new(["#", "Operation", "Loop", "Where", "Class", "Known by"]);
        for (index, operation) in self.operations.iter().enumerate() {
            let found = operation.r#loop.as_ref();
            table.row([
                (index + 1).to_string(),
                format!("`{}`", operation.function),
                found.map_or_else(|| "-".to_owned(), |found| format!("`{}`", found.header.replace('`', "'"))),
                found.map_or_else(String::new, |found| format!("`{}`", found.place)),
                found.map_or_else(String::new, |found| {
                    found.class.clone().unwrap_or_else(|| "none".to_owned())
                }),
                operation.by.clone().or_else(|| operation.reason.clone()).unwrap_or_default(),
            ]);
        }
        text.push_str(&table.render());
        text
    }
}

fn map(inventory: &Inventory, root: &Path, operation: &Operation) -> MappedOperation {
    let found = find(inventory, operation).and_then(|(by, found)| fits(root, found).map(|()| (by, found)));
    let (by, found, reason) = match found {
        Ok((by, found)) => (Some(by.to_owned()), Some(mapped(found)), None),
        Err(reason) => (None, None, Some(reason)),
    };
    MappedOperation {
        function: operation.function.clone(),
        place: operation.place(),
        inclusive_percent: operation.inclusive_percent,
        by,
        r#loop: found,
        reason,
    }
}

/// Whether the source still has the loop where the inventory says.
fn fits(root: &Path, found: &Loop) -> Result<(), String> {
    let source = std::fs::read_to_string(root.join(&found.module))
        .map_err(|error| format!("`{}` cannot be read: {error}", found.module))?;
    stale(found, &source)
        .map_or(Ok(()), |reason| Err(format!("the inventory does not fit the source: {reason}")))
}

fn find<'i>(inventory: &'i Inventory, operation: &Operation) -> Result<(&'static str, &'i Loop), String> {
    let Some(file) = &operation.file else { return Err("no source file is known".to_owned()) };
    let unknown = |error: NoModule| match error {
        NoModule::Unknown { .. } => "its file has no loop in the inventory".to_owned(),
        ambiguous @ NoModule::Ambiguous { .. } => ambiguous.to_string(),
    };
    if let Some(line) = operation.line {
        let found = inventory.find(file, line).map_err(unknown)?;
        return found.map(|found| ("line", found)).ok_or_else(|| "its hottest line is in no loop".to_owned());
    }
    let loops = inventory.in_function(file, &operation.function, operation.first_line).map_err(unknown)?;
    let outermost: Vec<&Loop> = loops.into_iter().filter(|one| one.depth.unwrap_or(0) == 0).collect();
    match outermost[..] {
        [one] => Ok(("function", one)),
        [] => Err("its function has no loop in the inventory".to_owned()),
        _ => Err(format!("only the function is known, and it has {} outermost loops", outermost.len())),
    }
}

fn mapped(found: &Loop) -> MappedLoop {
    MappedLoop {
        id: found.id.clone(),
        place: format!("{}:{}", found.module, found.line),
        header: found.loop_header.clone(),
        class: found.class.map(|class| class.name().to_owned()),
    }
}
