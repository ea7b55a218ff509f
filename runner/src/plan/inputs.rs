//! Inputs: earlier bundles that a workflow reads. They are found by stamp and digested, so that a change to
//! one of them during the run is seen.

use std::fmt::{self, Write};
use std::io;
use std::path::Path;

use crate::clock::Stamp;
use crate::fs::{Digest, digest_bytes, digest_entry, files_below};
use crate::plan::PlanInput;
use crate::spec::{Input, StampChoice};

/// Why an input could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.help)
    }
}

/// Finds the bundle of an input and digests it. A `pin` is taken instead of what the workflow says.
pub fn resolve(input: &Input, root: &Path, pin: Option<&Stamp>) -> Result<PlanInput, InputError> {
    let directory = &input.bundle.value;
    let stamp = match (pin, &input.stamp) {
        (Some(stamp), _) | (None, StampChoice::Exact(stamp)) => stamp.clone(),
        (None, StampChoice::Latest) => newest_complete(&root.join(directory)).map_err(|other| {
            let (message, help) = match other {
                None => (
                    format!("there is no sealed bundle below `{directory}`"),
                    "run the workflow that makes it first",
                ),
                Some((stamp, status)) => (
                    format!("no bundle below `{directory}` is complete; the newest, `{stamp}`, is {status}"),
                    "run the workflow that makes it again, or name the stamp of a bundle",
                ),
            };
            InputError { message, help: help.to_owned() }
        })?,
    };
    let path = format!("{}/{stamp}", directory.trim_end_matches('/'));
    let sha256 = digest_bundle(&root.join(&path)).map_err(|error| InputError {
        message: format!("the input bundle `{path}` cannot be read: {error}"),
        help: "name a stamp that exists, or `latest`".to_owned(),
    })?;
    Ok(PlanInput { name: input.name.clone(), path, stamp, sha256 })
}

/// The newest sealed bundle whose run was complete: what a blocked run left is no basis for the next one. The
/// error names the newest that is not, where there is one.
fn newest_complete(directory: &Path) -> Result<Stamp, Option<(Stamp, String)>> {
    let entries = std::fs::read_dir(directory).map_err(|_| None)?;
    let mut sealed: Vec<Stamp> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("manifest.json").is_file())
        .filter_map(|entry| Stamp::parse(entry.file_name().to_str()?))
        .collect();
    sealed.sort();
    let status = |stamp: &Stamp| status_of(&directory.join(stamp.to_string()));
    match sealed.iter().rev().find(|stamp| status(stamp).is_none_or(|status| status == "complete")) {
        Some(stamp) => Ok(stamp.clone()),
        None => Err(sealed.pop().map(|newest| {
            let status = status(&newest).unwrap_or_default();
            (newest, status)
        })),
    }
}

/// How a bundle's run ended, as its `state.json` says it; `None` where another tool made the bundle.
fn status_of(bundle: &Path) -> Option<String> {
    let state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bundle.join("state.json")).ok()?).ok()?;
    state["status"].as_str().map(str::to_owned)
}

/// One digest over the names and contents of all files of a bundle.
pub fn digest_bundle(path: &Path) -> io::Result<Digest> {
    let mut text = String::new();
    for file in files_below(path)? {
        let full = path.join(&file);
        let (digest, _) = digest_entry(&full)?;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{digest}  {}", file.display());
    }
    Ok(digest_bytes(text.as_bytes()))
}
