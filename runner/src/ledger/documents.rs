//! [`Documents`]: the Markdown files that a ledger plugin was shown, and the writing of its edit.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use serde::Deserialize;

use crate::fs::write_atomic;
use crate::ledger::merge::{added, merge};
use crate::ledger::patch::unified;

/// What a ledger plugin wants changed; see the SDK's `Edit`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Edit {
    /// For each path the replacements, ordered by `start`, not overlapping.
    pub splices: BTreeMap<String, Vec<Splice>>,
    /// The number of the attempt that was written.
    #[serde(default)]
    pub attempt: Option<u64>,
    /// One line about the edit.
    #[serde(default)]
    pub summary: String,
    /// Why the plugin does not want this written: it could not find the one place that is meant. The splices
    /// then are a proposal, for a person.
    #[serde(default)]
    pub refused: Option<String>,
}

/// Replaces the bytes `start..end` by `text`.
#[derive(Clone, Debug, Deserialize)]
pub struct Splice {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What stands there afterwards.
    pub text: String,
}

/// An edit that was written.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The files that changed, relative to the project root.
    pub files: Vec<String>,
    /// The change as a unified diff.
    pub patch: String,
    /// The files that somebody else had changed meanwhile, elsewhere: both changes are in them now.
    pub merged: Vec<String>,
}

/// An edit that was not written. Every file is as it was; `patch` is what would have been written.
#[derive(Clone, Debug)]
pub struct CommitError {
    message: String,
    /// The change as a unified diff, when there is one.
    pub patch: String,
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommitError {}

/// The files that a plugin was shown, with the bytes it saw.
#[derive(Debug)]
pub struct Documents {
    root: PathBuf,
    seen: Mutex<BTreeMap<String, String>>,
}

impl Documents {
    /// No documents yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), seen: Mutex::default() }
    }

    /// Shows a document: a path relative to the project root, inside it.
    pub fn read(&self, path: &str) -> Result<String, String> {
        let full = self.inside(path)?;
        let bytes = fs::read(&full).map_err(|error| format!("cannot read `{path}`: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.split(|byte| *byte == b'\n').count();
            format!("`{path}` is not UTF-8 (line {line}); nothing was changed")
        })?;
        self.seen().insert(path.to_owned(), text.clone());
        Ok(text)
    }

