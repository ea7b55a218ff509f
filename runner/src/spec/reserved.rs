//! The names in a bundle that belong to the runner, and refusing a workflow that would write over them.
//!
//! A step's id (`step_id`) and the places that it writes to (`place`) are held against them by the third
//! pass. Only what stands in the file is known here; nothing may be looked up on the disk.

use crate::diagnostic::Diagnostic;
use crate::spec::reader::{Placed, Reader};

/// Files that the runner itself writes into a bundle. What a step writes must not have their names.
pub const OWN_FILES: [&str; 11] = [
    "commands.txt",
    "commands.jsonl",
    "plan.json",
    "state.json",
    "summary.md",
    "manifest.json",
    "inputs.json",
    "workflow.yaml",
    "comparison.json",
    "mapping.json",
    "ledger.patch",
];

/// Directories of a bundle in which only the runner makes files.
const OWN_DIRECTORIES: [&str; 3] = ["logs", "failed", "fallback"];

/// A capture step writes `<id>.json`, and a plain name stands for one thing in a bundle.
pub(super) fn step_id(reader: &mut Reader<'_>, id: &Placed<String>) {
    let stem = |file: &&str| file.split('.').next() == Some(id.value.as_str());
    // `ledger` is how most workflows call their last step, and nothing but a `.patch` is in its way.
    let files = OWN_FILES.iter().filter(|file| **file != "ledger.patch");
    if let Some(file) = files.copied().find(stem) {
        reader.mistake(
            Diagnostic::new(id.span, format!("a step cannot be called `{}`", id.value))
                .help(format!("the runner's own evidence is `{file}`: give the step another id")),
        );
    }
}

/// A file or directory that a step makes in the bundle: inside it, and none of the runner's own. What only
/// the run knows (`${{ }}`) is taken as it is written.
pub(super) fn place(reader: &mut Reader<'_>, path: &Placed<String>, what: &str) {
    let text = &path.value;
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        reader.mistake(
            Diagnostic::new(path.span, format!("{what} must be a relative path without `..`, not `{text}`"))
                .help("it is a place in the bundle, such as `build.log`"),
        );
        return;
    }
    let path_in_bundle = plain(text);
    let first = path_in_bundle.split('/').next().unwrap_or_default();
    let message = if OWN_DIRECTORIES.contains(&first) {
        format!("{what} lies in `{first}/`, where the runner keeps its own files")
    } else if OWN_FILES.contains(&first) || earlier_manifest(first) {
        format!("{what} is `{first}`, a file of the runner")
    } else {
        return;
    };
    reader.mistake(
        Diagnostic::new(path.span, message).help("give it another name, so that nothing is overwritten"),
    );
}

/// `manifest.1.json`: what a resumed run keeps of the manifest before.
fn earlier_manifest(name: &str) -> bool {
    let number = name.strip_prefix("manifest.").and_then(|rest| rest.strip_suffix(".json"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A path without the parts that change nothing: `./a//b` is `a/b`.
pub(super) fn plain(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}
