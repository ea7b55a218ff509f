//! What the tests of faults share: a small [`workflow`] text, and [`Evidence`], a bundle as a reader finds it.
//!
//! Used beside `support` by the tests that look into bundles. Files are read as they lie on the disk, with
//! no code of the runner, so that a mistake of its own reader cannot hide one of its writer.
#![allow(dead_code, reason = "every test program of the package uses another part of it")]

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use crate::support::{Ended, Project};

/// Where the bundles of [`workflow`] are made.
pub const ROOT: &str = "reports/faults";

/// The ledger step of the tests, for the documents that a new `Project` has.
pub const LEDGER_STEP: &str = "
  - id: ledger
    uses: fix-plan
    always: true
    with: { ledger: docs/fix_plan.md, item: LOOP-001, plan: plans/active/loops.md, row: B1 }
";

/// A workflow with these steps, and `head` (further keys, such as `vars:`) before them.
pub fn workflow(head: &str, steps: &str) -> String {
    format!(
        "version: 1\nid: faults\ntitle: Faults\n{}\nbundle: {{ root: {ROOT} }}\nsteps:\n{}\n",
        head.trim_end(),
        steps.trim_matches('\n')
    )
}

/// What the user sees, with amounts of memory redacted too.
pub fn seen(ended: &Ended) -> String {
    let memory = Regex::new(r"\b[0-9.]+ (KiB|MiB|GiB)").expect("a valid pattern");
    memory.replace_all(&ended.transcript(), "[MEMORY]").into_owned()
}

/// A bundle on the disk.
#[derive(Clone, Debug)]
pub struct Evidence {
    path: PathBuf,
}

impl Evidence {
    /// The one bundle that a project's workflow made.
    pub fn only(project: &Project) -> Self {
        Self { path: project.bundle(ROOT) }
    }

    /// The one bundle below another directory.
    pub fn below(project: &Project, root: &str) -> Self {
        Self { path: project.bundle(root) }
    }

    /// All bundles of a project's workflow, oldest first.
    pub fn all(project: &Project) -> Vec<Self> {
        let entries = std::fs::read_dir(project.path(ROOT)).expect("the directory of bundles");
        let mut bundles: Vec<Self> =
            entries.map(|entry| Self { path: entry.expect("readable").path() }).collect();
        bundles.sort_by(|a, b| a.path.cmp(&b.path));
        bundles
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the directory.
    pub fn stamp(&self) -> String {
        self.path.file_name().expect("a name").to_string_lossy().into_owned()
    }

    /// Whether a file or directory is there.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// The bytes of a file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path.join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name)).into_owned()
    }

    /// A JSON file.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `state.json`.
    pub fn state(&self) -> Value {
        self.json("state.json")
    }

    /// How the run stands, in a word.
    pub fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").to_owned()
    }

    /// A step in `state.json`.
    pub fn step(&self, id: &str) -> Value {
        let state = self.state();
        let steps = state["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["id"] == id).cloned().unwrap_or_else(|| panic!("no step {id}"))
    }

    /// How a step ended, in a word; empty when it did not.
    pub fn outcome(&self, id: &str) -> String {
        self.step(id)["outcome"].as_str().unwrap_or_default().to_owned()
    }

    /// The lines of `commands.jsonl`.
    pub fn commands(&self) -> Vec<Value> {
        let text = self.text("commands.jsonl");
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    /// The last words of `commands.jsonl` about the commands of a step: started and ended, in order.
    pub fn commands_of(&self, step: &str) -> Vec<(Value, Value)> {
        let lines = self.commands();
        let started = lines.iter().filter(|line| line["event"] == "started" && line["step"] == step);
        started
            .map(|start| {
                let end = lines.iter().find(|line| line["event"] == "ended" && line["id"] == start["id"]);
                (start.clone(), end.cloned().unwrap_or(Value::Null))
            })
            .collect()
    }

    /// Every file, relative to the bundle, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.path.clone()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).expect("readable") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(&self.path).expect("below").display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}