    fn inside(&self, path: &str) -> Result<PathBuf, String> {
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if plain && !path.is_empty() {
            Ok(self.root.join(path))
        } else {
            Err(format!("`{path}` is not a path inside the project"))
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes an edit. Either every file is changed, or none. The same edit a second time changes nothing.
    pub fn commit(&self, edit: &Edit) -> Result<Committed, CommitError> {
        let (changes, patch) = self.changes(edit)?;
        let fail = |message: String| CommitError { message, patch: patch.clone() };
        if let Some(reason) = &edit.refused {
            return Err(fail(reason.clone()));
        }
        let mut committed = Committed::default();
        let mut writes: Vec<(&str, Vec<u8>, String)> = Vec::new();
        for Change { path, old, new } in &changes {
            let now = fs::read(self.root.join(path))
                .map_err(|error| fail(format!("cannot read `{path}`: {error}")))?;
            let new = if now == old.as_bytes() {
                new.clone()
            } else {
                let text = meanwhile(path, &now, old, new, edit.attempt).map_err(&fail)?;
                committed.merged.push((*path).clone());
                text
            };
            if new.as_bytes() != now {
                committed.patch.push_str(&unified(path, &String::from_utf8_lossy(&now), &new));
                committed.files.push((*path).clone());
                writes.push((path, now, new));
            }
        }
        for (index, (path, _, new)) in writes.iter().enumerate() {
            if let Err(error) = write_atomic(&self.root.join(path), new.as_bytes()) {
                let mut message = format!("{error}; nothing was written");
                for (earlier, before, _) in &writes[..index] {
                    if let Err(error) = write_atomic(&self.root.join(earlier), before) {
                        message =
                            format!("{message}, except `{earlier}`, which could not be put back: {error}");
                    }
                }
                return Err(fail(message));
            }
        }
        Ok(committed)
    }

    /// What an edit changes in the texts that the plugin saw, and that as a patch.
    fn changes(&self, edit: &Edit) -> Result<(Vec<Change>, String), CommitError> {
        let seen = self.seen();
        let mut changes = Vec::new();
        let mut patch = String::new();
        for (path, splices) in &edit.splices {
            let fail = |message: String| CommitError { message, patch: patch.clone() };
            let old = seen.get(path).ok_or_else(|| {
                fail(format!("the plugin wants to change `{path}`, which it did not ask to see"))
            })?;
            let new =
                splice(old, splices).map_err(|message| fail(format!("the edit of `{path}` {message}")))?;
            if new != *old {
                patch.push_str(&unified(path, old, &new));
                changes.push(Change { path: path.clone(), old: old.clone(), new });
            }
        }
        Ok((changes, patch))
    }
}

/// What an edit makes of a text.
#[derive(Debug)]
struct Change {
    path: String,
    old: String,
    new: String,
}

/// The text `now` of a file that somebody changed after the plugin saw it, with the edit in it.
fn meanwhile(path: &str, now: &[u8], old: &str, new: &str, attempt: Option<u64>) -> Result<String, String> {
    let refuse = |place: String, why: &str| {
        format!("`{path}` was changed by somebody else meanwhile{place}{why}; nothing was written")
    };
    let Ok(now) = std::str::from_utf8(now) else {
        return Err(refuse(String::new(), " and is not UTF-8 now"));
    };
    let merged = merge(old, new, now).map_err(|line| {
        refuse(format!(", in line {line} as this run saw it"), ", where the entry belongs")
    })?;
    // The same number twice is what no merge of lines can see. An edit that is there already is no clash.
    if let Some(number) = attempt.filter(|_| merged != now) {
        let head = format!("Attempt #{number}");
        let named = |line: &str| {
            line.split_once(&head).is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let by_us = added(old, new).into_iter().any(named);
        if by_us && added(old, now).into_iter().any(named) {
            return Err(refuse(String::new(), &format!(": there is another attempt #{number}")));
        }
    }
    Ok(merged)
}

fn splice(old: &str, splices: &[Splice]) -> Result<String, String> {
    let mut new = String::with_capacity(old.len() + 4096);
    let mut at = 0;
    for splice in splices {
        if splice.start < at || splice.end < splice.start || splice.end > old.len() {
            return Err(format!(
                "has a replacement out of order or out of range ({}..{})",
                splice.start, splice.end
            ));
        }
        let kept = old.get(at..splice.start).filter(|_| old.is_char_boundary(splice.end));
        new.push_str(kept.ok_or("cuts a character in two")?);
        new.push_str(&splice.text);
        at = splice.end;
    }
    new.push_str(&old[at..]);
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, start: usize, end: usize, text: &str) -> Edit {
        let splice = Splice { start, end, text: text.to_owned() };
        Edit { splices: BTreeMap::from([(path.to_owned(), vec![splice])]), ..Edit::default() }
    }

    fn project() -> (tempfile::TempDir, Documents) {
        let directory = tempfile::tempdir().expect("tempdir");
        write_atomic(&directory.path().join("a.md"), b"one\ntwo\n").expect("write");
        let documents = Documents::new(directory.path());
        documents.read("a.md").expect("read");
        (directory, documents)
    }

    #[test]
    fn an_edit_is_written_and_told_as_a_patch() {
        let (directory, documents) = project();
        let committed = documents.commit(&edit("a.md", 4, 7, "2")).expect("commit");
        assert_eq!(committed.files, ["a.md"]);
        assert!(committed.patch.contains("-two\n+2\n"), "{}", committed.patch);
        assert_eq!(fs::read_to_string(directory.path().join("a.md")).expect("read"), "one\n2\n");
    }

    #[test]
    fn a_line_that_somebody_changed_meanwhile_is_left_alone_and_the_patch_survives() {
        let (directory, documents) = project();
        let path = directory.path().join("a.md");
        write_atomic(&path, b"one\nTwo\nthree\n").expect("somebody else writes");
        let error = documents.commit(&edit("a.md", 4, 7, "2")).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "`a.md` was changed by somebody else meanwhile, in line 2 as this run saw it, where the entry belongs; \
             nothing was written"
        );
        assert!(error.patch.contains("+2"), "{}", error.patch);
        assert_eq!(fs::read_to_string(path).expect("read"), "one\nTwo\nthree\n");
    }

    #[test]
    fn a_change_elsewhere_and_the_edit_are_both_kept() {
        let (directory, documents) = project();
        let path = directory.path().join("a.md");
        write_atomic(&path, b"zero\none\ntwo\n").expect("somebody else writes");
        let committed = documents.commit(&edit("a.md", 4, 7, "2")).expect("merged");
        assert_eq!((committed.files.len(), committed.merged), (1, vec!["a.md".to_owned()]));
        assert_eq!(fs::read_to_string(path).expect("read"), "zero\none\n2\n");
        assert!(committed.patch.contains(" zero\n one\n-two\n+2\n"), "{}", committed.patch);
    }

    #[test]
    fn the_same_commit_twice_adds_nothing() {
        let (directory, documents) = project();
        let path = directory.path().join("a.md");
        let edit = Edit { attempt: Some(1), ..edit("a.md", 4, 4, "* Attempt #1 - x\n") };
        documents.commit(&edit).expect("commit");
        let again = documents.commit(&edit).expect("commit");
        assert_eq!((again.files.len(), again.patch.as_str()), (0, ""));
        assert_eq!(fs::read_to_string(path).expect("read"), "one\n* Attempt #1 - x\ntwo\n");
    }

    #[test]
    fn another_attempt_of_the_same_number_elsewhere_is_refused() {
        let (directory, documents) = project();
        let path = directory.path().join("a.md");
        write_atomic(&path, b"* Attempt #1 - mine\none\ntwo\n").expect("somebody else writes");
        let with = |number, text| Edit { attempt: Some(number), ..edit("a.md", 8, 8, text) };
        let error = documents.commit(&with(1, "* Attempt #1 - x\n")).expect_err("refused");
        assert!(error.to_string().contains("there is another attempt #1;"), "{error}");
        documents.commit(&with(2, "* Attempt #2 - x\n")).expect("another number is none");
    }

    #[test]
    fn what_the_plugin_refuses_is_a_patch_and_nothing_else() {
        let (directory, documents) = project();
        let refused = Edit { refused: Some("no item".to_owned()), ..edit("a.md", 4, 7, "2") };
        let error = documents.commit(&refused).expect_err("refused");
        assert_eq!(error.to_string(), "no item");
        assert!(error.patch.contains("-two\n+2\n"), "{}", error.patch);
        assert_eq!(fs::read_to_string(directory.path().join("a.md")).expect("read"), "one\ntwo\n");
    }

    #[test]
    fn a_bad_splice_an_unseen_file_and_a_path_outside_are_refused() {
        let (_directory, documents) = project();
        assert!(documents.commit(&edit("a.md", 4, 99, "")).is_err());
        assert!(documents.commit(&edit("b.md", 0, 0, "x")).is_err());
        for path in ["../a.md", "/etc/passwd", "", "./../a.md"] {
            assert!(documents.read(path).is_err(), "{path}");
        }
    }
}
