//! [`verify`]: whether a bundle still is what was sealed, from the bundle alone.
//!
//! Looks for files that changed, went away or came; for a break in the chain of commands; for a
//! `commands.txt` or a `summary.md` that does not follow from the data; and for plugins whose digests the
//! files of the bundle state differently. Reads only, and works on a copy anywhere. It cannot see a bundle
//! that was made anew as a whole: whoever must rule that out keeps the digest of `manifest.json` elsewhere.
//!
//! Each version of the runner has its own words for the same data. A text that another build made, and that is not what
//! this one would write, is therefore [`Unknown`], and no finding.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::evidence::{CommandLog, EvidenceError, EvidenceRecord, Manifest, ManifestFile, PluginId};
use crate::fs::{Digest, digest_entry, digest_file, files_below, shown};
use crate::report;

/// What is wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, relative to the bundle.
    pub file: String,
    /// What is wrong.
    pub problem: Problem,
    /// In words.
    pub message: String,
}

/// The kinds of things that can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// There is no manifest: the run did not come to its end.
    NotSealed,
    /// A file cannot be read or understood.
    Unreadable,
    /// A file has other bytes.
    Changed,
    /// A file is shorter than it was.
    Truncated,
    /// A file is gone.
    Removed,
    /// A file came later.
    Added,
    /// A line of the command log does not follow from the one before.
    BrokenChain,
    /// A text does not follow from the data.
    DoesNotFollow,
    /// The files of the bundle name different plugins.
    PluginDiffers,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.message)
    }
}

/// Something that cannot be known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The file, relative to the bundle.
    pub file: String,
    /// What is not known, and why.
    pub reason: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}

/// What is to be said of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// What is wrong. When there is nothing, the bundle is as it was sealed.
    pub findings: Vec<Finding>,
    /// What cannot be known here.
    pub unknown: Vec<Unknown>,
}

/// Checks a bundle.
pub fn verify(bundle: &Path) -> Result<Verified, EvidenceError> {
    let listed = files_below(bundle).map_err(|error| EvidenceError::at(bundle, "cannot list", error))?;
    let present: BTreeMap<String, PathBuf> = listed.into_iter().map(|file| (shown(&file), file)).collect();
    let mut findings = Verified::default();
    let manifest = findings.manifest(bundle);
    if let Some(manifest) = &manifest {
        for file in &manifest.files {
            findings.file(bundle, file, present.get(&file.path));
        }
        let sealed: BTreeSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
        for file in present.keys().filter(|file| *file != "manifest.json" && !sealed.contains(file.as_str()))
        {
            findings.add(file, Problem::Added, "is not in the manifest: it came after the bundle was sealed");
        }
    }
    if manifest.is_none() {
        findings.sizes(bundle);
    }
    findings.chain(bundle, manifest.as_ref());
    findings.texts(bundle, manifest.as_ref());
    Ok(findings)
}

impl Verified {
    fn add(&mut self, file: &str, problem: Problem, message: impl Into<String>) {
        self.findings.push(Finding { file: file.to_owned(), problem, message: message.into() });
    }

    fn manifest(&mut self, bundle: &Path) -> Option<Manifest> {
        let name = "manifest.json";
        let bytes = match fs::read(bundle.join(name)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.add(name, Problem::NotSealed, "is not there: the bundle was never sealed");
                return None;
            }
            Err(error) => {
                self.add(name, Problem::Unreadable, error.to_string());
                return None;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(manifest) => {
                // No digest covers the manifest itself; that it was cut can be seen all the same.
                if !bytes.ends_with(b"\n") {
                    self.add(name, Problem::Truncated, "lacks its last line end");
                }
                Some(manifest)
            }
            Err(error) => {
                self.add(name, Problem::Unreadable, format!("is not understood: {error}"));
                None
            }
        }
    }

    fn file(&mut self, bundle: &Path, sealed: &ManifestFile, present: Option<&PathBuf>) {
        let Some(present) = present else {
            return self.add(&sealed.path, Problem::Removed, "is gone");
        };
        match digest_entry(&bundle.join(present)) {
            Ok((sha256, size)) if sha256 == sealed.sha256 && size == sealed.size => {}
            Ok((_, size)) if size < sealed.size => {
                let message = format!("has {size} of its {} bytes", sealed.size);
                self.add(&sealed.path, Problem::Truncated, message);
            }
            Ok(_) => self.add(&sealed.path, Problem::Changed, "has other bytes than when it was sealed"),
            Err(error) => self.add(&sealed.path, Problem::Unreadable, error.to_string()),
        }
    }

    /// Without a manifest there is what `state.json` noted when the last step ended.
    fn sizes(&mut self, bundle: &Path) {
        let Ok(record) = EvidenceRecord::load(bundle) else { return };
        for (name, size) in &record.state.sizes {
            match bundle.join(name).symlink_metadata() {
                Ok(found) if found.len() < *size => {
                    let message =
                        format!("has {} of the {size} bytes that it had when a step ended", found.len());
                    self.add(name, Problem::Truncated, message);
                }
                Ok(_) => {}
                Err(_) => self.add(name, Problem::Removed, "is gone"),
            }
        }
    }

    fn chain(&mut self, bundle: &Path, manifest: Option<&Manifest>) {
        let name = CommandLog::FILES[0];
        let text = match fs::read_to_string(bundle.join(name)) {
            Ok(text) => text,
            Err(error) => return self.add(name, Problem::Unreadable, format!("cannot be read: {error}")),
        };
        let (head, broken) = CommandLog::follow(&text);
        for message in broken {
            self.add(name, Problem::BrokenChain, message);
        }
        if manifest.is_some_and(|manifest| manifest.commands_head != head) {
            self.add(name, Problem::BrokenChain, "does not end in the line that the manifest names");
        }
    }

    /// What was made from the data must follow from the data.
    fn texts(&mut self, bundle: &Path, manifest: Option<&Manifest>) {
        let record = match EvidenceRecord::load(bundle) {
            Ok(record) => record,
            Err(error) => return self.add("state.json", Problem::Unreadable, error.to_string()),
        };
        let stamp = record.plan.stamp.as_ref().map_or("", crate::clock::Stamp::as_str);
        let sealed_by = manifest.map(|manifest| &manifest.runner);
        self.follows(bundle, CommandLog::FILES[1], &CommandLog::text(stamp, &record.commands), sealed_by);
        self.follows(bundle, "summary.md", &report::summary(&record), sealed_by);
        let Some(manifest) = manifest else { return };
        if record.plan.stamp.as_ref() != Some(&manifest.stamp) {
            self.add("plan.json", Problem::DoesNotFollow, "has another stamp than the manifest");
        }
        let loaded = record.commands.iter().flat_map(|command| &command.start.plugins);
        let known: BTreeSet<(&str, &str)> = manifest.plugins.iter().map(key).collect();
        let strangers: BTreeSet<(&str, &str)> =
            loaded.map(key).filter(|plugin| !known.contains(plugin)).collect();
        for (name, sha256) in strangers {
            let message =
                format!("a command loaded plugin `{name}` with sha256 {sha256}, the manifest names another");
            self.add(CommandLog::FILES[0], Problem::PluginDiffers, message);
        }
        for step in &record.plan.steps {
            for plugin in step.plugin.iter().chain(&step.profiler) {
                let (name, sha256) = (plugin.manifest.name.as_str(), plugin.sha256.as_str());
                if !known.contains(&(name, sha256)) {
                    let message = format!("plugin `{name}` has sha256 {sha256}, the manifest names another");
                    self.add("plan.json", Problem::PluginDiffers, message);
                }
            }
        }
    }

    fn follows(&mut self, bundle: &Path, name: &str, expected: &str, sealed_by: Option<&PluginId>) {
        match fs::read(bundle.join(name)) {
            Ok(bytes) if bytes == expected.as_bytes() => {}
            Ok(_) => match sealed_by.filter(|runner| this_build().is_none_or(|own| own != runner.sha256)) {
                Some(PluginId { version, sha256, .. }) => self.unknown.push(Unknown {
                    file: name.to_owned(),
                    reason: format!(
                        "whether it follows from the data is for the runner to say that sealed the bundle ({version}, \
                         sha256 {sha256}): this one ({}, {}) would write it in other words",
                        env!("CARGO_PKG_VERSION"),
                        this_build().map_or_else(|| "which cannot read itself".to_owned(), |own| format!("sha256 {own}"))
                    ),
                }),
                None => self.add(name, Problem::DoesNotFollow, "does not follow from the data of the bundle"),
            },
            // That it is gone was said already.
            Err(_) => {}
        }
    }
}

/// The runner that runs now.
fn this_build() -> Option<Digest> {
    digest_file(Path::new("/proc/self/exe")).ok().map(|(sha256, _)| sha256)
}

fn key(plugin: &PluginId) -> (&str, &str) {
    (plugin.name.as_str(), plugin.sha256.as_str())
}
